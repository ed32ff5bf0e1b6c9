// What the messages page says.

import { clock, count, date, reason } from '/web/wording.js';

const DAY_MS = 86400000;

const day = (at) => new Date(at).toDateString();

export function dayOf(at, now) {
  if (day(at) === day(now)) return 'Today';
  if (day(at) === day(now - DAY_MS)) return 'Yesterday';
  return date(at);
}

export const isAnotherDay = (one, other) => day(one) !== day(other);

export function when(at, now) {
  if (day(at) === day(now)) return clock(at);
  if (day(at) === day(now - DAY_MS)) return 'Yesterday';
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }).format(new Date(at));
}

export const unreadMessages = (number) => `${count(number)} unread`;

export function badge(number) {
  return number > 99 ? '99+' : count(number);
}

export function about({ headline, company }) {
  return [headline, company].filter(Boolean).join(' \u00b7 ');
}

export function notSent(problem) {
  if (problem.status === 429) return `Not sent. ${problem.detail || 'That was very quick.'} ${wait(problem.retryAfter)}`;
  return `Not sent. ${reason(problem)}`;
}

function wait(seconds) {
  if (!seconds) return '';
  return seconds < 90 ? `Try again in ${seconds} seconds.` : `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}

export function left(number) {
  return number < 0 ? `${count(-number)} too many` : `${count(number)} left`;
}
