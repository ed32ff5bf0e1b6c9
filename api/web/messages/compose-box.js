// Where one writes: grows with the text, Enter sends, Shift and Enter is a new line.

import { el, hiddenText, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { left } from '/web/message-wording.js';

const MOST = 2000; // characters, as the server counts them
const TOLD = 200; // that are left, from where on they are told

class ComposeBox extends HTMLElement {
  #text = el('textarea', { id: 'compose', rows: '1', dir: 'auto', enterkeyhint: 'send', placeholder: 'Write a message', 'aria-describedby': 'compose-left' });
  #label = el('label', { for: 'compose', class: 'visually-hidden' });
  #left = el('p', { id: 'compose-left', class: 'compose-left', role: 'status' });
  #send = el('button', { type: 'submit', class: 'button primary compose-send', disabled: true }, icon('send'), hiddenText('Send'));

  connectedCallback() {
    if (this.children.length) return;
    const form = el('form', { class: 'compose' }, this.#label, this.#text, this.#send, this.#left);
    form.addEventListener('submit', (submit) => this.#submit(submit));
    this.#text.addEventListener('input', () => this.#changed());
    this.#text.addEventListener('keydown', (key) => this.#pressed(key));
    this.append(form);
  }

  addressed(name) {
    setText(this.#label, `Message to ${name}`);
  }

  get text() {
    return this.#text.value;
  }

  set text(text) {
    this.#text.value = text;
    this.#changed();
  }

  focus() {
    this.#text.focus();
  }

  // While a word is being composed (Japanese, say), Enter belongs to the keyboard. On a touch
  // keyboard there is no Shift and Enter, so Enter is a new line there.
  #pressed(key) {
    if (key.key !== 'Enter' || key.shiftKey || key.isComposing || matchMedia('(pointer: coarse)').matches) return;
    this.#submit(key);
  }

  #submit(event) {
    event.preventDefault();
    const text = this.text.trim();
    if (this.#send.disabled) return;
    this.text = '';
    this.dispatchEvent(new CustomEvent('message-written', { detail: { text }, bubbles: true }));
  }

  #changed() {
    const room = MOST - [...this.text.trim().normalize()].length;
    this.#send.disabled = room === MOST || room < 0;
    setText(this.#left, room < TOLD ? left(room) : '');
    this.#left.toggleAttribute('data-over', room < 0);
    this.#text.style.blockSize = 'auto';
    this.#text.style.blockSize = `${this.#text.scrollHeight + 3}px`;
  }
}

customElements.define('compose-box', ComposeBox);
