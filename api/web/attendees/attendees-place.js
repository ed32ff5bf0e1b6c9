// Where one is in the directory, as its address has it: whom it shows, in which order, and the row
// at the top of the window. Kept over a reload and a way back, and to share.

import { FACETS, SORTS } from '/web/attendee-wording.js';

const NAMES = Object.keys(FACETS);

export const EVERYBODY = Object.freeze({ q: '', sort: 'match_score', ...Object.fromEntries(NAMES.map((name) => [name, []])), page: 1, joinedBy: '', at: '' });

export function readPlace(search) {
  const given = new URLSearchParams(search);
  const number = (name) => (/^\d{1,18}$/.test(given.get(name) ?? '') ? given.get(name) : '');
  const sort = Object.hasOwn(SORTS, given.get('sort') ?? '') ? given.get('sort') : EVERYBODY.sort;
  const chosen = NAMES.map((name) => [name, [...new Set(given.getAll(name))].filter(Boolean)]);
  const page = Math.min(Math.max(1, Number(number('page')) || 1), 1_000_000);
  return { q: given.get('q') ?? '', sort, ...Object.fromEntries(chosen), page, joinedBy: number('joined_by'), at: given.get('at') ?? '' };
}

export function writePlace(place) {
  const said = wanted(place);
  if (place.sort !== EVERYBODY.sort) said.set('sort', place.sort);
  if (place.page > 1) said.set('page', place.page);
  if (place.at) {
    said.set('at', place.at);
    if (place.joinedBy) said.set('joined_by', place.joinedBy);
  }
  return said.size ? `?${said}` : '';
}

// As the server takes it. joinedBy: those who join later move nobody to another page.
export function queryOf(place, page, joinedBy) {
  const said = wanted(place);
  said.set('sort', place.sort);
  said.set('page', page);
  if (joinedBy) said.set('joined_by', joinedBy);
  return said.toString();
}

export function isNarrowed(place) {
  return Boolean(place.q.trim()) || chosenIn(place).length > 0;
}

// Each value by which the directory is filtered, as [facet, value].
export function chosenIn(place) {
  return NAMES.flatMap((name) => place[name].map((value) => [name, value]));
}

export function toggled(place, facet, value, isOn) {
  const others = place[facet].filter((one) => one !== value);
  return { [facet]: isOn ? [...others, value] : others };
}

function wanted(place) {
  const said = new URLSearchParams();
  if (place.q.trim()) said.set('q', place.q.trim());
  for (const [name, value] of chosenIn(place)) said.append(name, value);
  return said;
}
