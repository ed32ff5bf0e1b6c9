// The mission board: loads the truth, follows the feed, sends clicks, and shows what comes of it.

import * as api from './api.js';
import { EMPTY, knows, opens, reduce, view } from './board-state.js';
import { settle } from './debounce.js';
import { setText } from './dom.js';
import { Feed } from './feed.js';
import './leader-board.js';
import { MissionCommands } from './mission-commands.js';
import './mission-list.js';
import { notice } from './notice.js';
import './page-bar.js';
import './points-ledger.js';
import './progress-banner.js';
import './toast.js';
import { count, dateRange, failureSentence, points, reason } from './wording.js';

const LEADERS_EVERY_MS = 10000;
const HIDDEN_MS = 60000;

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
  cards.show(missions);
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

function heard(type, { missionId, status, points_earned, progress }, position) {
  if (type !== 'MISSION_UPDATED') return;
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
  refreshLeaders();
}

// A browser opens six connections a host, so a board nobody looks at gives its own back.
function watchVisibility() {
  let timer = null;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => feed?.pause(), HIDDEN_MS);
    else wake();
  });
  addEventListener('pageshow', (shown) => shown.persisted && wake());
  addEventListener('online', wake);
  setInterval(() => document.hidden || !feed || refreshLeaders(), LEADERS_EVERY_MS);
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
  bar.feed(null);
  bar.identify(null);
  bar.tally('');
  ledger.close();
  toasts.clear();
  stop({
    name: 'signed-out',
    symbol: 'key',
    title: 'You are signed out',
    text: 'Open the sign-in link you were given, or enter it on the next page.',
    action: { label: 'Sign in', href: `/sign-in#to=${encodeURIComponent(location.pathname)}` },
  });
}

function stop(shown) {
  main.dataset.phase = 'stopped';
  main.replaceChildren(notice({ ...shown, heading: 'h1' }));
  main.querySelector('h1').focus();
  document.title = shown.title;
}

function failed(problem) {
  if (problem.status === 401) return leave();
  if (problem.status === 404) {
    const text = 'The link may be wrong, or the event may not be open to you.';
    return stop({ name: 'missing', symbol: 'search', title: 'There is no such event', text, action: { label: 'Your events', href: '/' } });
  }
  if (problem.status === 403) {
    const text = 'You are signed in, but not as a member of this event.';
    return stop({ name: 'forbidden', symbol: 'lock', title: 'This board is not yours', text, action: { label: 'Your events', href: '/' } });
  }
  const action = { label: 'Try again', run: () => location.reload() };
  return stop({ name: 'failed', symbol: 'alert', title: 'The board did not load', text: reason(problem), action });
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
watchVisibility();
start();
