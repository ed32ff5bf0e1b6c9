// One's syncs: asked of oneself, asked by oneself, agreed by time, and what is over.

import { el } from '/web/dom.js';
import { notice } from '/web/notice.js';
import { syncCard } from '/web/sync-card.js';
import { reason } from '/web/wording.js';

const SECTIONS = [
  ['asked', 'Asked of you'],
  ['agreed', 'Agreed'],
  ['mine', 'You asked'],
  ['over', 'Earlier'],
];

class SyncList extends HTMLElement {
  #shown = '';

  // context: { eventId, timezone, hasMore }
  show(lists, context) {
    this.removeAttribute('aria-busy');
    const state = JSON.stringify([lists, context]);
    if (state === this.#shown) return; // nothing that is read or pressed is drawn anew for nothing
    this.#shown = state;
    const focused = this.#focused();
    const sections = SECTIONS.filter(([kind]) => lists[kind].length).map(([kind, title]) => this.#section(kind, title, lists[kind], context));
    this.replaceChildren(...(sections.length ? sections : [this.#nothing(context)]));
    if (context.hasMore) this.append(el('button', { type: 'button', class: 'button outline sync-more', onclick: () => this.#say('more-wanted') }, 'Show earlier ones'));
    focused?.();
  }

  fail(problem, retry) {
    this.removeAttribute('aria-busy');
    this.#shown = '';
    const action = { label: 'Try again', run: retry };
    this.replaceChildren(notice({ name: 'syncs-failed', symbol: 'alert', title: 'Your syncs did not load', text: reason(problem), action }));
  }

  #section(kind, title, syncs, { timezone }) {
    const id = `syncs-${kind}`;
    const answer = (sync, status, start) => this.#say('sync-answered', { sync, status, start });
    return el('section', { 'aria-labelledby': id }, el('h2', { id }, title), el('ul', { class: 'sync-rows' }, syncs.map((sync) => syncCard(sync, { kind, timezone, answer }))));
  }

  #nothing({ eventId }) {
    const action = { label: 'See who is here', href: `/events/${encodeURIComponent(eventId)}/attendees` };
    return notice({ name: 'no-syncs', symbol: 'calendar', title: 'No syncs yet', text: 'Ask an attendee to meet for a quarter of an hour: you both see when you are free.', action });
  }

  // Whoever pressed a button of a card goes on there, wherever the card is now.
  #focused() {
    const card = document.activeElement?.closest?.('.sync');
    if (!card || !this.contains(card)) return null;
    const { sync } = card.dataset;
    return () => {
      const now = this.querySelector(`[data-sync="${CSS.escape(sync)}"]`);
      const next = now?.querySelector('button') ?? now?.querySelector('h3');
      next?.setAttribute('tabindex', next.matches('h3') ? '-1' : '0');
      next?.focus();
    };
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

customElements.define('sync-list', SyncList);
