// One's threads, the latest first: each a link, so that they open in new windows too.

import * as api from '/web/messages-api.js';
import { el, hiddenText, setText } from '/web/dom.js';
import { badge, unreadMessages, when } from '/web/message-wording.js';
import { notice } from '/web/notice.js';
import { face } from '/web/thread-face.js';
import { reason } from '/web/wording.js';

class ThreadList extends HTMLElement {
  #rows = new Map();
  #list = el('ul', { class: 'thread-rows' });
  #more = el('button', { type: 'button', class: 'button quiet thread-more', onclick: () => this.dispatchEvent(new Event('more-wanted')) }, 'Earlier threads');

  // threads as the server says them; open: the id of whom the open one is with
  show({ eventId, me, threads, open, hasMore, now }) {
    if (!threads.length) return this.replaceChildren(nothing(eventId));
    const rows = threads.map((thread) => this.#row(eventId, thread));
    threads.forEach((thread, i) => fill(rows[i], thread, { isOpen: thread.with === open, isOwn: thread.from === me, now }));
    if (!rows.every((row, i) => this.#list.children[i] === row) || this.#list.children.length !== rows.length) this.#arrange(rows);
    this.#more.hidden = !hasMore;
    if (this.firstElementChild !== this.#list) this.replaceChildren(this.#list, this.#more);
  }

  fail(problem, again) {
    const action = { label: 'Try again', run: again };
    this.replaceChildren(notice({ name: 'threads-failed', symbol: 'alert', title: 'Your messages did not load', text: reason(problem), action }));
  }

  // The focus stays on a row that moves up because something was written there.
  #arrange(rows) {
    const focused = this.contains(document.activeElement) ? document.activeElement : null;
    this.#list.replaceChildren(...rows);
    focused?.focus();
  }

  #row(eventId, thread) {
    if (!this.#rows.has(thread.with)) this.#rows.set(thread.with, row(eventId, thread));
    return this.#rows.get(thread.with);
  }
}

function row(eventId, thread) {
  const link = el(
    'a',
    { class: 'thread-row', href: api.pagePath(eventId, thread.with), 'data-with': thread.with },
    el('span', { class: 'thread-row-face' }),
    el('span', { class: 'thread-row-name', dir: 'auto' }),
    el('time', { class: 'thread-row-when' }),
    el('span', { class: 'thread-row-said', dir: 'auto' }),
    el('span', { class: 'thread-row-unread' }),
  );
  return el('li', {}, link);
}

function fill(item, thread, { isOpen, isOwn, now }) {
  const link = item.firstElementChild;
  const [shownFace, name, time, said, unread] = link.children;
  if (name.textContent !== thread.name) shownFace.replaceChildren(face(thread));
  setText(name, thread.name);
  time.dateTime = thread.at;
  setText(time, when(thread.at, now));
  setText(said, isOwn ? `You: ${thread.excerpt}` : thread.excerpt);
  unread.hidden = !thread.unread;
  if (unread.dataset.count !== String(thread.unread)) {
    unread.dataset.count = thread.unread;
    unread.replaceChildren(el('span', { class: 'unread', 'aria-hidden': 'true' }, badge(thread.unread)), hiddenText(unreadMessages(thread.unread)));
  }
  link.toggleAttribute('data-unread', thread.unread > 0);
  if (isOpen) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
}

function nothing(eventId) {
  return notice({
    name: 'no-threads',
    symbol: 'message',
    title: 'No messages yet',
    text: 'Find somebody who is here for you, and write to them from their profile.',
    action: { label: 'Attendees', href: `/events/${encodeURIComponent(eventId)}/attendees` },
  });
}

customElements.define('thread-list', ThreadList);
