// The mission board: loads the truth, follows the feed, sends clicks, and shows what comes of it.

import * as api from '/web/api.js';
import { EMPTY, knows, opens, reduce, view } from '/web/board-state.js';
import { BoardSessions } from '/web/board-sessions.js';
import { settle } from '/web/debounce.js';
import { setText } from '/web/dom.js';
import { Feed } from '/web/feed.js';
import '/web/leader-board.js';
import { MissionCommands } from '/web/mission-commands.js';
import '/web/mission-list.js';
import '/web/page-bar.js';
import '/web/points-ledger.js';
import '/web/progress-banner.js';
import { notLoaded, signedOut, stop } from '/web/stopped.js';
import '/web/toast.js';
import { watchVisibility } from '/web/visibility.js';
import { count, dateRange, failureSentence, points } from '/web/wording.js';

const LEADERS_EVERY_MS = 10000;

const eventId = decodeURIComponent(location.pathname.split('/')[2]);
const main = document.getElementById('board');
const bar = document.querySelector('page-bar');
const banner = document.querySelector('progress-banner');
const cards = document.querySelector('mission-list');
const leaders = document.querySelector('leader-board');
const ledger = document.querySelector('points-ledger');
const toasts = document.querySelector('toast-stack');

let state = EMPTY;
let session = null;
let plays = true;
let conference = null;
let feed = null;
let sessions = null;
let folded = false;

const refreshLeaders = settle(500, async () => {
  try {
    const { data } = await api.leaderboard(eventId);
    leaders.show(data, plays ? session.sub : null);
  } catch (problem) {
    if (!leaders.isShown) leaders.fail(problem, refreshLeaders);
  }
});

const refreshBoard = settle(150, async () => {
  try {
    take(await api.missions(eventId));
  } catch (problem) {
    if (problem.status === 401) leave();
  }
});

const commands = new MissionCommands({
  send: (intent) => api.setStatus(eventId, intent),
  dispatch,
  succeeded(mission, isLast) {
    changed(mission.id);
    if (isLast && mission.status === 'completed') {
      toasts.show({ subject: mission.id, text: `${quoted(mission.id)} completed. ${points(mission.points_earned)} earned.` });
    } else if (isLast) {
      toasts.dismiss(mission.id);
    }
  },
  failed(dropped, problem) {
    if (problem.status === 401) return leave();
    const last = dropped.at(-1);
    // Asking for the same thing with the same key finds out whether it had happened after all.
    const again = { ...last, key: dropped.length === 1 ? last.key : api.newKey() };
    const action = problem.mayPass ? { label: 'Retry', run: () => commands.want(again) } : null;
    const text = failureSentence(title(last.missionId), last.status, problem);
    toasts.show({ subject: last.missionId, text, failure: true, action });
    if (problem.kind !== 'offline') refreshBoard();
  },
});

function dispatch(action) {
  state = reduce(state, action);
  render();
}

function render() {
  if (main.dataset.phase === 'stopped') return;
  const { missions, progress } = view(state);
  banner.show(progress, missions);
  cards.show(missions, { eventId, member: plays ? session.sub : null });
  if (!plays) {
    document.title = conference.name;
    return;
  }
  const tally = `${count(progress.points_earned)}/${count(progress.points_total)}`;
  bar.tally(tally);
  document.title = `${tally} \u00b7 ${conference.name}`;
}

function take({ data, position, folded: isFolded }) {
  folded = isFolded;
  dispatch({ type: 'loaded', missions: data.missions, progress: data.progress, position });
  showFeed('live');
}

// What another mission waits for has moved: the server knows best what that locks or unlocks.
function changed(missionId) {
  refreshLeaders();
  ledger.refresh();
  if (opens(state, missionId) || !knows(state, missionId)) refreshBoard();
}

function heard(type, data, position) {
  if (type === 'SESSIONS_UPDATED') sessions.heard(data);
  if (type === 'SYNC_UPDATED') sessions.refresh();
  if (type !== 'MISSION_UPDATED') return;
  const { missionId, status, points_earned, progress } = data;
  dispatch({ type: 'heard', mission: { id: missionId, status, points_earned }, progress, position });
  changed(missionId);
}

function follow() {
  feed = new Feed(api.streamPath(eventId, session.sub), state.position < 0 ? null : state.position, {
    heard,
    state: showFeed,
    resumed: refresh,
    refused: () => api.session().catch((problem) => problem.status === 401 && leave()),
  });
  feed.open();
  bar.addEventListener('signed-out', leave);
}

function showFeed(shown) {
  if (feed && !feed.isOpen && shown === 'live') return;
  bar.feed(shown === 'live' && folded ? 'catching_up' : shown);
}

function refresh() {
  refreshBoard();
  cards.refresh();
  refreshLeaders();
  sessions.refresh();
}

function wake() {
  if (!feed) return;
  refresh();
  if (!feed.isOpen) feed.open();
}

function leave() {
  if (main.dataset.phase === 'stopped') return;
  feed?.close();
  feed = null;
  sessions?.close();
  bar.feed(null);
  bar.identify(null);
  bar.tally('');
  ledger.close();
  toasts.clear();
  stop(main, signedOut());
}

function failed(problem) {
  if (problem.status === 401) return leave();
  return stop(main, notLoaded(problem, 'board'));
}

function showCatalogue() {
  main.dataset.view = 'catalogue';
  document.getElementById('catalogue').hidden = false;
}

async function start() {
  try {
    session = (await api.session()).data;
    bar.identify(session);
    // An organizer sees a board without playing; who is both is here as a member.
    plays = session.scopes.includes(`event:${eventId}:member`);
    const [about, board] = await Promise.all([api.event(eventId), api.missions(eventId)]);
    conference = about.data;
    setText(document.getElementById('event-name'), conference.name);
    setText(document.getElementById('event-when'), dateRange(conference));
    if (!plays) showCatalogue();
    take(board);
    main.dataset.phase = 'ready';
    refreshLeaders.now();
    sessions = new BoardSessions({ eventId, timezone: conference.timezone, member: plays ? session.sub : null, toasts, leave });
    follow();
  } catch (problem) {
    failed(problem);
  }
}

function title(missionId) {
  return state.missions.find((mission) => mission.id === missionId)?.title ?? missionId;
}

function quoted(missionId) {
  return `\u201c${title(missionId)}\u201d`;
}

main.addEventListener('mission-wanted', ({ detail }) => {
  toasts.dismiss(detail.missionId);
  commands.want({ ...detail, key: api.newKey() });
});
main.addEventListener('ledger-wanted', () => {
  const titles = new Map(state.missions.map((mission) => [mission.id, mission.title]));
  ledger.open({ eventId, timezone: conference?.timezone, titles });
});
main.addEventListener('toast-wanted', ({ detail }) => toasts.show(detail));
watchVisibility({ hidden: () => feed?.pause(), woken: wake });
setInterval(() => document.hidden || !feed || refreshLeaders(), LEADERS_EVERY_MS);
start();
