// A star to set and take back; what it is pressed for is the page's to know.

import { el, hiddenText, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';

class StarButton extends HTMLElement {
  #session = null;
  #name = hiddenText('');
  #button = el('button', { type: 'button', class: 'star', onclick: () => this.#want() }, icon('star'), this.#name);

  connectedCallback() {
    if (this.children.length) return;
    const hasWord = 'word' in this.dataset;
    this.#button.classList.add(...(hasWord ? ['button', 'outline'] : ['icon-button']));
    this.append(this.#button);
    if (hasWord) this.#name.before('Star');
  }

  // What is cancelled takes no star; one that it has can be taken back.
  show(session, starred) {
    this.#session = session;
    setText(this.#name, 'word' in this.dataset ? ` ${session.session_title}` : `Star ${session.session_title}`);
    this.#button.setAttribute('aria-pressed', starred);
    this.hidden = session.status === 'cancelled' && !starred;
  }

  reachable(isReachable) {
    this.#button.tabIndex = isReachable ? 0 : -1;
  }

  #want() {
    const starred = this.#button.getAttribute('aria-pressed') !== 'true';
    this.dispatchEvent(new CustomEvent('star-wanted', { bubbles: true, detail: { session: this.#session, starred } }));
  }
}

customElements.define('star-button', StarButton);
