// The calls of the syncs page.

import { call, read } from '/web/api.js';

export const PAGE = 100;

const of = (eventId) => `/api/events/${encodeURIComponent(eventId)}/syncs`;

export const syncs = (eventId, before = null) => read(`${of(eventId)}?limit=${PAGE}${before ? `&before=${before}` : ''}`);

export const agreed = (eventId) => read(`${of(eventId)}?limit=${PAGE}&status=accepted`);

export const freeTime = (eventId, other, date) => read(`${of(eventId)}/free?with=${encodeURIComponent(other)}&date=${date}`);

export const ask = (eventId, { key, ...body }) => call('POST', of(eventId), { body, headers: { 'Idempotency-Key': key } });

export const answer = (eventId, { syncId, key, ...body }) =>
  call('PATCH', `${of(eventId)}/${encodeURIComponent(syncId)}`, { body, headers: { 'Idempotency-Key': key } });

export const listPath = (eventId) => `/events/${encodeURIComponent(eventId)}/syncs`;
