// What one came for: up to five goals in one's own words, and what one offers and looks for.

import * as api from '/web/api.js';
import { profileWords } from '/web/attendees-api.js';
import { el } from '/web/dom.js';
import '/web/goals-form.js';
import { ownProfile, saveOwnProfile } from '/web/own-profile.js';
import '/web/page-bar.js';
import { notLoaded, signedOut, stop } from '/web/stopped.js';
import '/web/toast.js';
import { reason } from '/web/wording.js';

const eventId = decodeURIComponent(location.pathname.split('/')[2]);
const main = document.getElementById('goals');
const place = document.getElementById('form');
const bar = document.querySelector('page-bar');
const toasts = document.querySelector('toast-stack');
const form = el('goals-form');

function leave() {
  if (main.dataset.phase === 'stopped') return;
  bar.identify(null);
  toasts.clear();
  stop(main, signedOut());
}

async function save({ detail }) {
  form.busy(true);
  try {
    await saveOwnProfile(eventId, detail);
    const action = { label: 'See who is here', run: () => location.assign(`/events/${encodeURIComponent(eventId)}/attendees`) };
    toasts.show({ subject: 'goals', text: 'Your goals are saved.', action });
  } catch (problem) {
    if (problem.status === 401) return leave();
    form.fail(`Your goals were not saved. ${reason(problem)}`);
  } finally {
    form.busy(false);
  }
}

async function start() {
  document.getElementById('to-board').href = `/events/${encodeURIComponent(eventId)}`;
  try {
    const { data: session } = await api.session();
    bar.identify(session);
    if (!session.scopes.includes(`event:${eventId}:member`)) {
      const action = { label: 'Your events', href: '/' };
      return stop(main, { name: 'no-member', symbol: 'steps', title: 'Goals are for members', text: 'You organize this event, and do not take part in it.', action });
    }
    const [own, { data: about }] = await Promise.all([ownProfile(eventId), api.event(eventId)]);
    document.title = `Your goals \u00b7 ${about.name}`;
    form.show(own, session.name ?? '');
    place.replaceChildren(form);
    place.removeAttribute('aria-busy');
    main.dataset.phase = 'ready';
    // A form is as good without suggestions.
    await profileWords(eventId).then(({ data }) => form.suggest(data.words), () => {});
  } catch (problem) {
    if (problem.status === 401) leave();
    else stop(main, notLoaded(problem, 'page'));
  }
}

form.addEventListener('goals-wanted', save);
bar.addEventListener('signed-out', leave);
start();
