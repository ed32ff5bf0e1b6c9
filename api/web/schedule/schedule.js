// The schedule page: loads the whole of it once, shows what is wanted, follows the live feed.

import { conflicts, dayOf, days, named } from '/web/agenda-model.js';
import * as api from '/web/api.js';
import '/web/calendar-drawer.js';
import { settle } from '/web/debounce.js';
import { el, setText } from '/web/dom.js';
import { Feed } from '/web/feed.js';
import { icon } from '/web/icons.js';
import { ownStars } from '/web/own-stars.js';
import '/web/page-bar.js';
import '/web/schedule-filters.js';
import '/web/schedule-import.js';
import { EVERYTHING, filter, isNarrowed, readPlace, writePlace } from '/web/schedule-place.js';
import { ScheduleView } from '/web/schedule-view.js';
import '/web/session-details.js';
import { hues } from '/web/session-tile.js';
import { notLoaded, signedOut, stop } from '/web/stopped.js';
import { Ticker } from '/web/ticker.js';
import '/web/toast.js';
import { watchVisibility } from '/web/visibility.js';
import { dayName, nothingMatches, overlaps, sessionChange, sessionCount, zoneNote } from '/web/wording.js';

const STALE_MS = 10 * 60000; // of what is not starred no message comes

const eventId = decodeURIComponent(location.pathname.split('/')[2]);
const find = (id) => document.getElementById(id);
const main = find('schedule');
const bar = document.querySelector('page-bar');
const filters = document.querySelector('schedule-filters');
const details = document.querySelector('session-details');
const calendar = document.querySelector('calendar-drawer');
const importer = document.querySelector('schedule-import');
const toasts = document.querySelector('toast-stack');
const view = new ScheduleView(find('view'));
const isNarrow = matchMedia('(max-width: 799px)');

let place = readPlace(location.hash);
let session = null;
let held = null; // { sessions, byId, days, tracks, areas, timezone, hues, at }
let stars = null;
let clashes = new Map();
let feed = null;

const ticker = new Ticker(() => {
  if (!held) return;
  render();
  if (ticker.now() - held.at > STALE_MS) refresh();
});

const refresh = settle(150, async () => {
  try {
    take(await api.schedule(eventId));
  } catch (problem) {
    if (problem.status === 401) leave();
  }
});

function take({ data, position, date }) {
  if (date) ticker.set(date);
  const { sessions, event_timezone: timezone, focus_areas: areas, starred } = data;
  const tracks = named(sessions, 'track');
  const byId = new Map(sessions.map((one) => [one.session_id, one]));
  held = { sessions, byId, tracks, areas, timezone, days: days(sessions, timezone), hues: hues(tracks), at: ticker.now() };
  filters.offer({ days: held.days, tracks, plays: Boolean(stars) });
  if (stars) stars.take(starred, position);
  else render();
}

function dayShown() {
  const there = held.days.map(({ day }) => day);
  const wanted = place.session && held.byId.has(place.session) ? dayOf(Date.parse(held.byId.get(place.session).session_time), held.timezone) : place.day;
  if (there.includes(wanted)) return wanted;
  const today = dayOf(ticker.now(), held.timezone);
  return there.find((day) => day >= today) ?? there[0];
}

function render() {
  if (!held || main.dataset.phase === 'stopped') return;
  const now = ticker.now();
  const has = (id) => Boolean(stars?.has(id));
  clashes = conflicts(held.sessions, has);
  const day = dayShown();
  const shape = place.view || (isNarrow.matches ? 'list' : 'grid');
  const matching = held.days.map((one) => ({ day: one.day, sessions: filter(one.sessions, place, has) }));
  filters.show({ ...place, day, view: shape }, new Map(matching.map((one) => [one.day, one.sessions.length])));
  setText(find('day-name'), day ? dayName(day) : 'Sessions');
  const wanted = matching.find((one) => one.day === day)?.sessions ?? [];
  const of = held.days.find((one) => one.day === day)?.sessions.length ?? 0;
  say(wanted.length, of, now);
  filters.hidden = !held.sessions.length; // there is nothing to search yet
  document.querySelector('.schedule-notes').hidden = filters.hidden;
  main.toggleAttribute('data-narrowed', isNarrowed(place));
  main.dataset.view = wanted.length ? shape : 'nothing';
  if (!wanted.length) return view.showNothing(nothing(matching));
  const { timezone } = held;
  view.show(shape, wanted, { stars, now, conflicts: clashes, timezone, hue: (one) => held.hues.get(one.track) });
  view.tick(now);
  if (details.session) details.show(held.byId.get(details.session.session_id) ?? details.session, { stars, conflicts: clashes, areas: held.areas });
}

function say(shown, of, now) {
  setText(find('shown'), isNarrowed(place) ? `${shown} of ${sessionCount(of)}` : sessionCount(of));
  const zone = zoneNote(now, held.timezone);
  find('zone').hidden = !zone;
  setText(find('zone'), zone);
  const line = find('conflicts');
  line.hidden = !clashes.size;
  const text = overlaps(clashes.size);
  if (clashes.size && line.dataset.text !== text) {
    line.dataset.text = text;
    line.replaceChildren(icon('alert'), el('span', {}, text), el('button', { type: 'button', class: 'button quiet', onclick: showConflicts }, 'Show them'));
  }
}

function showConflicts() {
  const [id] = clashes.keys();
  const day = dayOf(Date.parse(held.byId.get(id).session_time), held.timezone);
  want({ ...EVERYTHING, own: true, view: 'list', day });
}

function nothing(matching) {
  if (!held.sessions.length) {
    const text = organizes() ? 'Import a schedule, and it is here at once.' : 'It appears here as soon as the organizers add it.';
    return { name: 'no-sessions', symbol: 'calendar', title: 'No schedule yet', text };
  }
  const elsewhere = matching.find((one) => one.sessions.length);
  const action = elsewhere
    ? { label: dayName(elsewhere.day), run: () => want({ day: elsewhere.day, session: '' }) }
    : { label: 'Show all sessions', run: () => want({ track: '', text: '', own: false }) };
  return { name: 'no-match', symbol: 'search', title: 'No session here', text: nothingMatches(place, elsewhere), action };
}

function want(change) {
  const before = held && dayShown();
  place = { ...place, ...change };
  history.replaceState(null, '', writePlace(place));
  render();
  if (dayShown() !== before) toStart();
}

function toStart() {
  if (dayShown() === dayOf(ticker.now(), held.timezone)) view.scrollToMoment(ticker.now());
  else if (main.dataset.view === 'grid') view.scrollToMoment(0);
}

function open(sessionId) {
  const one = held.byId.get(sessionId);
  if (!one) return;
  want({ session: sessionId });
  details.open(one, { stars, conflicts: clashes, areas: held.areas });
}

function organizes() {
  return session.scopes.some((scope) => scope === 'admin' || scope === `event:${eventId}:organizer`);
}

function title(sessionId) {
  return held.byId.get(sessionId)?.session_title ?? sessionId;
}

function heard(type, change) {
  if (type !== 'SESSIONS_UPDATED') return;
  toasts.show({ subject: change.session_id, text: sessionChange(change, held.timezone), failure: change.change === 'cancelled' });
  refresh();
}

function follow(position) {
  feed = new Feed(api.streamPath(eventId, session.sub), position, {
    heard,
    state: (shown) => bar.feed(shown),
    resumed: refresh,
    refused: () => api.session().catch((problem) => problem.status === 401 && leave()),
  });
  feed.open();
  bar.addEventListener('signed-out', leave);
}

function wake() {
  if (!feed || feed.isOpen) return;
  feed.open();
}

function leave() {
  if (main.dataset.phase === 'stopped') return;
  feed?.close();
  feed = null;
  stars?.close();
  ticker.close();
  bar.feed(null);
  bar.identify(null);
  for (const drawer of [details, calendar, importer]) drawer.close();
  toasts.clear();
  stop(main, signedOut());
}

async function start() {
  try {
    session = (await api.session()).data;
    bar.identify(session);
    const plays = session.scopes.includes(`event:${eventId}:member`);
    if (plays) stars = ownStars({ eventId, member: session.sub, toasts, title, leave, changed: render });
    const [about, schedule] = await Promise.all([api.event(eventId), api.schedule(eventId)]);
    setText(find('event-name'), about.data.name);
    document.title = `Schedule \u00b7 ${about.data.name}`;
    find('to-board').href = `/events/${encodeURIComponent(eventId)}`;
    find('import').hidden = !organizes();
    take(schedule);
    find('sessions').removeAttribute('aria-busy');
    main.dataset.phase = 'ready';
    if (!place.session) toStart();
    if (place.session) open(place.session);
    if (place.session) view.goTo(place.session);
    follow(schedule.position);
  } catch (problem) {
    if (problem.status === 401) leave();
    else stop(main, notLoaded(problem, 'schedule'));
  }
}

main.addEventListener('filters-wanted', ({ detail }) => want({ session: '', ...detail }));
main.addEventListener('click', (click) => {
  const link = click.target.closest('.tile-link');
  if (!link || click.metaKey || click.ctrlKey || click.shiftKey) return;
  click.preventDefault();
  open(link.closest('.tile').dataset.session);
});
document.addEventListener('star-wanted', ({ detail }) => {
  toasts.dismiss(detail.session.session_id);
  stars.want(detail.session.session_id, detail.starred);
});
details.addEventListener('details-closed', () => want({ day: dayShown(), session: '' }));
importer.addEventListener('schedule-imported', refresh);
find('calendar').addEventListener('click', () => calendar.open({ eventId, plays: Boolean(stars) }));
find('import').addEventListener('click', () => importer.open(eventId));
addEventListener('hashchange', () => {
  const { session: wanted, ...rest } = readPlace(location.hash);
  want({ ...rest, session: wanted });
  if (wanted) open(wanted);
});
isNarrow.addEventListener('change', render);
watchVisibility({ hidden: () => feed?.pause(), woken: wake });
start();
