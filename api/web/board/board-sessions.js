// The part of the board that says what to attend: asked for when something moves, and as time passes.

import * as api from '/web/api.js';
import { settle } from '/web/debounce.js';
import { ownStars } from '/web/own-stars.js';
import '/web/session-window.js';
import { end, onBoard } from '/web/sync-model.js';
import { agreed, listPath } from '/web/syncs-api.js';
import { Ticker } from '/web/ticker.js';
import { sessionChange } from '/web/wording.js';

export class BoardSessions {
  #windows = [...document.querySelectorAll('session-window')];
  #held = null;
  #stars = null;
  #syncs = [];
  #ticker = new Ticker(() => this.#tick());

  // member: their id, null for who has no stars; leave(): what to do when signed out
  constructor({ eventId, timezone, member, toasts, leave }) {
    Object.assign(this, { eventId, timezone, toasts, leave });
    const said = { changed: () => this.#render(), succeeded: () => this.refresh(), title: (id) => this.#title(id) };
    if (member) this.#stars = ownStars({ eventId, member, toasts, leave, ...said });
    const schedule = document.getElementById('to-schedule');
    schedule.href = `/events/${encodeURIComponent(eventId)}/schedule`;
    const syncs = document.getElementById('to-syncs');
    syncs.href = listPath(eventId);
    syncs.hidden = !member;
    document.getElementById('sessions').addEventListener('star-wanted', ({ detail }) => this.#stars.want(detail.session.session_id, detail.starred));
    this.refresh.now();
  }

  refresh = settle(150, () => this.#load());

  heard(change) {
    this.toasts.show({ subject: change.session_id, text: sessionChange(change, this.#held?.timezone), failure: change.change === 'cancelled' });
    this.refresh();
  }

  close() {
    this.#ticker.close();
    this.#stars?.close();
  }

  #tick() {
    this.#render();
    this.refresh();
  }

  async #load() {
    try {
      const [now, soon, agenda] = await Promise.all([api.sessions(this.eventId, 'now'), api.sessions(this.eventId, 'next_60'), api.agenda(this.eventId)]);
      this.#ticker.set(soon.data.at);
      await this.#loadSyncs();
      this.#ticker.await([...moments(now.data.sessions, soon.data.sessions), ...this.#syncs.flatMap((sync) => [Date.parse(sync.start), end(sync)])]);
      const { sessions, focus_areas: areas } = agenda.data;
      const timezone = [...now.data.sessions, ...soon.data.sessions, ...sessions][0]?.event_timezone;
      this.#held = { now: now.data.sessions, next_60: soon.data.sessions, areas, starred: sessions, timezone };
      this.#stars?.take(sessions.map((session) => session.session_id), agenda.position);
      this.#render();
    } catch (problem) {
      if (problem.status === 401) return this.leave();
      for (const shown of this.#windows) shown.fail(problem, this.refresh);
    }
  }

  // Those that are held are shown while they cannot be asked for.
  async #loadSyncs() {
    if (!this.#stars) return;
    try {
      this.#syncs = (await agreed(this.eventId)).data.syncs;
    } catch (problem) {
      if (problem.status === 401) throw problem;
    }
  }

  #render() {
    if (!this.#held) return;
    const now = this.#ticker.now();
    const next = this.#stars && this.#held.starred.find((session) => session.status !== 'cancelled' && Date.parse(session.session_time) > now);
    const context = { eventId: this.eventId, areas: this.#held.areas, stars: this.#stars, now };
    for (const shown of this.#windows) {
      const { window } = shown.dataset;
      const sessions = window === 'now' ? [...this.#held.now, ...this.#begun(now)] : this.#held[window];
      shown.show(sessions, { ...context, next: window === 'next_60' ? next : null, syncs: onBoard(this.#syncs, window, now), timezone: this.timezone });
    }
  }

  // What has begun since the server was asked, also where it cannot be asked.
  #begun(now) {
    const known = new Set(this.#held.now.map((session) => session.session_id));
    return this.#held.next_60.filter((session) => Date.parse(session.session_time) <= now && !known.has(session.session_id));
  }

  #title(sessionId) {
    const all = [...this.#held.now, ...this.#held.next_60, ...this.#held.starred];
    return all.find((session) => session.session_id === sessionId)?.session_title ?? sessionId;
  }
}

// At which one of them begins or has ended.
function moments(now, soon) {
  return [...soon.map((session) => Date.parse(session.session_time)), ...now.map((session) => Date.parse(session.session_end) + 1)];
}
