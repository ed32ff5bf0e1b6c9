// Whom the directory shows: words, an order, and values with how many have each.

import { FACETS, SORTS, attendeeCount } from '/web/attendee-wording.js';
import { chosenIn, isNarrowed, toggled } from '/web/attendees-place.js';
import { settle } from '/web/debounce.js';
import { el, hiddenText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { count } from '/web/wording.js';

const TYPING_MS = 200;
const FIRST = 6; // values of a filter that are shown before one asks for more

class AttendeeFilters extends HTMLElement {
  #text = el('input', { type: 'search', placeholder: 'Name, company, topic', autocomplete: 'off', maxlength: 200, 'aria-label': 'Search the attendees' });
  #sort = el('select', { 'aria-label': 'Sort by' }, Object.entries(SORTS).map(([value, label]) => el('option', { value }, label)));
  #open = el('button', { type: 'button', class: 'button outline facets-open', 'aria-expanded': 'false', 'aria-controls': 'facets', onclick: () => this.#toggle() });
  #facets = el('div', { class: 'facets', id: 'facets' });
  #chosen = el('ul', { class: 'chosen', 'aria-label': 'Filters in use' });
  #whole = new Set(); // facets of which all values are shown
  #place = null;
  #counts = {};

  connectedCallback() {
    if (this.children.length) return;
    const sort = el('label', { class: 'sort' }, el('span', {}, 'Sort by'), this.#sort);
    this.append(el('search', { 'aria-label': 'Attendees' }, el('div', { class: 'filters' }, el('span', { class: 'search' }, icon('search'), this.#text), sort, this.#open), this.#chosen, this.#facets));
    this.#text.addEventListener('input', settle(TYPING_MS, () => this.#want({ q: this.#text.value })));
    this.#sort.addEventListener('change', () => this.#want({ sort: this.#sort.value }));
    this.#facets.addEventListener('change', ({ target }) => this.#want(toggled(this.#place, target.name, target.value, target.checked)));
  }

  // counts: by facet, a list of {value, count}
  show(place, counts) {
    this.#place = place;
    this.#counts = counts ?? this.#counts;
    if (document.activeElement !== this.#text) this.#text.value = place.q;
    this.#sort.value = place.sort;
    const chosen = chosenIn(place);
    this.#open.replaceChildren('Filters', chosen.length ? el('span', { class: 'facets-number' }, count(chosen.length), hiddenText(' in use')) : '');
    this.#showChosen(chosen);
    this.#showFacets();
  }

  #showChosen(chosen) {
    const drop = ([facet, value]) =>
      el('li', {}, el('button', { type: 'button', class: 'chosen-one', onclick: () => this.#want(toggled(this.#place, facet, value, false)) }, hiddenText('Remove '), el('bdi', {}, value), icon('close')));
    const clear = el('li', {}, el('button', { type: 'button', class: 'button quiet', onclick: () => this.#clear() }, 'Clear all'));
    this.#chosen.replaceChildren(...chosen.map(drop), isNarrowed(this.#place) && chosen.length ? clear : '');
    this.#chosen.hidden = !chosen.length;
  }

  #showFacets() {
    const { name, value } = this.#facets.contains(document.activeElement) ? document.activeElement : {};
    const shown = Object.keys(FACETS).map((facet) => this.#facet(facet));
    this.#facets.replaceChildren(...shown.filter(Boolean));
    if (name) this.#facets.querySelector(`[name="${name}"][value="${CSS.escape(value)}"]`)?.focus();
  }

  // Chosen values stay, also where nobody has them any more.
  #facet(facet) {
    const counted = this.#counts[facet] ?? [];
    const own = this.#place[facet];
    const missing = own.filter((value) => !counted.some((one) => one.value === value)).map((value) => ({ value, count: 0 }));
    const all = [...missing, ...counted];
    if (!all.length) return null;
    const first = this.#whole.has(facet) ? all : all.filter((one, index) => index < FIRST || own.includes(one.value));
    const rest = all.length - first.length;
    const more = rest > 0 && el('button', { type: 'button', class: 'button quiet', onclick: () => this.#showAll(facet) }, `${rest} more`, hiddenText(` of ${FACETS[facet]}`));
    return el('fieldset', { class: 'facet' }, el('legend', {}, FACETS[facet]), first.map((one) => choice(facet, one, own.includes(one.value))), more);
  }

  #showAll(facet) {
    this.#whole.add(facet);
    this.#showFacets();
    this.#facets.querySelectorAll(`[name="${facet}"]`)[FIRST]?.focus();
  }

  #toggle() {
    const isOpen = this.toggleAttribute('data-open');
    this.#open.setAttribute('aria-expanded', String(isOpen));
  }

  #clear() {
    this.#text.value = '';
    this.#want({ q: '', ...Object.fromEntries(Object.keys(FACETS).map((facet) => [facet, []])) });
    this.#text.focus();
  }

  #want(change) {
    this.dispatchEvent(new CustomEvent('filters-wanted', { bubbles: true, detail: change }));
  }
}

function choice(facet, { value, count: number }, isChosen) {
  const input = el('input', { type: 'checkbox', name: facet, value });
  input.checked = isChosen;
  const tally = el('span', { class: 'facet-count' }, count(number));
  tally.append(hiddenText(` ${attendeeCount(number).split(' ')[1]}`));
  return el('label', { class: 'facet-choice' }, input, el('bdi', {}, value), tally);
}

customElements.define('attendee-filters', AttendeeFilters);
