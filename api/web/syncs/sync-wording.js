// What the syncs page says.

import { clock, moment, reason } from '/web/wording.js';

export const STATES = { declined: 'Declined', withdrawn: 'Withdrawn', expired: 'Expired', accepted: 'Over', requested: 'Open' };

export const nameOf = ({ other }) => other.name || 'Somebody who is hidden';

export function span(start, minutes, timezone) {
  const end = new Date(start).getTime() + minutes * 60 * 1000;
  return `${moment(start, timezone)}\u2013${clock(end, timezone)}`;
}

export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : null].filter(Boolean).map((word) => [...word][0]);
  return letters.join('').toUpperCase();
}

const NOT_DONE = { accepted: 'was not accepted', declined: 'was not declined', withdrawn: 'was not withdrawn' };

export function notAnswered(name, status, problem) {
  return `The sync with ${name} ${NOT_DONE[status]}. ${reason(problem)}`;
}

const DONE = { accepted: 'You meet', declined: 'You declined to meet', withdrawn: 'You no longer meet' };

export function answered(name, status) {
  return `${DONE[status]} ${name}.`;
}

const STEPS = { free: 'free', past: 'over', yours: 'you have a sync', theirs: 'they are busy' };

export function stepWords({ state, why }) {
  return state === 'starred' ? `you starred ${why}` : STEPS[state];
}
