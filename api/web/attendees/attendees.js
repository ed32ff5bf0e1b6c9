// The directory: who is here, searched, filtered and in order, each place of it with an address.

import * as api from '/web/api.js';
import * as people from '/web/attendees-api.js';
import '/web/attendee-feed.js';
import '/web/attendee-filters.js';
import { attendeeCount } from '/web/attendee-wording.js';
import { EVERYBODY, isNarrowed, queryOf, readPlace, writePlace } from '/web/attendees-place.js';
import { settle } from '/web/debounce.js';
import { setText } from '/web/dom.js';
import { notice } from '/web/notice.js';
import '/web/page-bar.js';
import { notLoaded, signedOut, stop } from '/web/stopped.js';
import '/web/toast.js';
import { watchVisibility } from '/web/visibility.js';
import { reason } from '/web/wording.js';

const SIZE = 25;
const STALE_MS = 5000; // a look elsewhere that is shorter asks nothing anew

const eventId = decodeURIComponent(location.pathname.split('/')[2]);
const main = document.getElementById('attendees');
const bar = document.querySelector('page-bar');
const filters = document.querySelector('attendee-filters');
const feed = document.querySelector('attendee-feed');
const find = (id) => document.getElementById(id);

let place = readPlace(location.search);
let session = null;
let asked = 0;

// Asks as the place is now; the first answer says who had joined by then.
function load(page, etag) {
  asked = Date.now();
  return people.directory(eventId, `${queryOf(place, page, place.joinedBy)}&page_size=${SIZE}`, etag);
}

async function show() {
  const wanted = place;
  filters.show(place);
  find('instead').replaceChildren();
  try {
    const found = await feed.start({ load, page: place.page, at: place.at, context: { eventId, own: session.sub }, size: SIZE });
    if (found && wanted === place) take(found);
  } catch (problem) {
    if (wanted === place) fail(problem);
  }
}

function take({ total, counts, joined_by: joinedBy }) {
  place.joinedBy ||= String(joinedBy);
  filters.show(place, counts);
  setText(find('shown'), isNarrowed(place) ? `${attendeeCount(total)} found` : attendeeCount(total));
  find('instead').replaceChildren(total ? '' : nobody());
  main.dataset.phase = 'ready';
}

function nobody() {
  if (!isNarrowed(place)) {
    const text = 'Whoever shares a profile appears here.';
    return notice({ name: 'nobody', title: 'Nobody here yet', text, action: plays() ? { label: 'Write your profile', href: people.profilePath(eventId, 'me') } : null });
  }
  const action = { label: 'Show everybody', run: () => want({ ...EVERYBODY, sort: place.sort }) };
  return notice({ name: 'no-match', symbol: 'search', title: 'Nobody matches', text: 'Try fewer words, or fewer filters.', action });
}

function fail(problem) {
  if (problem.status === 401) return leave();
  feed.clear();
  setText(find('shown'), '');
  const again = { label: 'Try again', run: show };
  find('instead').replaceChildren(notice({ name: 'attendees-failed', symbol: 'alert', title: 'The attendees did not load', text: reason(problem), action: again }));
  main.dataset.phase = 'failed';
}

// Another choice begins at its first row, with whoever has joined by now.
function want(change) {
  place = { ...place, ...change, page: 1, at: '', joinedBy: '' };
  history.replaceState(null, '', location.pathname + writePlace(place));
  scrollTo(0, 0);
  show();
}

const revalidate = settle(100, async () => {
  if (!session || main.dataset.phase !== 'ready' || Date.now() - asked < STALE_MS) return;
  if (!place.at) place.joinedBy = ''; // who reads on from the start may meet whoever came since
  try {
    const latest = await feed.revalidate();
    if (latest) take(latest);
  } catch (problem) {
    if (problem.status === 401) leave(); // what else fails leaves what is shown
  }
});

function plays() {
  return session.scopes.includes(`event:${eventId}:member`);
}

function leave() {
  if (main.dataset.phase === 'stopped') return;
  bar.identify(null);
  stop(main, signedOut());
}

async function start() {
  history.scrollRestoration = 'manual';
  try {
    session = (await api.session()).data;
    bar.identify(session);
    find('to-board').href = `/events/${encodeURIComponent(eventId)}`;
    find('to-goals').href = people.goalsPath(eventId);
    find('to-profile').href = people.profilePath(eventId, 'me');
    find('doors').hidden = !plays();
    const about = api.event(eventId);
    const shown = show();
    document.title = `Attendees \u00b7 ${(await about).data.name}`;
    await shown;
  } catch (problem) {
    if (problem.status === 401) leave();
    else stop(main, notLoaded(problem, 'directory'));
  }
}

main.addEventListener('filters-wanted', ({ detail }) => want(detail));
main.addEventListener('place-moved', ({ detail }) => {
  if (main.dataset.phase !== 'ready') return;
  Object.assign(place, detail);
  history.replaceState(null, '', location.pathname + writePlace(place));
});
main.addEventListener('feed-failed', ({ detail }) => detail.status === 401 && leave());
bar.addEventListener('signed-out', leave);
addEventListener('focus', revalidate);
watchVisibility({ hidden() {}, woken: revalidate });
start();
