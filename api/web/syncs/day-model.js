// A day of two people in steps, without a document: at which a sync could begin, and why not.

export const STEP = 15 * 60 * 1000;
export const MOST = 3; // proposals
const HOURS = [8, 20]; // that are shown, unless more of the day is taken

const span = ({ start, end }) => [Date.parse(start), Date.parse(end)];
const overlaps = ([start, end], [from, to]) => start < to && from < end;

// Of each step: { start, state: free | starred | yours | theirs | past, why }
export function steps(day, minutes, now, hourOf) {
  const [first, last] = span(day);
  const own = day.yours.map((one) => ({ ...one, span: span(one) }));
  const theirs = day.theirs.map(span);
  const found = [];
  for (let start = first; start < last; start += STEP) {
    if (!isShown(hourOf(start))) continue;
    found.push({ start, ...stateOf([start, start + minutes * 60 * 1000], own, theirs, now) });
  }
  return found;
}

function isShown(hour) {
  return hour >= HOURS[0] && hour < HOURS[1];
}

function stateOf(slot, own, theirs, now) {
  if (slot[0] <= now) return { state: 'past' };
  const taken = own.filter((one) => overlaps(slot, one.span));
  if (taken.some((one) => one.kind === 'sync')) return { state: 'yours' };
  if (theirs.some((one) => overlaps(slot, one))) return { state: 'theirs' };
  return taken.length ? { state: 'starred', why: taken.map((one) => one.title).join(', ') } : { state: 'free' };
}

export const mayBePicked = ({ state }) => state === 'free' || state === 'starred';

// The picked starts with this one, or without it.
export function toggled(picked, start) {
  if (picked.includes(start)) return picked.filter((one) => one !== start);
  return picked.length < MOST ? [...picked, start].sort((a, b) => a - b) : picked;
}

// The day before or after a date as YYYY-MM-DD.
export function dayAfter(date, days) {
  const day = new Date(`${date}T12:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}
