// The calls of the messages page.

import { call, read } from '/web/api.js';

export const PAGE = 30;

const at = (eventId) => `/api/events/${encodeURIComponent(eventId)}`;
const of = (eventId) => `${at(eventId)}/messages`;
const earlier = (before) => (before ? `&before=${before}` : '');

export const threads = (eventId, before = null) => read(`${of(eventId)}?limit=${PAGE}${earlier(before)}`);

export const unread = async (eventId) => (await read(`${of(eventId)}?limit=1`)).data.unread;

export const thread = (eventId, other, before = null) =>
  read(`${of(eventId)}?with=${encodeURIComponent(other)}&limit=${PAGE}${earlier(before)}`);

export const send = (eventId, { to, text, key }) =>
  call('POST', of(eventId), { body: { to, text }, headers: { 'Idempotency-Key': key } });

export const markRead = (eventId, other, until) =>
  call('PUT', `${of(eventId)}/${encodeURIComponent(other)}/read`, { body: { until } });

export const report = (eventId, messageId, reason) =>
  call('POST', `${of(eventId)}/${encodeURIComponent(messageId)}/report`, { body: { reason } });

export const block = (eventId, other) => call('PUT', `${at(eventId)}/blocks/${encodeURIComponent(other)}`);

export const pagePath = (eventId, other = null) =>
  `/events/${encodeURIComponent(eventId)}/messages${other === null ? '' : `/${encodeURIComponent(other)}`}`;
