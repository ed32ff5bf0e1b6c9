// The strip at the top of every page: the mark, what the page is about, who is signed in.

import * as api from './api.js';
import { el, setText } from './dom.js';
import { icon } from './icons.js';

const FEED = {
  live: 'Live',
  reconnecting: 'Reconnecting',
  paused: 'Paused',
  catching_up: 'Catching up',
};

class PageBar extends HTMLElement {
  #tally = el('span', { class: 'bar-tally', 'aria-hidden': 'true' });
  #feed = el('span', { class: 'bar-feed', role: 'status', hidden: true });
  #who = el('span', { class: 'bar-who' });
  #leave = el('button', { type: 'button', class: 'button quiet', hidden: true, onclick: () => this.#signOut() }, 'Sign out');

  connectedCallback() {
    if (this.children.length) return;
    const mark = el('a', { class: 'bar-mark', href: '/' }, icon('mark'), el('span', {}, 'Rapport'));
    this.append(el('header', { class: 'bar' }, mark, this.#tally, this.#feed, this.#who, this.#leave));
  }

  identify(session) {
    setText(this.#who, session ? session.name || session.sub : '');
    this.#leave.hidden = !session;
  }

  tally(text) {
    setText(this.#tally, text);
  }

  feed(state) {
    this.#feed.hidden = !state;
    this.#feed.dataset.feed = state ?? '';
    setText(this.#feed, state ? FEED[state] : '');
  }

  async #signOut() {
    await api.signOut().catch(() => {});
    location.assign('/');
  }
}

customElements.define('page-bar', PageBar);
