// A day in steps of a quarter of an hour: by click, or by arrow keys and space.

import { mayBePicked } from '/web/day-model.js';
import { el } from '/web/dom.js';
import { stepWords } from '/web/sync-wording.js';
import { clock } from '/web/wording.js';

const MOVES = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

class DayGrid extends HTMLElement {
  #buttons = [];
  #starts = '';

  constructor() {
    super();
    this.addEventListener('keydown', (press) => this.#move(press));
  }

  show(steps, { picked, timezone, label }) {
    const starts = steps.map((step) => step.start).join();
    if (starts !== this.#starts) this.#arrange(steps, timezone);
    this.#starts = starts;
    this.firstElementChild.setAttribute('aria-label', label);
    for (const [i, step] of steps.entries()) {
      const button = this.#buttons[i];
      const isPicked = picked.includes(step.start);
      button.dataset.state = step.state;
      button.setAttribute('aria-pressed', String(isPicked));
      button.setAttribute('aria-disabled', String(!mayBePicked(step) && !isPicked));
      button.setAttribute('aria-label', `${clock(step.start, timezone)}, ${stepWords(step)}`);
      button.title = step.state === 'free' ? '' : stepWords(step);
    }
    if (!this.#buttons.some((button) => button.tabIndex === 0)) this.#enter(Math.max(0, steps.findIndex(mayBePicked)));
  }

  load() {
    this.#starts = '';
    this.replaceChildren(el('div', { class: 'skeleton day-skeleton' }), el('span', { class: 'visually-hidden' }, 'Loading the day'));
  }

  #arrange(steps, timezone) {
    this.#buttons = steps.map((step) => el('button', { type: 'button', class: 'step', tabindex: '-1', onclick: (click) => this.#pick(click.currentTarget, step.start) }, clock(step.start, timezone)));
    this.replaceChildren(el('div', { class: 'day-steps', role: 'group' }, this.#buttons));
  }

  #pick(button, start) {
    this.#enter(this.#buttons.indexOf(button));
    if (button.getAttribute('aria-disabled') === 'true') return;
    this.dispatchEvent(new CustomEvent('step-picked', { detail: { start }, bubbles: true }));
  }

  #move(press) {
    const from = this.#buttons.indexOf(press.target);
    const [steps, rows] = MOVES[press.key] ?? [NaN, NaN];
    const to = press.key === 'Home' ? 0 : press.key === 'End' ? this.#buttons.length - 1 : from + steps + rows * this.#columns;
    if (from < 0 || !this.#buttons[to]) return;
    press.preventDefault();
    this.#enter(to);
    this.#buttons[to].focus();
  }

  // As many as the page is wide enough for.
  get #columns() {
    const [first] = this.#buttons;
    return this.#buttons.filter((button) => button.offsetTop === first.offsetTop).length;
  }

  #enter(place) {
    for (const [i, button] of this.#buttons.entries()) button.tabIndex = i === place ? 0 : -1;
  }
}

customElements.define('day-grid', DayGrid);
