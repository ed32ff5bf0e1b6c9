// Points so far, drawn as a bar with one segment per mission, as wide as the mission is worth.

import { el, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { count, progressSentence } from '/web/wording.js';

const RANK = { completed: 0, in_progress: 1, not_started: 2, locked: 3 };

class ProgressBanner extends HTMLElement {
  #parts = null;
  #segments = new Map();

  connectedCallback() {
    if (this.#parts) return;
    const earned = el('span', { class: 'banner-earned' }, '0');
    const total = el('span', { class: 'banner-total' }, '');
    const missions = el('p', { class: 'banner-missions' });
    const bar = el('div', { class: 'banner-bar', role: 'progressbar', 'aria-label': 'Points earned', 'aria-valuemin': '0' });
    const why = el('button', { type: 'button', class: 'button outline banner-why', onclick: () => this.#ask() }, icon('steps'), 'Points history');
    const spoken = el('p', { class: 'visually-hidden', role: 'status' });
    this.#parts = { earned, total, missions, bar, spoken };
    this.append(
      el('p', { class: 'banner-points' }, earned, total, ' ', el('span', { class: 'banner-unit' }, 'points')),
      missions,
      why,
      bar,
      spoken,
    );
    this.setAttribute('aria-busy', 'true');
  }

  show(progress, missions) {
    const { earned, total, missions: done, bar, spoken } = this.#parts;
    const first = this.hasAttribute('aria-busy');
    this.removeAttribute('aria-busy');
    const before = earned.textContent;
    setText(earned, count(progress.points_earned));
    setText(total, `/${count(progress.points_total)}`);
    setText(done, `${count(progress.missions_completed)} of ${count(progress.missions_total)} missions`);
    const sentence = progressSentence(progress);
    bar.setAttribute('aria-valuemax', Math.max(progress.points_total, progress.points_earned));
    bar.setAttribute('aria-valuenow', progress.points_earned);
    bar.setAttribute('aria-valuetext', sentence);
    this.#draw(progress, missions);
    if (first) return;
    setText(spoken, sentence);
    if (before !== earned.textContent) this.#pulse();
  }

  #draw(progress, missions) {
    const listed = [...missions].sort((a, b) => RANK[a.status] - RANK[b.status]);
    const unlisted = progress.points_earned - listed.reduce((sum, mission) => sum + mission.points_earned, 0);
    const pieces = listed.map(({ id, status, points, points_earned }) => ({
      id,
      status,
      weight: status === 'completed' ? points_earned : points,
    }));
    if (unlisted > 0) pieces.unshift({ id: '', status: 'completed', weight: unlisted });
    const kept = new Map();
    for (const { id, status, weight } of pieces) {
      const segment = this.#segments.get(id) ?? el('span', { class: 'segment' });
      segment.dataset.status = status;
      segment.style.flexGrow = weight;
      segment.hidden = weight <= 0;
      kept.set(id, segment);
    }
    this.#segments = kept;
    const order = [...kept.values()];
    if (order.some((segment, index) => this.#parts.bar.children[index] !== segment) || order.length !== this.#parts.bar.children.length) {
      this.#parts.bar.replaceChildren(...order);
    }
  }

  #pulse() {
    this.removeAttribute('data-moved');
    requestAnimationFrame(() => this.setAttribute('data-moved', ''));
  }

  #ask() {
    this.dispatchEvent(new CustomEvent('ledger-wanted', { bubbles: true }));
  }
}

customElements.define('progress-banner', ProgressBanner);
