// The mission beside a profile: where it stands as the server says, and at once where the looks that
// are on their way complete it. What fails is taken back.

import * as api from '/web/api.js';
import * as people from '/web/attendees-api.js';
import { EMPTY, reduce, view } from '/web/board-state.js';
import { settle } from '/web/debounce.js';
import { Feed } from '/web/feed.js';
import { ViewReports } from '/web/view-reports.js';
import { watchVisibility } from '/web/visibility.js';
import { failureSentence, points } from '/web/wording.js';

const MISSION = 'meet_attendees';
export const PROFILES = 3;
export const TOTAL_MS = 10000;

export class Meeting {
  #state = EMPTY;
  #seen; // {people: [ids], ms}: what the server has heard, as far as this browser knows
  #reports = null;
  #feed = null;
  #refresh = settle(150, () => this.#load().catch(() => {}));

  // show({mission, progress, seen}), live(state of the feed), toast(options), leave()
  constructor({ eventId, member, ...handlers }) {
    Object.assign(this, { eventId, member, ...handlers, key: `looks of ${member} at ${eventId}` });
    this.#seen = kept(this.key);
  }

  async start(memberId) {
    await this.#load();
    this.#follow();
    this.#reports = new ViewReports(memberId, {
      send: (piece) => people.reportView(this.eventId, piece),
      sending: (pieces) => this.#expect(pieces),
      sent: (pieces) => this.#settle(pieces),
      failed: (problem, arrived) => this.#takeBack(problem, arrived),
    });
  }

  close() {
    this.#reports?.close();
    this.#feed?.close();
    this.#reports = this.#feed = null;
  }

  get #mission() {
    return view(this.#state).missions.find((mission) => mission.id === MISSION);
  }

  // Without what is only expected.
  get #known() {
    return this.#state.missions.find((mission) => mission.id === MISSION);
  }

  async #load() {
    const { data, position } = await api.missions(this.eventId);
    this.#dispatch({ type: 'loaded', missions: data.missions, progress: data.progress, position });
  }

  #dispatch(action) {
    const before = this.#known;
    this.#state = reduce(this.#state, action);
    if (before && before.status !== 'completed' && this.#known?.status === 'completed') this.#congratulate();
    const { missions, progress } = view(this.#state);
    this.show({ mission: missions.find((one) => one.id === MISSION), progress, seen: this.#seen });
  }

  #expect(pieces) {
    const status = this.#mission?.status;
    if (!completes(having(this.#seen, pieces)) || !['not_started', 'in_progress'].includes(status)) return;
    if (!this.#state.intents.length) this.#dispatch({ type: 'intended', intent: { missionId: MISSION, status: 'completed', key: MISSION } });
  }

  // The server counts for itself: what it says now holds, whatever was expected.
  async #settle(pieces) {
    const isExpected = this.#state.intents.length > 0;
    this.#keep(having(this.#seen, pieces));
    if (!isExpected) return this.#dispatch({ type: 'dropped', keys: [] });
    await this.#load().catch(() => {});
    this.#dispatch({ type: 'dropped', keys: [MISSION] });
    if (this.#known?.status !== 'completed') this.#keep(NOTHING);
  }

  #takeBack(problem, arrived) {
    if (problem.status === 401) return this.leave();
    this.#keep(having(this.#seen, arrived));
    if (!this.#state.intents.length) return;
    const { title } = this.#mission;
    this.#dispatch({ type: 'dropped', keys: [MISSION] });
    const action = problem.mayPass ? { label: 'Retry', run: () => this.#reports?.retry() } : null;
    this.toast({ subject: MISSION, text: failureSentence(title, 'completed', problem), failure: true, action });
  }

  #congratulate() {
    const { title, points_earned: earned } = this.#known;
    this.toast({ subject: MISSION, text: `\u201c${title}\u201d completed. ${points(earned)} earned.` });
  }

  #keep(seen) {
    this.#seen = seen;
    try {
      localStorage.setItem(this.key, JSON.stringify(seen));
    } catch {}
  }

  #follow() {
    this.#feed = new Feed(api.streamPath(this.eventId, this.member), this.#state.position, {
      heard: (type, data, position) => type === 'MISSION_UPDATED' && this.#heard(data, position),
      state: this.live,
      resumed: this.#refresh,
      refused: () => api.session().catch((problem) => problem.status === 401 && this.leave()),
    });
    this.#feed.open();
    watchVisibility({ hidden: () => this.#feed?.pause(), woken: () => this.#feed && !this.#feed.isOpen && this.#feed.open() });
  }

  #heard({ missionId, status, points_earned, progress }, position) {
    this.#dispatch({ type: 'heard', mission: { id: missionId, status, points_earned }, progress, position });
    if (missionId !== MISSION) this.#refresh();
    else if (status !== 'completed') this.#keep(NOTHING); // who leaves it counts anew
  }
}

const NOTHING = Object.freeze({ people: [], ms: 0 });

function having({ people: known, ms }, pieces) {
  return { people: [...new Set([...known, ...pieces.map((piece) => piece.memberId)])].slice(-PROFILES), ms: ms + pieces.reduce((sum, piece) => sum + piece.ms, 0) };
}

function completes({ people: known, ms }) {
  return known.length >= PROFILES && ms >= TOTAL_MS;
}

function kept(key) {
  try {
    const { people: known, ms } = JSON.parse(localStorage.getItem(key));
    return Array.isArray(known) && Number.isFinite(ms) ? { people: known, ms } : NOTHING;
  } catch {
    return NOTHING;
  }
}
