// To ask for a sync: the day of both, up to three times, how long, a note and a place.

import '/web/day-grid.js';
import { dayAfter, mayBePicked, MOST, steps, toggled } from '/web/day-model.js';
import { el, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { notice } from '/web/notice.js';
import { span } from '/web/sync-wording.js';
import { dayName, reason, zoneNote } from '/web/wording.js';

const LENGTHS = [15, 30, 45, 60];
const NOTE = 500;

class SyncRequest extends HTMLElement {
  #day = null;
  #picked = [];
  #minutes = 30;
  #now = 0;
  #grid = el('day-grid');
  #status = el('p', { class: 'muted', role: 'status' });
  #chips = el('ul', { class: 'picked', 'aria-label': 'Your proposals' });
  #dayName = el('h2', { id: 'day' });
  #zone = el('p', { class: 'muted' });
  #note = el('textarea', { id: 'note', rows: '3', maxlength: NOTE, 'aria-describedby': 'note-whose' });
  #place = el('input', { id: 'place', maxlength: '200', autocomplete: 'off' });
  #send = el('button', { type: 'submit', class: 'button primary', 'data-click': 'sync_create' }, 'Ask for a sync');
  #trouble = el('p', { class: 'request-trouble', role: 'alert' });
  #form = el('form', { class: 'request', onsubmit: (submit) => this.#submit(submit) });

  connectedCallback() {
    if (this.children.length) return;
    const turn = (label, name, days) => el('button', { type: 'button', class: 'icon-button', 'aria-label': label, 'data-turn': name, onclick: () => this.#turn(days) }, icon('arrow'));
    const length = (minutes) => el('label', { class: 'length' }, el('input', { type: 'radio', name: 'minutes', value: minutes, checked: minutes === this.#minutes, onchange: () => this.#last(minutes) }), el('span', {}, `${minutes} min`));
    const whose = el('p', { id: 'note-whose', class: 'muted' }, 'Only the two of you read it.');
    this.#form.append(
      el('fieldset', { class: 'lengths' }, el('legend', {}, 'How long'), LENGTHS.map(length)),
      el('div', { class: 'day-head' }, turn('The day before', 'back', -1), this.#dayName, turn('The day after', 'on', 1)),
      this.#zone,
      el('ul', { class: 'legend', 'aria-hidden': 'true' }, ['free', 'starred', 'taken'].map((kind) => el('li', { 'data-state': kind }, { free: 'Both free', starred: 'You starred a session', taken: 'Taken' }[kind]))),
      this.#grid,
      this.#status,
      this.#chips,
      el('label', { for: 'note' }, 'Note'),
      this.#note,
      whose,
      el('label', { for: 'place' }, 'Where (may stay open)'),
      this.#place,
      this.#trouble,
      this.#send,
    );
    this.append(this.#form);
    this.addEventListener('step-picked', ({ detail }) => this.#take(toggled(this.#picked, detail.start)));
  }

  clear() {
    this.#picked = [];
    this.#note.value = this.#place.value = '';
    this.refuse('');
    this.load();
  }

  load() {
    this.#day = null;
    if (!this.contains(this.#form)) this.replaceChildren(this.#form);
    this.#grid.load();
    this.#render();
  }

  show(day, now) {
    [this.#day, this.#now] = [day, now];
    this.#render();
  }

  fail(problem, retry) {
    const missing = problem.status === 404;
    const title = missing ? 'There is nobody to meet here' : 'The day did not load';
    const text = missing ? 'They may have left the event, or not be listed.' : reason(problem);
    this.replaceChildren(notice({ name: missing ? 'nobody' : 'day-failed', symbol: 'alert', title, text, action: missing ? null : { label: 'Try again', run: retry } }));
  }

  refuse(text) {
    setText(this.#trouble, text);
  }

  #turn(days) {
    if (!this.#day) return;
    this.dispatchEvent(new CustomEvent('day-wanted', { detail: { date: dayAfter(this.#day.date, days) }, bubbles: true }));
  }

  #last(minutes) {
    this.#minutes = minutes;
    const free = new Set(this.#steps().filter(mayBePicked).map((step) => step.start));
    const [from, to] = this.#day ? [Date.parse(this.#day.start), Date.parse(this.#day.end)] : [0, 0];
    this.#take(this.#picked.filter((start) => start < from || start >= to || free.has(start)));
  }

  #take(picked) {
    if (picked.length === MOST && this.#picked.length === MOST && picked.every((one, i) => one === this.#picked[i])) {
      return setText(this.#status, `${MOST} times are the most: take one back first.`);
    }
    this.#picked = picked;
    this.refuse('');
    this.#render();
  }

  #steps() {
    if (!this.#day) return [];
    const format = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', hour12: false, timeZone: this.#day.event_timezone });
    return steps(this.#day, this.#minutes, this.#now, (start) => Number(format.format(new Date(start))));
  }

  #render() {
    const day = this.#day;
    this.#send.disabled = !this.#picked.length;
    setText(this.#dayName, day ? dayName(day.date) : 'The day');
    setText(this.#zone, day ? zoneNote(this.#now, day.event_timezone) : '');
    if (!day) return;
    const all = this.#steps();
    const { event_timezone: timezone } = day;
    this.#grid.show(all, { picked: this.#picked, timezone, label: `${dayName(day.date)}: when to meet ${day.name}` });
    const any = all.some(mayBePicked);
    setText(this.#status, this.#picked.length ? `${this.#picked.length} of ${MOST} times proposed` : any ? `Propose up to ${MOST} times.` : 'No time on this day suits you both.');
    this.#chips.replaceChildren(...this.#picked.map((start) => this.#chip(start, timezone)));
  }

  #chip(start, timezone) {
    const words = span(start, this.#minutes, timezone);
    const drop = () => {
      this.#take(toggled(this.#picked, start));
      (this.#chips.querySelector('button') ?? this.#grid.querySelector('[tabindex="0"]'))?.focus();
    };
    return el('li', {}, el('span', {}, words), el('button', { type: 'button', class: 'icon-button', 'aria-label': `Take back ${words}`, onclick: drop }, icon('close')));
  }

  #submit(submit) {
    submit.preventDefault();
    if (!this.#picked.length) return;
    const detail = { minutes: this.#minutes, proposals: this.#picked.map((start) => new Date(start).toISOString()), note: this.#note.value.trim(), place: this.#place.value.trim() };
    this.dispatchEvent(new CustomEvent('sync-wanted', { detail, bubbles: true }));
  }
}

customElements.define('sync-request', SyncRequest);
