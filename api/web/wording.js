// What the pages say: numbers, times, reasons and the sentences of the ledger.

export const STATUS = {
  not_started: 'Not started',
  in_progress: 'In progress',
  completed: 'Completed',
  locked: 'Locked',
};

const COUNT = new Intl.NumberFormat('en');

export const count = (number) => COUNT.format(number);

export function points(number) {
  return `${count(number)} ${Math.abs(number) === 1 ? 'point' : 'points'}`;
}

export function signed(number) {
  return number < 0 ? `\u2212${count(-number)}` : `+${count(number)}`;
}

export function list(names) {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(names);
}

export function readable(id) {
  const words = id.replace(/[_\-.]+/g, ' ').trim();
  return words ? words[0].toUpperCase() + words.slice(1) : id;
}

export function progressSentence({ points_earned, points_total, missions_completed, missions_total }) {
  return `${count(points_earned)} of ${points(points_total)}, ${count(missions_completed)} of ${count(missions_total)} missions completed`;
}

const CAUSES = {
  member: (title) => `You completed ${title}.`,
  profiles_viewed: (title) => `You looked into attendees\u2019 profiles, which completed ${title}.`,
  message_sent: (title) => `You wrote to an attendee, which completed ${title}.`,
  sync_created: (title) => `You arranged to meet an attendee, which completed ${title}.`,
  goals_set: (title) => `You set your goals, which completed ${title}.`,
  feedback_given: (title) => `You wrote to a speaker, which completed ${title}.`,
  reopened: (title) => `You reopened ${title}, so its points went back.`,
  reset: (title) => `You reset ${title}, so its points went back.`,
};

export function ledgerSentence({ cause, mission_id, points: moved }, titles = new Map()) {
  const title = `\u201c${titles.get(mission_id) ?? readable(mission_id)}\u201d`;
  const sentence = Object.hasOwn(CAUSES, cause) ? CAUSES[cause] : null;
  if (sentence) return sentence(title);
  return moved < 0 ? `The points for ${title} went back.` : `${title} was completed.`;
}

const NOT_DONE = { completed: 'was not completed', in_progress: 'was not changed', not_started: 'was not reset' };

export function failureSentence(title, status, problem) {
  return `\u201c${title}\u201d ${NOT_DONE[status]}. ${reason(problem)}`;
}

export function reason({ kind, status, detail, retryAfter }) {
  if (kind === 'offline') return 'You are offline.';
  if (kind === 'timeout') return 'The server took too long to answer.';
  if (kind === 'unreachable') return 'The server cannot be reached.';
  if (status === 401) return 'You are signed out.';
  if (status === 429) return `That was very quick. Try again in ${retryAfter ?? 'a few'} seconds.`;
  if (status >= 500) return 'The server has trouble right now.';
  return detail || 'The server refused it.';
}

export function dateRange({ starts_at, ends_at, timezone }) {
  if (!starts_at) return '';
  const format = inZone(timezone, { day: 'numeric', month: 'long', year: 'numeric' });
  return ends_at ? format.formatRange(new Date(starts_at), new Date(ends_at)) : format.format(new Date(starts_at));
}

export function moment(at, timezone) {
  return inZone(timezone, { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(new Date(at));
}

export function date(at, timezone) {
  return inZone(timezone, { weekday: 'long', day: 'numeric', month: 'long' }).format(new Date(at));
}

export function clock(at, timezone, more = {}) {
  return inZone(timezone, { ...more, hour: '2-digit', minute: '2-digit' }).format(new Date(at));
}

export function hours({ session_time: from, session_end: to, event_timezone: timezone }) {
  return from === to ? clock(from, timezone) : `${clock(from, timezone)}\u2013${clock(to, timezone)}`;
}

// A day as a date alone, which is in no zone.
export function dayName(day, options = { weekday: 'long', day: 'numeric', month: 'long' }) {
  return inZone('UTC', options).format(new Date(`${day}T12:00:00Z`));
}

const minutesTo = (at, now) => Math.ceil((Date.parse(at) - now) / 60000);

export function minutesUntil(at, now) {
  const minutes = minutesTo(at, now);
  return minutes < 1 ? 'Starts now' : `In ${minutes} min`;
}

export function minutesLeft(at, now) {
  const minutes = minutesTo(at, now);
  if (minutes < 1) return 'Ends now';
  const whole = Math.floor(minutes / 60);
  return [whole && `${whole} h`, minutes % 60 && `${minutes % 60} min`, 'left'].filter(Boolean).join(' ');
}

export function sessionCount(number) {
  return `${count(number)} ${number === 1 ? 'session' : 'sessions'}`;
}

export function sessionChange({ change, session_title: title, session_time: at, session_location: room }, timezone) {
  const place = room ? `, ${room}` : '';
  if (change === 'cancelled') return `\u201c${title}\u201d is cancelled.`;
  const when = clock(at, timezone, { weekday: 'long' });
  return change === 'restored' ? `\u201c${title}\u201d is on after all: ${when}${place}.` : `\u201c${title}\u201d has moved: ${when}${place}.`;
}

export function overlap(others) {
  return `At the same time as ${list(others.map(({ session_title: title }) => `\u201c${title}\u201d`))}`;
}

export function shared({ focus_areas: areas }, own) {
  const both = areas.filter((area) => own.includes(area));
  return both.length ? `You share: ${both.join(', ')}` : '';
}

// Where the clock on the wall is another one than the event's.
export function ownTime({ session_time: from, session_end: to, event_timezone: timezone }) {
  const own = { weekday: 'short' };
  if (clock(from, undefined, own) === clock(from, timezone, own)) return '';
  return `${clock(from, undefined, own)}\u2013${clock(to)}`;
}

export function zoneNote(now, timezone) {
  const there = clock(now, timezone);
  const here = clock(now);
  return there === here ? '' : `Times are in ${timezone.replaceAll('_', ' ')}, where it is ${there} now; your clock says ${here}.`;
}

export function overlaps(number) {
  return `${count(number)} sessions that you starred are on at the same time as another.`;
}

export function nothingMatches({ own, text, track }, elsewhere) {
  if (elsewhere) return `On another day there ${elsewhere.sessions.length === 1 ? 'is' : 'are'} ${sessionCount(elsewhere.sessions.length)} of this kind.`;
  if (own && !text && !track) return 'Star a session, and it is kept here.';
  return 'Nothing in the whole schedule matches.';
}

export function starFailure(title, starred, problem) {
  return `\u201c${title}\u201d ${starred ? 'was not starred' : 'kept its star'}. ${reason(problem)}`;
}

const FORMATS = new Map(); // making one costs more than using it a hundred times

function inZone(timeZone, options) {
  const key = JSON.stringify([timeZone, options]);
  if (!FORMATS.has(key)) FORMATS.set(key, format(timeZone, options));
  return FORMATS.get(key);
}

function format(timeZone, options) {
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-GB', options);
  }
}
