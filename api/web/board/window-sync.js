// A sync on the board, beside the sessions that are on or start within the hour.

import { el } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { end } from '/web/sync-model.js';
import { nameOf } from '/web/sync-wording.js';
import { listPath } from '/web/syncs-api.js';
import { clock, minutesLeft, minutesUntil } from '/web/wording.js';

export function syncRow(sync, window, { eventId, now, timezone }) {
  const until = new Date(end(sync)).toISOString();
  const when = window === 'now' ? minutesLeft(until, now) : minutesUntil(sync.start, now);
  const place = [`${clock(sync.start, timezone)}\u2013${clock(until, timezone)}`, sync.place].filter(Boolean).join(' \u00b7 ');
  const link = el('a', { class: 'window-link', href: listPath(eventId) }, `Sync with ${nameOf(sync)}`);
  const where = el('p', { class: 'window-where' }, el('span', { class: 'window-when' }, when), ` \u00b7 ${place}`);
  return el('li', { class: 'window-session window-sync', 'data-sync': sync.sync_id }, el('div', { class: 'window-text' }, el('h3', {}, link), where), icon('calendar'));
}
