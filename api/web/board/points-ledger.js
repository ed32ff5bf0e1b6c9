// Why do I have these points: the balance as a step line, and every entry as a sentence.

import * as api from '/web/api.js';
import { el, hiddenText, svg } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { notice } from '/web/notice.js';
import { count, ledgerSentence, moment, points, reason, signed } from '/web/wording.js';

const WIDTH = 600;
const HEIGHT = 120;

class PointsLedger extends HTMLElement {
  #dialog = null;
  #body = el('div', { class: 'ledger-body' });
  #context = null;

  connectedCallback() {
    if (this.#dialog) return;
    const close = el('button', { type: 'button', class: 'icon-button', onclick: () => this.#dialog.close() }, icon('close'), hiddenText('Close'));
    this.#dialog = el(
      'dialog',
      { class: 'drawer', 'aria-labelledby': 'ledger-title' },
      el('header', { class: 'drawer-head' }, el('h2', { id: 'ledger-title', tabindex: '-1' }, 'Points history'), close),
      this.#body,
    );
    this.#dialog.addEventListener('click', (click) => click.target === this.#dialog && this.#dialog.close());
    this.append(this.#dialog);
  }

  // context: { eventId, timezone, titles }
  open(context) {
    this.#context = context;
    this.#body.replaceChildren(...Array.from({ length: 4 }, () => el('div', { class: 'skeleton skeleton-line' })));
    this.#dialog.showModal();
    this.#dialog.querySelector('h2').focus();
    return this.#load();
  }

  close() {
    this.#dialog.close();
  }

  refresh() {
    return this.#dialog.open ? this.#load() : undefined;
  }

  async #load() {
    try {
      const { data } = await api.history(this.#context.eventId);
      this.#body.replaceChildren(...(data.entries.length ? this.#filled(data) : [empty()]));
    } catch (problem) {
      const action = { label: 'Try again', run: () => this.#load() };
      this.#body.replaceChildren(notice({ name: 'ledger-failed', symbol: 'alert', title: 'The history did not load', text: reason(problem), action, heading: 'h3' }));
    }
  }

  #filled({ entries, balance }) {
    const newestFirst = [...entries].reverse();
    return [
      el('p', { class: 'ledger-balance' }, el('strong', {}, points(balance)), ' and how they came about, latest first.'),
      stepLine(entries),
      el('ol', { class: 'ledger-entries' }, newestFirst.map((entry) => this.#entry(entry))),
    ];
  }

  #entry(entry) {
    const { titles, timezone } = this.#context;
    return el(
      'li',
      {},
      el('span', { class: 'ledger-points', 'data-loss': entry.points < 0 }, signed(entry.points)),
      el(
        'div',
        {},
        el('p', {}, ledgerSentence(entry, titles)),
        el('p', { class: 'ledger-when' }, el('time', { datetime: entry.at }, moment(entry.at, timezone)), ` \u00b7 ${points(entry.balance)} after it`),
      ),
    );
  }
}

function stepLine(entries) {
  const highest = Math.max(1, ...entries.map((entry) => entry.balance));
  const across = (index) => ((index / entries.length) * WIDTH).toFixed(1);
  const up = (balance) => (HEIGHT - (Math.max(0, balance) / highest) * (HEIGHT - 8) - 2).toFixed(1);
  const line = entries.map((entry, index) => `V${up(entry.balance)}H${across(index + 1)}`).join('');
  const start = `M0 ${up(0)}`;
  return el(
    'figure',
    { class: 'ledger-chart' },
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `The balance after each of ${entries.length} entries; the highest was ${points(highest)}` },
      svg('path', { class: 'chart-area', d: `${start}${line}V${up(0)}Z` }),
      svg('path', { class: 'chart-line', d: start + line }),
    ),
    el('figcaption', {}, el('span', {}, 'First entry'), el('span', {}, `Highest ${count(highest)}`), el('span', {}, 'Now')),
  );
}

function empty() {
  return notice({ name: 'no-points', symbol: 'steps', title: 'No points yet', text: 'Complete a mission and its points are listed here.', heading: 'h3' });
}

customElements.define('points-ledger', PointsLedger);
