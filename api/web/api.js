// The HTTP API as the pages use it: JSON in and out, every failure a Problem with a kind.

const TIMEOUT_MS = 8000;
const PATIENCE_S = 3;

export class Problem extends Error {
  // kind: offline | unreachable | timeout | answered (then status and detail come from the server)
  constructor(kind, { status = 0, detail = '', retryAfter = null, errors = [] } = {}) {
    super(detail || kind);
    Object.assign(this, { kind, status, detail, retryAfter, errors });
  }

  // The server may or may not have done it; asking again with the same key settles that.
  get mayPass() {
    return this.kind !== 'answered' || this.status === 429 || this.status >= 500;
  }
}

// keepalive: goes out also where the page is left meanwhile
export async function call(method, path, { body, headers = {}, keepalive = false } = {}) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(path, {
      method,
      keepalive,
      signal: abort.signal,
      cache: 'no-store',
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const unchanged = response.status === 304; // only who named an ETag is answered so
    if (!response.ok && !unchanged) throw await refused(response);
    return {
      data: unchanged || response.status === 204 ? null : await response.json(),
      unchanged,
      etag: response.headers.get('ETag'),
      position: positionOf(response),
      date: response.headers.get('Date'),
      folded: response.headers.get('Read-Model') === 'folded',
    };
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (abort.signal.aborted) throw new Problem('timeout');
    throw new Problem(navigator.onLine === false ? 'offline' : 'unreachable');
  } finally {
    clearTimeout(timer);
  }
}

// A read may be asked again; a store that is only catching up says for how long to wait.
export async function read(path, { headers = {}, attempts = 3 } = {}) {
  try {
    return await call('GET', path, { headers });
  } catch (problem) {
    const wait = problem.retryAfter ?? 1;
    if (problem.status !== 503 || attempts <= 1 || wait > PATIENCE_S) throw problem;
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    return read(path, { headers, attempts: attempts - 1 });
  }
}

const at = (eventId) => `/api/events/${encodeURIComponent(eventId)}`;

export const session = () => read('/api/session');
export const signIn = (token) => call('POST', '/api/session', { body: { token } });
export const signOut = () => call('DELETE', '/api/session');
export const event = (eventId) => read(at(eventId));
export const missions = (eventId) => read(`${at(eventId)}/missions?member_id=me`);
export const history = (eventId) => read(`${at(eventId)}/missions/history?member_id=me`);
export const leaderboard = (eventId, limit = 10) => read(`${at(eventId)}/leaderboard?limit=${limit}`);

export const sessions = (eventId, window, limit = 3) => read(`${at(eventId)}/sessions?member_id=me&window=${window}&limit=${limit}`);
export const agenda = (eventId) => read(`${at(eventId)}/agenda?member_id=me`);
export const schedule = (eventId) => read(`${at(eventId)}/schedule?member_id=me`);

export const setStar = (eventId, sessionId, starred) =>
  call(starred ? 'PUT' : 'DELETE', `${at(eventId)}/sessions/${encodeURIComponent(sessionId)}/star`);

export const calendarLink = (eventId) => read(`${at(eventId)}/calendar-link`);
export const openCalendarLink = (eventId) => call('PUT', `${at(eventId)}/calendar-link`);
export const revokeCalendarLink = (eventId) => call('DELETE', `${at(eventId)}/calendar-link`);
export const calendarPath = (eventId) => `${at(eventId)}/schedule.ics`;
export const schedulePath = (eventId) => `${at(eventId)}/schedule`;

export const setStatus = (eventId, { missionId, status, key }) =>
  call('PATCH', `${at(eventId)}/missions/${encodeURIComponent(missionId)}`, {
    body: { status },
    headers: { 'Idempotency-Key': key },
  });

export const streamPath = (eventId, memberId) =>
  `${at(eventId)}/members/${encodeURIComponent(memberId)}/stream`;

// randomUUID exists only in secure contexts; a board opened over plain http in a hall is not one.
export function newKey() {
  if (globalThis.crypto?.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function positionOf(response) {
  const header = response.headers.get('Event-Position');
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}

async function refused(response) {
  const problem = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get('Retry-After') ?? NaN);
  return new Problem('answered', {
    status: response.status,
    detail: problem?.detail || problem?.title || '',
    retryAfter: Number.isFinite(seconds) ? seconds : null,
  });
}
