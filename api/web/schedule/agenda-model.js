// What the schedule page knows, without a document: days, where each session stands on a day's grid,
// and which of the starred ones are on at once.

const MINUTE = 60000;
const NIGHT_ENDS = 5 * 60 * MINUTE; // what starts in the small hours belongs to the evening before
const TILE_PX = 56; // what a tile needs for its title and its star
const LEAST_PX = 46;
const LANE = 0.75; // of a room's width, where a room has several sessions at once

const ORDER = new Intl.Collator('en', { numeric: true });

export function days(sessions, timezone) {
  const date = dates(timezone);
  const found = new Map();
  for (const session of sessions) {
    push(found, date(Date.parse(session.session_time)), session);
  }
  return [...found].map(([day, held]) => ({ day, sessions: held })).sort((a, b) => (a.day < b.day ? -1 : 1));
}

export function dayOf(moment, timezone) {
  return dates(timezone)(moment);
}

export function named(sessions, key) {
  return [...new Set(sessions.map((session) => session[key]).filter(Boolean))].sort(ORDER.compare);
}

export function bySlot(sessions) {
  const slots = new Map();
  for (const session of [...sessions].sort(inOrder)) {
    push(slots, Date.parse(session.session_time), session);
  }
  return [...slots].map(([at, held]) => ({ at, sessions: held }));
}

// Minutes are counted from the first whole hour, in instants: a day on which clocks change is no
// special case. Widths are counted in rooms.
export function layout(sessions) {
  const scale = pixelsPerMinute(sessions);
  const start = Math.min(...sessions.map((session) => Date.parse(session.session_time)));
  const from = Math.floor(start / (30 * MINUTE)) * 30 * MINUTE;
  const blocks = sessions.map((session) => block(session, from, scale));
  const rooms = [];
  let at = 0;
  for (const name of roomsOf(sessions)) {
    const held = blocks.filter(({ session }) => session.session_location === name).sort((a, b) => a.from - b.from || b.for - a.for);
    const lanes = inLanes(held);
    const span = Math.max(1, lanes * LANE);
    for (const one of held) Object.assign(one, { at: at + (one.lane / one.lanes) * span, span: span / one.lanes });
    rooms.push({ name, at, span });
    at += span;
  }
  const minutes = Math.ceil(Math.max(...blocks.map((one) => one.from + one.for)) / 30) * 30;
  return { from, minutes, scale, units: at, rooms, places: new Map(blocks.map((one) => [one.session.session_id, one])) };
}

// Of the starred ones that are not cancelled: which others are on at the same time.
export function conflicts(sessions, isStarred) {
  const held = sessions.filter((session) => session.status !== 'cancelled' && isStarred(session.session_id));
  const found = held.map((one) => [one.session_id, held.filter((other) => other !== one && atOnce(one, other))]);
  return new Map(found.filter(([, others]) => others.length));
}

export function isOn(session, now) {
  return session.status !== 'cancelled' && Date.parse(session.session_time) <= now && now <= Date.parse(session.session_end);
}

function push(lists, key, value) {
  if (!lists.has(key)) lists.set(key, []);
  lists.get(key).push(value);
}

function atOnce(one, other) {
  return Date.parse(one.session_time) < Date.parse(other.session_end) && Date.parse(other.session_time) < Date.parse(one.session_end);
}

function dates(timeZone) {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return (moment) => format.format(moment - NIGHT_ENDS);
}

function inOrder(one, other) {
  return Date.parse(one.session_time) - Date.parse(other.session_time) || ORDER.compare(one.session_location, other.session_location);
}

function roomsOf(sessions) {
  const rooms = named(sessions, 'session_location');
  return sessions.some((session) => !session.session_location) ? [...rooms, ''] : rooms;
}

// So that nearly every tile has room for its title, and a day is no taller than that takes.
function pixelsPerMinute(sessions) {
  const lengths = sessions.map(minutesOf).sort((a, b) => a - b);
  const short = lengths[Math.floor(lengths.length / 10)];
  return Math.min(4, Math.max(1.5, TILE_PX / Math.max(1, short)));
}

function minutesOf(session) {
  return (Date.parse(session.session_end) - Date.parse(session.session_time)) / MINUTE;
}

const LONGEST = 24 * 60; // an item over several days fills the one it starts on

function block(session, from, scale) {
  const minutes = Math.min(LONGEST, Math.max(minutesOf(session), LEAST_PX / scale));
  return { session, from: (Date.parse(session.session_time) - from) / MINUTE, for: minutes };
}

// Each block in the first free lane; blocks that touch one another share the width evenly.
function inLanes(blocks) {
  let most = 1;
  let ends = [];
  let cluster = [];
  for (const one of blocks) {
    if (ends.every((end) => end <= one.from)) {
      ends = [];
      cluster = [];
    }
    const free = ends.findIndex((end) => end <= one.from);
    one.lane = free < 0 ? ends.length : free;
    ends[one.lane] = one.from + one.for;
    cluster.push(one);
    for (const held of cluster) held.lanes = ends.length;
    most = Math.max(most, ends.length);
  }
  return most;
}
