// The sessions of one day on the page: as a grid or a list, of tiles that stay the same elements.

import { el } from '/web/dom.js';
import { notice } from '/web/notice.js';
import '/web/schedule-grid.js';
import '/web/schedule-list.js';
import { SessionTile } from '/web/session-tile.js';

export class ScheduleView {
  #views = { grid: el('schedule-grid'), list: el('schedule-list') };
  #tiles = new Map();
  #shown = null;
  #current = null;

  constructor(place) {
    this.place = place;
  }

  // context: { stars, now, conflicts, hue(session), timezone }
  show(view, sessions, context) {
    for (const session of sessions) this.#tile(session, context).show(session, context);
    if (this.#shown?.view === view && same(this.#shown.sessions, sessions)) return;
    this.#shown = { view, sessions };
    const focused = document.activeElement;
    this.#current = this.#views[view];
    this.#current.show(sessions, this.#tiles, context.timezone);
    if (this.#current.parentNode !== this.place) this.place.replaceChildren(this.#current);
    if (this.place.dataset.view !== view) this.place.dataset.view = view;
    this.#refocus(focused);
  }

  showNothing(said) {
    this.#shown = null;
    this.#current = null;
    this.place.dataset.view = 'nothing';
    this.place.replaceChildren(notice(said));
  }

  tick(now) {
    this.#current?.tick(now);
  }

  scrollToMoment(now) {
    this.#current?.scrollToMoment(now);
  }

  goTo(sessionId, { focus = false } = {}) {
    const tile = this.#tiles.get(sessionId);
    if (!tile?.node.isConnected) return;
    this.#current.scrollToTile(tile);
    if (focus) tile.focus({ preventScroll: true });
  }

  #tile(session, context) {
    const { session_id: id } = session;
    if (!this.#tiles.has(id)) this.#tiles.set(id, new SessionTile(session, { stars: context.stars, hue: context.hue(session) }));
    return this.#tiles.get(id);
  }

  // What had the focus may be gone: it stays with the sessions then, and does not fall to the page.
  #refocus(focused) {
    if (focused === document.activeElement) return;
    if (focused.isConnected) focused.focus({ preventScroll: true });
    else this.place.closest('section').focus({ preventScroll: true });
  }
}

function same(some, others) {
  return some.length === others.length && some.every((session, index) => session === others[index]);
}
