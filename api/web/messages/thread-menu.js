// What one can do about somebody who writes: report a message, or block them. Both are asked twice.

import { el, hiddenText, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { heard } from '/web/thread-model.js';

const LONGEST = 120; // characters of a message that are shown to choose it by

class ThreadMenu extends HTMLElement {
  #thread = null;
  #button = el('button', { type: 'button', class: 'icon-button', 'aria-expanded': 'false', 'aria-controls': 'thread-acts', onclick: () => this.#toggle() }, icon('more'), hiddenText('More'));
  #report = el('button', { type: 'button', class: 'menu-item', onclick: () => this.#ask(this.#reporting()) }, 'Report a message');
  #block = el('button', { type: 'button', class: 'menu-item', onclick: () => this.#ask(this.#blocking()) });
  #menu = el('div', { id: 'thread-acts', class: 'menu', hidden: true }, this.#report, this.#block);
  #dialog = el('dialog', { class: 'ask', 'aria-labelledby': 'ask-title' });

  connectedCallback() {
    if (this.children.length) return;
    this.append(this.#button, this.#menu, this.#dialog);
    this.addEventListener('keydown', (key) => key.key === 'Escape' && !this.#menu.hidden && this.#close(true));
    this.addEventListener('focusout', ({ relatedTarget }) => this.contains(relatedTarget) || this.#close());
    document.addEventListener('click', ({ target }) => this.contains(target) || this.#close());
  }

  about(thread) {
    this.#thread = thread;
    this.#report.hidden = !heard(thread).length;
    setText(this.#block, `Block ${thread.name}`);
  }

  #toggle() {
    this.#menu.hidden = !this.#menu.hidden;
    this.#button.setAttribute('aria-expanded', String(!this.#menu.hidden));
    if (!this.#menu.hidden) this.#menu.querySelector('button:not([hidden])').focus();
  }

  #close(back = false) {
    this.#menu.hidden = true;
    this.#button.setAttribute('aria-expanded', 'false');
    if (back) this.#button.focus();
  }

  #ask(content) {
    this.#close();
    this.#dialog.replaceChildren(content);
    this.#dialog.showModal();
  }

  #blocking() {
    const { other, name } = this.#thread;
    const text = `You and ${name} no longer see each other at this event, and this conversation is hidden from both. They are not told.`;
    return this.#form(`Block ${name}?`, [el('p', {}, text)], 'Block', () => this.#tell('block-wanted', { other, name }));
  }

  #reporting() {
    const { name } = this.#thread;
    const choices = heard(this.#thread).map((message, i) =>
      el(
        'label',
        { class: 'ask-choice' },
        el('input', { type: 'radio', name: 'message', value: message.message_id, checked: i === 0 }),
        el('span', { dir: 'auto' }, message.text.length > LONGEST ? `${message.text.slice(0, LONGEST)}\u2026` : message.text),
      ),
    );
    const why = el('textarea', { id: 'ask-why', rows: '3', required: true, maxlength: '1000' });
    const parts = [
      el('p', {}, 'The organizers see this one message, your name and your reason. The author is not told.'),
      el('fieldset', { class: 'ask-choices' }, el('legend', {}, `Which message of ${name}?`), ...choices),
      el('label', { for: 'ask-why' }, 'What is wrong with it?'),
      why,
    ];
    return this.#form('Report a message', parts, 'Report', (form) => {
      this.#tell('report-wanted', { messageId: form.elements.message.value, reason: why.value.trim(), name });
    });
  }

  #form(title, parts, label, done) {
    const cancel = el('button', { type: 'button', class: 'button quiet', onclick: () => this.#dialog.close() }, 'Cancel');
    const form = el(
      'form',
      { class: 'ask-form' },
      el('h2', { id: 'ask-title' }, title),
      ...parts,
      el('div', { class: 'ask-acts' }, cancel, el('button', { type: 'submit', class: 'button danger' }, label)),
    );
    form.addEventListener('submit', (submit) => {
      submit.preventDefault();
      this.#dialog.close();
      done(form);
    });
    return form;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

customElements.define('thread-menu', ThreadMenu);
