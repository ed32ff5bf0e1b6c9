// Words that one collects: typed, or picked from what others wrote; each can be taken out again.
// As a control of a form it has a name and values. What is typed and not yet added counts too.

import { el, hiddenText } from '/web/dom.js';
import { icon } from '/web/icons.js';

const SHOWN = 6; // suggestions

export class WordList extends HTMLElement {
  #values = [];
  #suggested = [];
  #list = el('ul', { class: 'words' });
  #input = el('input', { type: 'text', maxlength: 200, autocomplete: 'off' });
  #offers = el('div', { class: 'words-offers' });
  #said = el('p', { class: 'visually-hidden', role: 'status' });

  // label, hint, most; suggested: [{value, count}]
  build({ label, name, hint = '', placeholder = '', most = 100, values = [], suggested = [] }) {
    Object.assign(this, { label, name, most });
    this.#input.id = `words-${name}`;
    this.#input.placeholder = placeholder;
    const add = el('button', { type: 'button', class: 'button outline', onclick: () => this.#typed() }, 'Add', hiddenText(` to ${label}`));
    const about = hint && el('p', { class: 'muted', id: `hint-${name}` }, hint);
    if (hint) this.#input.setAttribute('aria-describedby', `hint-${name}`);
    this.#list.setAttribute('aria-label', label);
    this.replaceChildren(el('label', { for: this.#input.id }, label), about || '', this.#list, el('div', { class: 'words-add' }, this.#input, add), this.#offers, this.#said);
    this.#input.addEventListener('keydown', (key) => this.#key(key));
    this.#suggested = suggested;
    this.#values = [...values];
    this.#render();
    return this;
  }

  get values() {
    const typed = this.#input.value.trim();
    return typed && !this.#has(typed) && this.#values.length < this.most ? [...this.#values, typed] : [...this.#values];
  }

  suggest(suggested) {
    this.#suggested = suggested;
    this.#render();
  }

  #key(key) {
    if (key.isComposing) return;
    if (key.key === 'Enter' && this.#input.value.trim()) {
      key.preventDefault();
      this.#typed();
    } else if (key.key === 'Backspace' && !this.#input.value && this.#values.length) {
      this.#take(this.#values.at(-1));
    }
  }

  #typed() {
    const value = this.#input.value.trim().replace(/\s+/g, ' ');
    if (value && this.#add(value)) this.#input.value = '';
    this.#input.focus();
  }

  #add(value) {
    if (this.#has(value)) this.#say(`${value} is there already.`);
    else if (this.#values.length >= this.most) this.#say(`${this.most} are the most.`);
    else {
      this.#values.push(value);
      this.#render();
      this.#say(`${value} added.`);
    }
    return this.#has(value);
  }

  #take(value) {
    this.#values = this.#values.filter((one) => one !== value);
    this.#render();
    this.#say(`${value} removed.`);
    this.#input.focus();
  }

  #has(value) {
    return this.#values.some((one) => plain(one) === plain(value));
  }

  #say(text) {
    this.#said.textContent = text;
  }

  #render() {
    const row = (value) => el('li', {}, el('bdi', {}, value), el('button', { type: 'button', class: 'icon-button', onclick: () => this.#take(value) }, icon('close'), hiddenText(`Remove ${value}`)));
    this.#list.replaceChildren(...this.#values.map(row));
    this.#list.hidden = !this.#values.length;
    const open = this.#values.length < this.most ? this.#suggested.filter(({ value }) => !this.#has(value)).slice(0, SHOWN) : [];
    const offer = ({ value, count }) => el('button', { type: 'button', class: 'words-offer', title: `${count} here`, onclick: () => this.#pick(value) }, el('span', { 'aria-hidden': 'true' }, '+ '), hiddenText('Add '), el('bdi', {}, value));
    this.#offers.replaceChildren(...(open.length ? [el('p', { class: 'muted' }, 'Others here wrote'), ...open.map(offer)] : []));
    this.#offers.hidden = !open.length;
  }

  #pick(value) {
    const buttons = [...this.#offers.querySelectorAll('button')];
    const index = buttons.indexOf(document.activeElement);
    this.#add(value);
    (this.#offers.querySelectorAll('button')[Math.max(0, index)] ?? this.#input).focus();
  }
}

function plain(text) {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

customElements.define('word-list', WordList);
