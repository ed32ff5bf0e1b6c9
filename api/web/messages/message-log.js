// What two have said to each other, oldest first. It is a log: what is added at its end is read out;
// what is loaded before is not.

import { el, hiddenText, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { dayOf, isAnotherDay, notSent } from '/web/message-wording.js';
import { clock } from '/web/wording.js';

const NEAR_PX = 120; // from the end, where one follows what is added
const SAME_BREATH_MS = 5 * 60000; // within which messages of one author stand together

export class MessageLog {
  #items = new Map();
  #list = el('ol', { class: 'said' });
  #earlier = el('button', { type: 'button', class: 'button quiet said-earlier', hidden: true, onclick: () => this.#wantEarlier() }, 'Earlier messages');
  #empty = el('p', { class: 'said-empty muted', hidden: true });
  #log = el('div', { class: 'said-log', role: 'log', 'aria-live': 'polite', tabindex: '0' }, this.#earlier, this.#empty, this.#list);
  #latest = el('button', { type: 'button', class: 'button outline said-latest', hidden: true, onclick: () => this.toEnd() }, 'New messages', icon('down'));
  element = el('div', { class: 'said-frame' }, this.#log, this.#latest);
  isLoading = true;
  #first = null;

  constructor() {
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true });
  }

  load() {
    this.isLoading = true;
    this.#items.clear();
    this.#log.setAttribute('aria-busy', 'true');
    this.#earlier.hidden = true;
    this.#empty.hidden = true;
    this.#latest.hidden = true;
    this.#list.replaceChildren(...['them', 'own', 'them'].map((whose) => el('li', { class: `message ${whose}`, 'aria-hidden': 'true' }, el('span', { class: 'skeleton bubble-skeleton' }))));
  }

  show(messages, { name, hasEarlier, now }) {
    this.#log.setAttribute('aria-label', `Messages with ${name}`);
    const isFirst = this.isLoading;
    const first = messages[0]?.id ?? null;
    const grewBefore = !isFirst && first !== this.#first;
    const isNear = this.#isNearEnd();
    const before = this.#log.scrollHeight - this.#log.scrollTop;
    if (grewBefore) this.#log.setAttribute('aria-busy', 'true');
    const items = messages.map((message, i) => this.#item(message, messages[i - 1], now));
    const grewAfter = items.length > 0 && items.at(-1) !== this.#list.lastElementChild;
    this.#place(items);
    if (!hasEarlier && this.#earlier === document.activeElement) this.#log.focus();
    this.#earlier.hidden = !hasEarlier;
    this.#empty.hidden = messages.length > 0;
    setText(this.#empty, `Say hello to ${name}.`);
    this.#first = first;
    this.isLoading = false;
    if (isFirst || (isNear && !grewBefore) || (grewAfter && messages.at(-1).own)) this.toEnd();
    else if (grewBefore) this.#log.scrollTop = this.#log.scrollHeight - before;
    else if (grewAfter) this.#latest.hidden = false;
    requestAnimationFrame(() => this.#log.removeAttribute('aria-busy'));
  }

  toEnd() {
    this.#latest.hidden = true;
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  get isAtEnd() {
    return this.#isNearEnd();
  }

  // Nodes that stay are left alone, so that they are not read out again.
  #place(items) {
    const wanted = new Set(items);
    for (const child of [...this.#list.children]) if (!wanted.has(child)) child.remove();
    items.forEach((item, i) => {
      if (this.#list.children[i] !== item) this.#list.insertBefore(item, this.#list.children[i] ?? null);
    });
  }

  // One that was on its way and is read back keeps its node under its new id.
  #item(message, previous, now) {
    const known = this.#items.get(message.id) ?? (message.state === 'sent' && this.#items.get(message.messageId));
    const item = known || made();
    this.#items.set(message.id, item);
    if (message.messageId) this.#items.set(message.messageId, item);
    fill(item, message, previous, now);
    return item;
  }

  #isNearEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_PX;
  }

  #scrolled() {
    if (this.#isNearEnd() && !this.#latest.hidden) {
      this.#latest.hidden = true;
      this.element.dispatchEvent(new Event('end-reached', { bubbles: true }));
    }
    if (this.#log.scrollTop < 40 && !this.#earlier.hidden && !this.isLoading) this.#wantEarlier();
  }

  #wantEarlier() {
    this.element.dispatchEvent(new Event('earlier-wanted', { bubbles: true }));
  }
}

function made() {
  return el('li', { class: 'message' }, el('p', { class: 'said-day', hidden: true }), el('div', { class: 'bubble', dir: 'auto' }), el('p', { class: 'said-when' }));
}

function fill(item, message, previous, now) {
  const [day, bubble, line] = item.children;
  const isNewDay = !previous || isAnotherDay(previous.at, message.at);
  day.hidden = !isNewDay;
  setText(day, isNewDay ? dayOf(message.at, now) : '');
  item.classList.toggle('own', message.own);
  item.classList.toggle('them', !message.own);
  item.dataset.state = message.state;
  item.toggleAttribute('data-erased', message.erased);
  const follows = !isNewDay && previous.own === message.own && Date.parse(message.at) - Date.parse(previous.at) < SAME_BREATH_MS;
  item.toggleAttribute('data-follows', follows);
  setText(bubble, message.text);
  if (line.dataset.state === message.state && line.dataset.at === message.at) return;
  Object.assign(line.dataset, { state: message.state, at: message.at });
  line.replaceChildren(...said(message));
}

function said({ id, state, at, own, problem }) {
  if (state === 'sending') return ['Sending\u2026'];
  if (state === 'failed') return failure(id, problem);
  const mark = own ? [hiddenText('Sent ')] : [];
  return [...mark, el('time', { datetime: at }, clock(at))];
}

function failure(key, problem) {
  const act = (type, label) =>
    el('button', { type: 'button', class: 'said-act', onclick: ({ target }) => target.dispatchEvent(new CustomEvent(type, { detail: { key }, bubbles: true })) }, label);
  return [icon('alert'), el('span', {}, notSent(problem)), problem.mayPass && act('again-wanted', 'Retry'), act('edit-wanted', 'Edit')].filter(Boolean);
}
