// One sync: with whom, when, what was written, and what may be answered.

import { el } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { initials, nameOf, span, STATES } from '/web/sync-wording.js';
import { moment } from '/web/wording.js';

// answer(sync, status, start)
export function syncCard(sync, { kind, timezone, answer }) {
  const name = nameOf(sync);
  const about = [sync.other.headline, sync.other.company].filter(Boolean).join(' \u00b7 ');
  return el(
    'li',
    { class: 'sync', 'data-sync': sync.sync_id, 'data-status': sync.status, 'data-pending': Boolean(sync.pending) },
    el('span', { class: 'sync-face', 'aria-hidden': 'true' }, initials(sync.other.name) || icon('ring')),
    el('div', { class: 'sync-text' }, el('h3', {}, name), about && el('p', { class: 'muted' }, about), when(sync, kind, timezone), sync.note && el('p', { class: 'sync-note' }, sync.note), sync.place && el('p', { class: 'muted' }, `Where: ${sync.place}`)),
    el('div', { class: 'sync-moves' }, moves(sync, kind, name, timezone, answer)),
  );
}

function when(sync, kind, timezone) {
  if (kind === 'agreed') return el('p', { class: 'sync-when' }, span(sync.start, sync.minutes, timezone));
  if (kind === 'over') return el('p', {}, el('span', { class: 'pill' }, STATES[sync.status]), ` ${span(sync.start ?? sync.proposals[0], sync.minutes, timezone)}`);
  const expires = el('p', { class: 'muted' }, `Open until ${moment(sync.expires_at, timezone)}`);
  if (kind === 'asked') return expires;
  return el('div', {}, el('ul', { class: 'sync-proposals' }, sync.proposals.map((start) => el('li', {}, span(start, sync.minutes, timezone)))), expires);
}

function moves(sync, kind, name, timezone, answer) {
  if (sync.pending) return [el('span', { class: 'muted', role: 'status' }, 'On its way\u2026')];
  const button = (label, about, style, run, mark) => el('button', { type: 'button', class: `button ${style}`, 'aria-label': `${label}: ${about}`, 'data-click': mark, onclick: run }, label);
  if (kind === 'asked') {
    const accept = sync.proposals
      .filter((start) => Date.parse(start) > Date.now())
      .map((start) => button(`Accept ${span(start, sync.minutes, timezone)}`, name, 'primary', () => answer(sync, 'accepted', start), 'sync_accept'));
    return [...accept, button('Decline', name, 'outline', () => answer(sync, 'declined'), 'sync_decline')];
  }
  if (kind === 'mine') return [button('Withdraw', name, 'outline', () => answer(sync, 'withdrawn'), 'sync_withdraw')];
  if (kind === 'agreed') return [button('Cancel', name, 'outline', () => answer(sync, 'withdrawn'), 'sync_cancel')];
  return [];
}
