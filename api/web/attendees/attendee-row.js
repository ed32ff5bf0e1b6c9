// Somebody as the board and the directory show them: who they are, why they suit, and what to do.

import { el, hiddenText } from '/web/dom.js';
import { hue, initials, syncScore } from '/web/attendee-wording.js';

const TAGS = 3;

// A picture that is missing, or that does not load, leaves the initials, which lie beneath.
export function avatar({ name, member_id: id, avatar_url: url }) {
  const face = el('span', { class: 'avatar', 'data-hue': hue(id), 'aria-hidden': 'true' }, initials(name));
  if (!url?.startsWith('https://')) return face;
  const picture = el('img', { alt: '', loading: 'lazy', decoding: 'async', referrerpolicy: 'no-referrer', onerror: () => picture.remove() });
  picture.src = url;
  face.append(picture);
  return face;
}

// Nothing where the product does not know how two suit each other.
export function scoreChip({ scored, match_score: score }) {
  return scored ? el('p', { class: 'score' }, 'Sync Score ', el('strong', {}, String(syncScore(score)))) : null;
}

export function tagList(tags, { most = tags.length, label = 'You share' } = {}) {
  if (!tags.length) return null;
  const more = tags.length - most;
  return el(
    'ul',
    { class: 'tags', 'aria-label': label },
    tags.slice(0, most).map((tag) => el('li', {}, el('bdi', {}, tag))),
    more > 0 && el('li', { class: 'tags-more', title: tags.slice(most).join(', ') }, `+${more}`, hiddenText(` more: ${tags.slice(most).join(', ')}`)),
  );
}

const ACTS = [
  { act: 'view_profile', label: 'View', to: 'profile_url' },
  { act: 'send_message', label: 'Message', to: 'message_url' },
  { act: 'create_sync', label: 'Schedule Sync', to: 'sync_url' },
];

// Marked as analytics read it: data-click, with whom, where, and how well they suit.
export function acts(person, eventId, wanted = ACTS.map(({ act }) => act)) {
  const about = { 'data-event-id': eventId, 'data-target-member-id': person.member_id, 'data-match-score': person.match_score };
  return ACTS.filter(({ act }) => wanted.includes(act)).map(({ act, label, to }) =>
    el('a', { class: 'button outline', href: person.actions[to], 'data-click': act, ...about }, label, hiddenText(act === 'create_sync' ? ` with ${person.name}` : ` ${person.name}`)),
  );
}

// heading: the level that fits where it is shown
export function attendeeRow(person, { eventId, heading = 'h4', own = null }) {
  const id = `person-${person.member_id}`;
  const { name, company, headline, reasons } = person;
  return el(
    'article',
    { class: 'person', 'aria-labelledby': id, 'data-member': person.member_id },
    avatar(person),
    el(
      'div',
      { class: 'person-first' },
      el(
        'div',
        { class: 'person-who' },
        el('p', { class: 'person-name' }, el(heading, { id, tabindex: '-1' }, el('bdi', {}, name)), person.member_id === own && ' (you)', company && el('span', { class: 'person-company' }, el('span', { 'aria-hidden': 'true' }, '\u2022 '), el('bdi', {}, company))),
        headline && el('p', { class: 'person-headline', dir: 'auto' }, headline),
        reasons.length > 0 && el('p', { class: 'person-why', dir: 'auto' }, reasons[0]),
      ),
      scoreChip(person),
    ),
    el('div', { class: 'person-then' }, tagList(person.overlap_tags, { most: TAGS }), el('div', { class: 'person-acts' }, acts(person, eventId))),
  );
}

export function skeletonRow() {
  const line = (width) => el('span', { class: `skeleton person-line ${width}` });
  return el(
    'div',
    { class: 'person', 'aria-hidden': 'true', 'data-skeleton': true },
    el('span', { class: 'avatar skeleton' }),
    el('div', { class: 'person-first' }, el('div', { class: 'person-who' }, line('of-name'), line('of-headline'), line('of-why')), line('of-score')),
    el('div', { class: 'person-then' }, line('of-tags'), el('div', { class: 'person-acts' }, line('of-act'), line('of-act'), line('of-act'))),
  );
}
