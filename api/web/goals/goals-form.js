// The form in which one says what one came for.

import { el, hiddenText } from '/web/dom.js';
import '/web/word-list.js';

const MOST = 5;
const SUGGESTED = 6;
const LISTS = [
  { name: 'seeks', label: 'What you look for', hint: 'A person, a partner, an answer. Whoever offers it comes first.', placeholder: 'Design partners' },
  { name: 'offers', label: 'What you offer', hint: 'Whoever looks for it sees you early.', placeholder: 'Feedback on a pitch' },
];

class GoalsForm extends HTMLElement {
  #goals = [];
  #offers = el('div', { class: 'words-offers', hidden: true });
  #error = el('p', { class: 'form-error', role: 'alert' });
  #save = el('button', { type: 'submit', class: 'button primary' }, 'Save');
  #name = null; // asked of who has no profile yet
  #suggested = [];

  show(profile, name) {
    const kept = profile?.goals ?? [];
    // Of who has more, nothing is lost: each has a field.
    this.#goals = Array.from({ length: Math.max(MOST, kept.length) }, (_, index) => goalField(index, kept[index] ?? ''));
    const named = profile ? null : this.#nameField(name);
    const lists = LISTS.map((list) => el('word-list').build({ ...list, values: profile?.[list.name] ?? [] }));
    const form = el(
      'form',
      { class: 'profile-form', novalidate: true },
      named,
      el('fieldset', {}, el('legend', {}, 'Goals'), el('p', { class: 'muted' }, `In your own words, ${MOST} at most.`), el('ol', { class: 'goal-fields' }, this.#goals.map((input) => el('li', {}, input))), this.#offers),
      el('fieldset', {}, el('legend', {}, 'Give and take'), lists),
      el('div', { class: 'form-foot' }, this.#error, this.#save),
    );
    form.addEventListener('submit', (submit) => this.#submit(submit));
    this.#offers.addEventListener('click', ({ target }) => this.#pick(target.closest('button')?.value));
    form.addEventListener('input', () => this.#render());
    this.replaceChildren(form);
  }

  // words: by field, what others here wrote, as {value, count}
  suggest(words) {
    this.#suggested = words.goals ?? [];
    // What somebody offers is worth looking for, and the other way round.
    const pairs = { seeks: ['offers', 'seeks'], offers: ['seeks', 'offers'] };
    for (const list of this.querySelectorAll('word-list')) list.suggest(mixed(pairs[list.name].map((field) => words[field] ?? [])));
    this.#render();
  }

  busy(isBusy) {
    this.#save.disabled = isBusy;
    if (isBusy) this.#error.textContent = '';
  }

  fail(text) {
    this.#error.textContent = text;
  }

  #nameField(name) {
    this.#name = el('input', { id: 'field-name', type: 'text', maxlength: 200, autocomplete: 'name', required: true });
    this.#name.value = name;
    return el('fieldset', {}, el('legend', {}, 'About you'), el('div', { class: 'field' }, el('label', { for: 'field-name' }, 'Name'), this.#name));
  }

  #submit(submit) {
    submit.preventDefault();
    if (this.#name && !this.#name.value.trim()) {
      this.fail('Your name is missing.');
      return this.#name.focus();
    }
    const lists = [...this.querySelectorAll('word-list')].map((list) => [list.name, list.values]);
    const goals = [...new Set(this.#written())];
    const detail = { ...(this.#name && { name: this.#name.value.trim() }), goals, ...Object.fromEntries(lists) };
    this.dispatchEvent(new CustomEvent('goals-wanted', { detail }));
  }

  #written() {
    return this.#goals.map((input) => input.value.trim()).filter(Boolean);
  }

  #pick(goal) {
    const free = this.#goals.find((input) => !input.value.trim());
    if (!goal || !free) return;
    free.value = goal;
    this.#render();
    free.focus();
  }

  #render() {
    const written = this.#written();
    const open = written.length < MOST ? this.#suggested.filter(({ value }) => !written.includes(value)).slice(0, SUGGESTED) : [];
    const shown = open.map(({ value, count }) => el('button', { type: 'button', class: 'words-offer', value, title: `${count} here` }, el('span', { 'aria-hidden': 'true' }, '+ '), hiddenText('Take '), el('bdi', {}, value)));
    this.#offers.replaceChildren(...(open.length ? [el('p', { class: 'muted' }, 'Others here want to'), ...shown] : []));
    this.#offers.hidden = !open.length;
  }
}

function goalField(index, value) {
  const input = el('input', { type: 'text', maxlength: 200, autocomplete: 'off', 'aria-label': `Goal ${index + 1}`, placeholder: index ? '' : 'Find two design partners for our beta' });
  input.value = value;
  return input;
}

// In turn from each, every value once.
function mixed(lists) {
  const seen = new Set();
  const longest = Math.max(...lists.map((list) => list.length));
  const all = Array.from({ length: longest }, (_, index) => lists.map((list) => list[index])).flat().filter(Boolean);
  return all.filter(({ value }) => !seen.has(value) && seen.add(value));
}

customElements.define('goals-form', GoalsForm);
