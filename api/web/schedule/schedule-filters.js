// What of the schedule is wanted: a day, a track, words, one's stars, and as a grid or as a list.

import { el, hiddenText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { settle } from '/web/debounce.js';
import { dayName } from '/web/wording.js';

const TYPING_MS = 120;
const VIEWS = [['grid', 'Grid'], ['list', 'List']];

class ScheduleFilters extends HTMLElement {
  #days = el('fieldset', { class: 'segments days' });
  #text = el('input', { type: 'search', placeholder: 'Title, speaker, room', autocomplete: 'off', 'aria-label': 'Search the sessions' });
  #track = el('select', { 'aria-label': 'Track' });
  #own = el('input', { type: 'checkbox' });
  #views = segments('view', 'Show as', VIEWS);
  #counts = new Map();

  connectedCallback() {
    if (this.children.length) return;
    this.#days.append(el('legend', { class: 'visually-hidden' }, 'Day'));
    const own = el('label', { class: 'toggle', id: 'own' }, this.#own, icon('star'), 'My stars');
    this.append(this.#days, el('search', { class: 'filters', 'aria-label': 'Sessions' }, el('span', { class: 'search' }, icon('search'), this.#text), this.#track, own, this.#views));
    this.#text.addEventListener('input', settle(TYPING_MS, () => this.#want({ text: this.#text.value })));
    this.#track.addEventListener('change', () => this.#want({ track: this.#track.value }));
    this.#own.addEventListener('change', () => this.#want({ own: this.#own.checked }));
    this.#views.addEventListener('change', ({ target }) => this.#want({ view: target.value }));
    this.#days.addEventListener('change', ({ target }) => this.#want({ day: target.value, session: '' }));
  }

  // Once there are sessions: which days and tracks there are, and whether one has stars.
  offer({ days, tracks, plays }) {
    this.#counts = new Map(days.map(({ day }) => [day, el('span', { class: 'day-count' })]));
    const years = new Set(days.map(({ day }) => day.slice(0, 4)));
    const short = { weekday: 'short', day: 'numeric', month: 'short', ...(years.size > 1 && { year: 'numeric' }) };
    this.#days.replaceChildren(this.#days.firstChild, ...days.map(({ day }) => segment('day', day, dayName(day, short), this.#counts.get(day))));
    this.#track.replaceChildren(el('option', { value: '' }, 'All tracks'), ...tracks.map((track) => el('option', { value: track }, track)));
    this.#track.hidden = !tracks.length;
    this.querySelector('#own').hidden = !plays;
  }

  // counts: of the sessions that match, by day
  show({ day, view, track, text, own }, counts) {
    check(this.#days, day);
    check(this.#views, view);
    this.#track.value = track;
    if (document.activeElement !== this.#text) this.#text.value = text;
    this.#own.checked = own;
    for (const [name, count] of this.#counts) count.replaceChildren(String(counts.get(name) ?? 0), hiddenText(counts.get(name) === 1 ? ' session' : ' sessions'));
  }

  #want(change) {
    this.dispatchEvent(new CustomEvent('filters-wanted', { bubbles: true, detail: change }));
  }
}

function segments(name, legend, options) {
  return el('fieldset', { class: 'segments' }, el('legend', { class: 'visually-hidden' }, legend), options.map(([value, label]) => segment(name, value, label)));
}

function segment(name, value, label, more = null) {
  return el('label', { class: 'segment-choice' }, el('input', { type: 'radio', name, value }), el('span', {}, label, more && ' ', more));
}

function check(fieldset, value) {
  for (const input of fieldset.querySelectorAll('input')) input.checked = input.value === value;
}

customElements.define('schedule-filters', ScheduleFilters);
