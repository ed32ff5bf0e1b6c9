// The calls about people, and where each leads.

import { call, read } from '/web/api.js';

const at = (eventId) => `/api/events/${encodeURIComponent(eventId)}`;
const one = (eventId, memberId) => `${at(eventId)}/attendees/${encodeURIComponent(memberId)}`;

export const directoryPath = (eventId) => `/events/${encodeURIComponent(eventId)}/attendees`;
export const profilePath = (eventId, memberId) => `${directoryPath(eventId)}/${encodeURIComponent(memberId)}`;
export const goalsPath = (eventId) => `/events/${encodeURIComponent(eventId)}/goals`;

export const ranked = (eventId, limit = 5) => read(`${at(eventId)}/attendees/ranked?member_id=me&limit=${limit}`);
export const recentlyActive = (eventId, limit = 5) => read(`${at(eventId)}/attendees?sort=recently_active&page_size=${limit}`);

// query: as the directory takes it; etag: of what is held, which is answered with `unchanged` then
export const directory = (eventId, query, etag = null) =>
  read(`${at(eventId)}/attendees?${query}`, { headers: etag ? { 'If-None-Match': etag } : {} });

export const attendee = (eventId, memberId) => read(one(eventId, memberId));
export const saveAttendee = (eventId, profile) => call('PUT', one(eventId, 'me'), { body: profile });

export const setBlock = (eventId, memberId, blocked) =>
  call(blocked ? 'PUT' : 'DELETE', `${at(eventId)}/blocks/${encodeURIComponent(memberId)}`);

// Sent also while the page goes: a browser lets these few bytes outlive it.
export const reportView = (eventId, { memberId, at: ts, ms }) =>
  call('POST', `${at(eventId)}/missions/meet_attendees/telemetry`, {
    body: { action: 'view_profile', target_member_id: memberId, ts, dwell_ms: ms },
    keepalive: true,
  });

// What others here wrote: by field, the most frequent values as {value, count}.
export const profileWords = (eventId) => read(`${at(eventId)}/profile-words`);
