// The page of one attendee: somebody else's profile, looks at which count, or one's own to write.

import * as api from '/web/api.js';
import * as people from '/web/attendees-api.js';
import '/web/attendee-profile.js';
import { el } from '/web/dom.js';
import { Meeting } from '/web/meeting.js';
import '/web/meet-progress.js';
import { notice } from '/web/notice.js';
import { ownProfile } from '/web/own-profile.js';
import '/web/page-bar.js';
import '/web/profile-form.js';
import { notLoaded, signedOut, stop } from '/web/stopped.js';
import '/web/toast.js';
import { count, reason } from '/web/wording.js';

const [, , eventPart, , memberPart] = location.pathname.split('/');
const eventId = decodeURIComponent(eventPart);
const asked = decodeURIComponent(memberPart);
const main = document.getElementById('attendee');
const place = document.getElementById('profile');
const bar = document.querySelector('page-bar');
const strip = document.querySelector('meet-progress');
const toasts = document.querySelector('toast-stack');

let session = null;
let meeting = null;

function leave() {
  if (main.dataset.phase === 'stopped') return;
  meeting?.close();
  bar.feed(null);
  bar.tally('');
  bar.identify(null);
  toasts.clear();
  stop(main, signedOut());
}

function show(...content) {
  place.replaceChildren(...content);
  place.removeAttribute('aria-busy');
  main.dataset.phase = 'ready';
}

function missing() {
  const action = { label: 'All attendees', href: people.directoryPath(eventId) };
  return { name: 'no-attendee', symbol: 'search', title: 'There is nobody of this name here', text: 'They may have left, or keep to themselves.', action };
}

async function showOther(memberId) {
  const { data: person } = await people.attendee(eventId, memberId);
  show(el('attendee-profile'));
  place.firstElementChild.show(person, eventId);
  document.title = person.name;
  if (!session.scopes.includes(`event:${eventId}:member`)) return;
  meeting = new Meeting({ eventId, member: session.sub, show: showMission, live: (state) => bar.feed(state), toast: (said) => toasts.show(said), leave });
  // A profile is read also where the missions do not answer.
  await meeting.start(memberId).catch((problem) => problem.status === 401 && leave());
}

function showMission({ mission, progress, seen }) {
  strip.show(mission, { seen, eventId });
  bar.tally(progress.points_total ? `${count(progress.points_earned)}/${count(progress.points_total)}` : '');
}

async function showOwn() {
  const own = await ownProfile(eventId);
  const form = el('profile-form');
  show(form);
  form.show(own ?? { name: session.name ?? '' }, { eventId, isNew: !own });
  document.title = 'Your profile';
}

async function block() {
  const { member_id: memberId, name } = document.querySelector('attendee-profile').person;
  try {
    await people.setBlock(eventId, memberId, true);
  } catch (problem) {
    if (problem.status === 401) return leave();
    return toasts.show({ subject: 'block', text: `${name} was not blocked. ${reason(problem)}`, failure: true });
  }
  meeting?.close();
  bar.feed(null);
  strip.hidden = true;
  const undo = el('button', { type: 'button', class: 'button outline', onclick: () => unblock(memberId, name) }, 'Undo');
  const blocked = notice({ name: 'blocked', symbol: 'lock', title: `${name} is blocked`, text: 'Neither of you sees the other any more. They are not told.', action: { label: 'All attendees', href: people.directoryPath(eventId) }, heading: 'h1' });
  blocked.append(undo);
  show(blocked);
  blocked.querySelector('h1').focus();
}

async function unblock(memberId, name) {
  try {
    await people.setBlock(eventId, memberId, false);
    location.reload();
  } catch (problem) {
    toasts.show({ subject: 'block', text: `${name} is still blocked. ${reason(problem)}`, failure: true });
  }
}

// Back to the row one came from, where one came from there.
function wayBack() {
  const path = people.directoryPath(eventId);
  const from = URL.parse?.(document.referrer);
  return from?.origin === location.origin && from.pathname === path ? path + from.search : path;
}

async function start() {
  document.getElementById('to-directory').href = wayBack();
  try {
    session = (await api.session()).data;
    bar.identify(session);
    const isOwn = asked.toLowerCase() === 'me' || asked === session.sub;
    await (isOwn ? showOwn() : showOther(asked));
  } catch (problem) {
    if (problem.status === 401) leave();
    else if (problem.status === 404) stop(main, missing());
    else stop(main, notLoaded(problem, 'profile'));
  }
}

main.addEventListener('block-wanted', block);
main.addEventListener('toast-wanted', ({ detail }) => toasts.show(detail));
main.addEventListener('signed-out', leave);
bar.addEventListener('signed-out', leave);
start();
