// The first ten of the event as bars, and where one stands oneself.

import { el } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { notice } from '/web/notice.js';
import { count, points, reason } from '/web/wording.js';

class LeaderBoard extends HTMLElement {
  #body = el('div', { class: 'leaders-body', 'aria-busy': 'true' });

  connectedCallback() {
    if (this.children.length) return;
    this.#body.append(...Array.from({ length: 6 }, () => el('div', { class: 'skeleton skeleton-line' })));
    this.append(el('h2', { id: 'leaders-title' }, 'Leaderboard'), this.#body);
  }

  get isShown() {
    return this.#body.dataset.shown === 'true';
  }

  // Somebody who does not play has no memberId here, and no place.
  show({ entries, me: place }, memberId) {
    const me = memberId ? place : null;
    this.#body.removeAttribute('aria-busy');
    this.#body.dataset.shown = 'true';
    if (!entries.length) {
      const text = me?.points_earned > 0 ? unlisted(me) : 'Whoever completes the first mission leads.';
      this.#body.replaceChildren(notice({ name: 'no-leaders', title: 'Nobody here yet', text, heading: 'h3' }));
      return;
    }
    const most = Math.max(1, ...entries.map((entry) => entry.points_earned));
    const rows = entries.map((entry) => row(entry, most, entry.member_id === memberId));
    const listed = entries.some((entry) => entry.member_id === memberId);
    if (!listed && me?.rank) rows.push(row({ ...me, name: '' }, most, true, true));
    this.#body.replaceChildren(el('ol', { class: 'leaders', 'aria-labelledby': 'leaders-title' }, rows), listed || me?.rank ? '' : standing(me));
  }

  fail(problem, retry) {
    this.#body.removeAttribute('aria-busy');
    const action = { label: 'Try again', run: retry };
    this.#body.replaceChildren(notice({ name: 'leaders-failed', symbol: 'alert', title: 'The leaderboard did not load', text: reason(problem), action, heading: 'h3' }));
  }
}

function row(entry, most, own, apart = false) {
  const bar = el('span', { class: 'leader-bar', 'aria-hidden': 'true' });
  bar.style.inlineSize = `${Math.max(1, (entry.points_earned / most) * 100)}%`;
  const name = entry.name || (own ? '' : entry.member_id);
  return el(
    'li',
    { class: 'leader', 'data-own': own, 'data-apart': apart, 'aria-current': own && 'true' },
    el('span', { class: 'leader-rank' }, count(entry.rank)),
    el('span', { class: 'leader-name' }, name, own && el('span', { class: 'leader-you' }, name ? ' (you)' : 'You')),
    el('span', { class: 'leader-points' }, points(entry.points_earned)),
    bar,
  );
}

function standing(me) {
  if (!me) return '';
  if (me?.points_earned > 0) return el('p', { class: 'leaders-note' }, unlisted(me));
  return el('p', { class: 'leaders-note' }, icon('arrow'), 'Complete a mission to take your place.');
}

function unlisted(me) {
  return `You are not listed. Your ${points(me.points_earned)} count all the same.`;
}

customElements.define('leader-board', LeaderBoard);
