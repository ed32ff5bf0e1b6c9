// The strip at the top of every page: the mark, what the page is about, who is signed in. Signing
// out in one window is told to all others of this browser: they hear `signed-out` from their bar.

import * as api from '/web/api.js';
import { el, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';

const FEED = {
  live: 'Live',
  reconnecting: 'Reconnecting',
  paused: 'Paused',
  catching_up: 'Catching up',
};

class PageBar extends HTMLElement {
  #people = el('a', { class: 'bar-link', hidden: true }, 'Attendees');
  #windows = new BroadcastChannel('session');
  #tally = el('span', { class: 'bar-tally', 'aria-hidden': 'true' });
  #feed = el('span', { class: 'bar-feed', role: 'status', hidden: true });
  #messages = el('span', { class: 'bar-doors' });
  #who = el('span', { class: 'bar-who' });
  #leave = el('button', { type: 'button', class: 'button quiet', hidden: true, onclick: () => this.#signOut() }, 'Sign out');

  connectedCallback() {
    if (this.children.length) return;
    const mark = el('a', { class: 'bar-mark', href: '/' }, icon('mark'), el('span', {}, 'Rapport'));
    this.append(el('header', { class: 'bar' }, mark, this.#tally, this.#feed, this.#who, this.#messages, this.#leave));
    this.#windows.onmessage = ({ data }) => data === 'signed-out' && this.#signedOut();
  }

  identify(session) {
    this.#offerPeople(session);
    setText(this.#who, session ? session.name || session.sub : '');
    this.#leave.hidden = !session;
    const eventId = session && eventInPath();
    if (eventId && session.scopes?.includes(`event:${eventId}:member`)) whenIdle(() => this.#showMessages(eventId));
    else this.#messages.replaceChildren();
  }

  tally(text) {
    setText(this.#tally, text);
  }

  feed(state) {
    this.#feed.hidden = !state;
    this.#feed.dataset.feed = state ?? '';
    setText(this.#feed, state ? FEED[state] : '');
  }

  async #showMessages(eventId) {
    if (this.#messages.children.length || this.#leave.hidden) return;
    const { unreadBadge } = await import('/web/unread-badge.js');
    if (!this.#messages.children.length && !this.#leave.hidden) this.#messages.append(unreadBadge(eventId));
  }

  #offerPeople(session) {
    const eventId = eventInPath();
    const opens = (scope) => scope === 'admin' || [`event:${eventId}:member`, `event:${eventId}:organizer`].includes(scope);
    this.#people.hidden = !(eventId && session?.scopes?.some(opens));
    if (this.#people.hidden) return;
    this.#people.href = `/events/${encodeURIComponent(eventId)}/attendees`;
    if (location.pathname === this.#people.pathname) this.#people.setAttribute('aria-current', 'page');
    if (!this.#people.isConnected) this.#who.before(this.#people);
  }

  async #signOut() {
    await api.signOut().then(() => this.#windows.postMessage('signed-out'), () => {});
    location.assign('/');
  }

  #signedOut() {
    this.identify(null);
    this.dispatchEvent(new CustomEvent('signed-out'));
  }
}

function eventInPath() {
  const [, events, eventId] = location.pathname.split('/');
  return events === 'events' && eventId ? decodeURIComponent(eventId) : null;
}

// Safari has no idle callback.
function whenIdle(task) {
  if (globalThis.requestIdleCallback) requestIdleCallback(task, { timeout: 2000 });
  else setTimeout(task, 500);
}

customElements.define('page-bar', PageBar);
