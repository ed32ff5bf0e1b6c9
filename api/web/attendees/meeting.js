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
const MOST = 20; // people of whom this browser remembers that one looked

export class Meeting {
  #state = EMPTY;
  #seen; // milliseconds by member: looks that the server has heard of, or is about to
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
      sent: () => this.#settle(),
      failed: (problem, lost) => this.#takeBack(problem, lost),
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
    this.#render();
  }

  #render() {
    const { missions, progress } = view(this.#state);
    this.show({ mission: missions.find((one) => one.id === MISSION), progress, seen: summed(this.#seen) });
  }

  // Counted as it leaves: of a page that goes nobody hears whether it arrived.
  #expect(pieces) {
    this.#keep(counted(this.#seen, pieces, 1));
    const { people, ms } = summed(this.#seen);
    const isOpen = ['not_started', 'in_progress'].includes(this.#mission?.status);
    if (isOpen && people >= PROFILES && ms >= TOTAL_MS) this.#dispatch({ type: 'intended', intent: { missionId: MISSION, status: 'completed', key: MISSION } });
    else this.#render();
  }

  // The server counts for itself: what it says now holds, whatever was expected.
  async #settle() {
    if (!this.#state.intents.length) return;
    await this.#load().catch(() => {});
    this.#dispatch({ type: 'dropped', keys: [MISSION] });
    if (this.#known?.status !== 'completed') this.#keep(NOTHING);
    this.#render();
  }

  #takeBack(problem, lost) {
    if (problem.status === 401) return this.leave();
    this.#keep(counted(this.#seen, lost, -1));
    const wasExpected = this.#state.intents.length > 0;
    this.#dispatch({ type: 'dropped', keys: [MISSION] });
    if (!wasExpected) return;
    const action = problem.mayPass ? { label: 'Retry', run: () => this.#reports?.retry() } : null;
    this.toast({ subject: MISSION, text: failureSentence(this.#known.title, 'completed', problem), failure: true, action });
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

const NOTHING = Object.freeze({});

function counted(seen, pieces, sign) {
  const next = { ...seen };
  for (const { memberId, ms } of pieces) next[memberId] = (next[memberId] ?? 0) + sign * ms;
  return Object.fromEntries(Object.entries(next).filter(([, ms]) => ms > 0).slice(-MOST));
}

function summed(seen) {
  const each = Object.values(seen);
  return { people: each.length, ms: each.reduce((sum, ms) => sum + ms, 0) };
}

function kept(key) {
  try {
    const seen = JSON.parse(localStorage.getItem(key)) ?? NOTHING;
    return Object.values(seen).every(Number.isFinite) ? seen : NOTHING;
  } catch {
    return NOTHING;
  }
}
