// What is on now, or starts within the hour, on the board: minutes, room, and why it is shown first.

import { el, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { notice } from '/web/notice.js';
import '/web/star-button.js';
import { syncRow } from '/web/window-sync.js';
import { clock, hours, minutesLeft, minutesUntil, reason, shared } from '/web/wording.js';

const WINDOWS = {
  now: { title: 'Now', empty: 'Nothing is on right now.', at: 'session_end', when: (session, now) => minutesLeft(session.session_end, now) },
  next_60: { title: 'Next hour', empty: 'Nothing starts within the hour.', at: 'session_time', when: (session, now) => minutesUntil(session.session_time, now) },
};

class SessionWindow extends HTMLElement {
  #rows = new Map();
  #syncs = el('ul', { class: 'window-sessions', hidden: true });
  #body = el('div', { class: 'window-body', 'aria-busy': 'true' });

  connectedCallback() {
    if (this.children.length) return;
    const id = `${this.dataset.window}-title`;
    this.#body.append(...Array.from({ length: 3 }, () => el('div', { class: 'skeleton skeleton-line' })));
    this.append(el('section', { class: 'window', 'aria-labelledby': id }, el('h2', { id }, this.#about.title), this.#syncs, this.#body));
  }

  get #about() {
    return WINDOWS[this.dataset.window];
  }

  // context: { eventId, areas, stars (null for who has none), now, next, syncs, timezone }
  show(sessions, context) {
    this.#body.removeAttribute('aria-busy');
    this.#showSyncs(context);
    // Minutes may run on without the server: what has passed is no longer of this window.
    const held = sessions.filter((session) => Date.parse(session[this.#about.at]) >= context.now);
    if (!held.length) {
      this.#rows.clear();
      return this.#body.replaceChildren(el('p', { class: 'muted' }, this.#about.empty), context.next ? upcoming(context) : '');
    }
    const ids = held.map((session) => session.session_id);
    if (ids.join('\n') !== [...this.#rows.keys()].join('\n')) this.#arrange(held, context);
    for (const session of held) this.#rows.get(session.session_id).show(session, context, this.#about.when);
  }

  #showSyncs({ syncs, ...context }) {
    this.#syncs.hidden = !syncs.length;
    const state = JSON.stringify([syncs, Math.floor(context.now / 60000)]);
    if (this.#syncs.dataset.state === state) return;
    this.#syncs.dataset.state = state;
    this.#syncs.replaceChildren(...syncs.map((sync) => syncRow(sync, this.dataset.window, context)));
  }

  fail(problem, retry) {
    if (!this.#body.hasAttribute('aria-busy') && !this.#body.querySelector('.notice')) return;
    this.#body.removeAttribute('aria-busy');
    const action = { label: 'Try again', run: retry };
    this.#body.replaceChildren(notice({ name: 'sessions-failed', symbol: 'alert', title: 'The sessions did not load', text: reason(problem), action, heading: 'h3' }));
  }

  #arrange(sessions, { stars }) {
    const focused = document.activeElement;
    this.#rows = new Map(sessions.map(({ session_id: id }) => [id, this.#rows.get(id) ?? row(id, stars)]));
    this.#body.replaceChildren(el('ul', { class: 'window-sessions' }, [...this.#rows.values()].map(({ node }) => node)));
    if (focused?.isConnected) focused.focus();
  }
}

function row(id, stars) {
  const when = el('span', { class: 'window-when' });
  const link = el('a', { class: 'window-link' });
  const where = el('p', { class: 'window-where' });
  const why = el('p', { class: 'window-why' });
  const star = stars ? el('star-button') : null;
  const node = el('li', { class: 'window-session', 'data-session': id }, el('div', { class: 'window-text' }, el('h3', {}, link), where, why), star);
  function show(session, { eventId, areas, now }, words) {
    setText(link, session.session_title);
    link.href = `/events/${encodeURIComponent(eventId)}/schedule#session=${encodeURIComponent(id)}`;
    setText(when, words(session, now));
    const place = [hours(session), session.session_location, session.speaker_name].filter(Boolean).join(' \u00b7 ');
    if (where.dataset.text !== place) where.replaceChildren(when, ` \u00b7 ${place}`);
    where.dataset.text = place;
    setText(why, shared(session, areas));
    star?.show(session, stars.has(id));
  }
  return { node, show };
}

function upcoming({ eventId, next }) {
  const href = `/events/${encodeURIComponent(eventId)}/schedule#session=${encodeURIComponent(next.session_id)}`;
  const at = clock(next.session_time, next.event_timezone, { weekday: 'long' });
  return el('p', { class: 'window-next' }, icon('star'), el('span', {}, 'Next of your stars: ', el('a', { href }, next.session_title), `, ${at}${next.session_location && ` \u00b7 ${next.session_location}`}`));
}

customElements.define('session-window', SessionWindow);
