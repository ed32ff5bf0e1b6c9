// For organizers: a schedule file in, and what came of it.

import { schedulePath } from '/web/api.js';
import { el, setText } from '/web/dom.js';
import { drawer } from '/web/drawer.js';
import { notice } from '/web/notice.js';
import { upload } from '/web/upload.js';
import { count, reason } from '/web/wording.js';

const MOST_ODD = 50;
const COUNTS = [
  ['added', 'added'],
  ['changed', 'changed'],
  ['cancelled', 'cancelled'],
  ['unchanged', 'unchanged'],
  ['kept_by_hand', 'of these kept as changed by hand'],
  ['kept_though_dropped', 'kept as changed by hand, though no longer in the file'],
  ['speakers', 'speakers added or changed'],
];

class ScheduleImport extends HTMLElement {
  #file = el('input', { type: 'file', id: 'schedule-file', required: true, 'aria-describedby': 'schedule-formats' });
  #send = el('button', { type: 'submit', class: 'button primary' }, 'Import');
  #progress = el('progress', { max: '1', 'aria-label': 'Import', hidden: true });
  #said = el('p', { class: 'drawer-said', role: 'status' });
  #result = el('div', { class: 'import-result' });
  #drawer = drawer({ title: 'Import a schedule', id: 'import-title', body: el('div', { class: 'drawer-body' }, this.#form(), this.#progress, this.#said, this.#result) });
  #eventId = '';

  connectedCallback() {
    if (!this.children.length) this.append(this.#drawer.dialog);
  }

  open(eventId) {
    this.#eventId = eventId;
    this.#drawer.open();
  }

  close() {
    this.#drawer.dialog.close();
  }

  #form() {
    const formats = 'schedule.xml or schedule.json of frab, pretalx, FOSDEM or CCC; Open Event; Sessionize; also packed. A later revision changes only what changed, and a broken file changes nothing.';
    const form = el('form', {}, el('label', { for: 'schedule-file' }, 'The file'), this.#file, el('p', { class: 'muted', id: 'schedule-formats' }, formats), el('p', {}, this.#send));
    form.addEventListener('submit', (submit) => {
      submit.preventDefault();
      this.#import(this.#file.files[0]);
    });
    return form;
  }

  async #import(file) {
    this.#begin(file.name);
    try {
      const found = await upload(schedulePath(this.#eventId), file, (part) => this.#progressed(part));
      this.#end(`\u201c${file.name}\u201d is imported.`);
      this.#result.replaceChildren(counts(found), odd(found.odd));
      this.dispatchEvent(new CustomEvent('schedule-imported'));
    } catch (problem) {
      this.#end(`\u201c${file.name}\u201d was not imported, and nothing has changed.`);
      this.#result.replaceChildren(refusal(problem));
    }
  }

  #begin(name) {
    this.#send.disabled = true;
    this.#progress.hidden = false;
    this.#progress.value = 0;
    this.#result.replaceChildren();
    setText(this.#said, `Sending \u201c${name}\u201d`);
  }

  #progressed(part) {
    if (part < 1) {
      this.#progress.value = part;
      return;
    }
    this.#progress.removeAttribute('value'); // nobody knows how long reading it takes
    setText(this.#said, 'Reading it');
  }

  #end(text) {
    this.#send.disabled = false;
    this.#progress.hidden = true;
    setText(this.#said, text);
  }
}

function counts(found) {
  const rows = COUNTS.filter(([name]) => found[name] || ['added', 'changed', 'cancelled', 'unchanged'].includes(name));
  return el('dl', { class: 'counts' }, rows.map(([name, words]) => el('div', {}, el('dt', {}, words), el('dd', { 'data-count': name }, count(found[name])))));
}

function odd(found) {
  if (!found.length) return el('p', { class: 'muted' }, 'Nothing in it was odd.');
  const items = found.slice(0, MOST_ODD).map(({ where, what }) => el('li', {}, el('strong', {}, where), ` ${what}`));
  const more = found.length > MOST_ODD && el('li', {}, `and ${count(found.length - MOST_ODD)} more`);
  return el('section', { 'aria-labelledby': 'odd-title' }, el('h3', { id: 'odd-title' }, `Taken otherwise than written (${count(found.length)})`), el('ul', { class: 'odd' }, items, more));
}

// The file's faults by place and reason; else what stood in the way.
function refusal(problem) {
  if (!problem.errors?.length) return notice({ name: 'import-failed', symbol: 'alert', title: 'It did not go through', text: reason(problem), heading: 'h3' });
  const items = problem.errors.map(({ path, message }) => el('li', {}, el('strong', {}, path), ` ${message}`));
  return el('section', { 'data-notice': 'import-refused', 'aria-labelledby': 'wrong-title' }, el('h3', { id: 'wrong-title' }, 'What is wrong in it'), el('ul', { class: 'odd' }, items));
}

customElements.define('schedule-import', ScheduleImport);
