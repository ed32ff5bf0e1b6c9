// What the pages say about people.

import { count, reason } from '/web/wording.js';

export const SORTS = { match_score: 'Sync Score', recently_active: 'Recently active', company: 'Company', role: 'Role' };
export const FACETS = { industries: 'Industry', roles: 'Role', companies: 'Company', goals: 'Goal' };

export const UNRANKED = 'No ranked matches yet. Set your networking goals to unlock personalized matches.';

export const syncScore = (score) => Math.round(score * 100);

export function attendeeCount(number) {
  return `${count(number)} ${number === 1 ? 'attendee' : 'attendees'}`;
}

// At most two letters, of the first and the last word that begin with one.
export function initials(name) {
  const words = name.normalize('NFC').match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0].toLocaleUpperCase('en')).join('') || '?';
}

// The same hue for the same person on every page.
export function hue(memberId, hues = 6) {
  return [...memberId].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % hues;
}

export function notLoadedPeople(problem) {
  return `The attendees did not load. ${reason(problem)}`;
}

export function blockSentence(name) {
  return `Neither of you sees the other any more: not here, not in messages, not on the leaderboard. ${name} is not told.`;
}
