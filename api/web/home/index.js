// The first page: the events one's token opens, or how to get in.

import * as api from '/web/api.js';
import { el } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { notice } from '/web/notice.js';
import '/web/page-bar.js';
import { dateRange, reason } from '/web/wording.js';

const events = document.getElementById('events');
const ROLES = { organizer: 'Organizer', member: 'Member' };
const NONE = { name: 'no-events', title: 'No events yet', text: 'Your sign-in opens no event. Ask the organizers for a link to theirs.' };
const EVERY = { name: 'every-event', title: 'Every event is open to you', text: 'Your sign-in is an admin\u2019s, and names none. Open one by its id: its page is /events/, then the id.' };

// One for each page: whoever has two roles at an event has one card, with both.
function openedBy(scopes) {
  const opened = scopes.flatMap((scope) => {
    const [kind, eventId, role, speakerId] = scope.split(':');
    if (kind !== 'event') return [];
    if (role === 'speaker') return [{ eventId, role: 'Your speaker brief', href: `/events/${eventId}/speakers/${speakerId}/brief` }];
    return ROLES[role] ? [{ eventId, role: ROLES[role], href: `/events/${eventId}` }] : [];
  });
  const pages = Map.groupBy(opened, ({ href }) => href).values();
  return [...pages].map((same) => ({ ...same[0], role: [...new Set(same.map(({ role }) => role))].join(', ') }));
}

async function entry({ eventId, role, href }) {
  const about = await api.event(eventId).then(({ data }) => data, () => ({ name: eventId }));
  const facts = [role, dateRange(about)].filter(Boolean).join(' \u00b7 ');
  return el('li', {}, el('a', { class: 'event-link', href }, el('span', {}, el('strong', {}, about.name), el('span', { class: 'muted' }, facts)), icon('arrow')));
}

async function shown() {
  const { data: session } = await api.session();
  document.querySelector('page-bar').identify(session);
  const opened = openedBy(session.scopes);
  if (!opened.length) return notice(session.scopes.includes('admin') ? EVERY : NONE);
  return el('ul', { class: 'event-links' }, await Promise.all(opened.map(entry)));
}

function failed(problem) {
  if (problem.status === 401) {
    return notice({
      name: 'signed-out',
      symbol: 'key',
      title: 'You are signed out',
      text: 'Open the sign-in link you were given.',
      action: { label: 'Sign in', href: '/sign-in' },
    });
  }
  return notice({ name: 'failed', symbol: 'alert', title: 'Your events did not load', text: reason(problem), action: { label: 'Try again', run: start } });
}

async function start() {
  events.replaceChildren(await shown().catch(failed));
  events.removeAttribute('aria-busy');
}

document.querySelector('page-bar').addEventListener('signed-out', start);
start();
