// Short notices at the edge of the page. A failure stays until it is dismissed or answered;
// a success leaves by itself, later while the pointer or the focus rests on it.

import { el, hiddenText } from '/web/dom.js';
import { icon } from '/web/icons.js';

const LINGER_MS = 5000;
const MOST = 4;

class ToastStack extends HTMLElement {
  connectedCallback() {
    this.setAttribute('role', 'log');
    this.setAttribute('aria-live', 'polite');
    this.setAttribute('aria-label', 'Notices');
  }

  // A later toast about the same subject takes the place of the earlier one.
  show({ text, subject, failure = false, action = null }) {
    this.dismiss(subject);
    const toast = el(
      'div',
      { class: 'toast', 'data-subject': subject, 'data-failure': failure },
      icon(failure ? 'alert' : 'check'),
      el('p', {}, text),
      action && el('button', { type: 'button', class: 'toast-action', onclick: () => this.#answer(toast, action) }, action.label),
      el(
        'button',
        { type: 'button', class: 'toast-close', onclick: () => toast.remove() },
        icon('close'),
        hiddenText('Dismiss'),
      ),
    );
    this.append(toast);
    while (this.children.length > MOST) this.firstElementChild.remove();
    if (!failure) this.#linger(toast);
  }

  dismiss(subject) {
    for (const toast of [...this.children]) if (toast.dataset.subject === subject) toast.remove();
  }

  clear() {
    this.replaceChildren();
  }

  #answer(toast, action) {
    toast.remove();
    action.run();
  }

  #linger(toast) {
    setTimeout(() => (toast.matches(':hover, :focus-within') ? this.#linger(toast) : toast.remove()), LINGER_MS);
  }
}

customElements.define('toast-stack', ToastStack);
