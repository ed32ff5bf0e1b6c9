// The schedule for calendar programs: as a file, and as a secret link to what one has starred.

import * as api from '/web/api.js';
import { el, setText } from '/web/dom.js';
import { drawer } from '/web/drawer.js';
import { icon } from '/web/icons.js';
import { reason } from '/web/wording.js';

const OPEN_ALREADY = 'Your link is open already, and is shown only once. If you have lost it, revoke it and make another.';
const REVOKED = 'Your link is revoked: it opens nothing any more.';

class CalendarDrawer extends HTMLElement {
  #file = el('a', { class: 'button outline', download: '' }, icon('calendar'), 'Download all sessions (.ics)');
  #field = el('input', { type: 'text', readonly: true, id: 'calendar-link', onfocus: () => this.#field.select() });
  #copy = el('button', { type: 'button', class: 'button primary', onclick: () => this.#toClipboard() }, icon('copy'), 'Copy');
  #subscribe = el('a', { class: 'details-link' }, 'Open it in your calendar program', icon('arrow'));
  #link = el('div', { class: 'link', hidden: true }, el('label', { for: 'calendar-link' }, 'Your secret link'), el('div', { class: 'link-row' }, this.#field, this.#copy), this.#subscribe);
  #make = el('button', { type: 'button', class: 'button primary', onclick: () => this.#open() }, 'Make my secret link');
  #revoke = el('button', { type: 'button', class: 'button outline', hidden: true, onclick: () => this.#close() }, 'Revoke my link');
  #said = el('p', { class: 'drawer-said', role: 'status' });
  #own = this.#ownPart();
  #drawer = drawer({ title: 'Take it to my calendar', id: 'calendar-title', body: el('div', { class: 'drawer-body' }, this.#filePart(), this.#own) });
  #eventId = '';
  #asked = 0;

  connectedCallback() {
    if (!this.children.length) this.append(this.#drawer.dialog);
  }

  open({ eventId, plays }) {
    this.#eventId = eventId;
    this.#file.href = api.calendarPath(eventId);
    this.#own.hidden = !plays;
    setText(this.#said, '');
    this.#drawer.open();
    if (plays) this.#look();
  }

  close() {
    this.#drawer.dialog.close();
  }

  #filePart() {
    const text = 'As it is now. A file does not follow when something moves.';
    return el('section', { class: 'drawer-part', 'aria-labelledby': 'calendar-all' }, el('h3', { id: 'calendar-all' }, 'The whole schedule'), el('p', { class: 'muted' }, text), el('p', {}, this.#file));
  }

  #ownPart() {
    const text = 'Your calendar program reads it again and again, so it follows what you star and what moves. Whoever has the link can read your agenda: keep it to yourself.';
    const heading = el('h3', { id: 'calendar-own' }, 'What I have starred');
    return el('section', { class: 'drawer-part', 'aria-labelledby': 'calendar-own' }, heading, el('p', { class: 'muted' }, text), this.#link, el('div', { class: 'drawer-moves' }, this.#make, this.#revoke), this.#said);
  }

  // It may have been opened on another day, or revoked in another window.
  #look() {
    return this.#ask(api.calendarLink, ({ open }) => {
      if (open && this.#field.value) return '';
      this.#show(open);
      return open ? OPEN_ALREADY : '';
    });
  }

  #open() {
    return this.#ask(api.openCalendarLink, ({ path }) => {
      if (!path) {
        this.#show(true);
        this.#revoke.focus();
        return OPEN_ALREADY;
      }
      const link = new URL(path, location.href);
      this.#subscribe.href = link.href.replace(/^https?:/, 'webcal:');
      this.#show(true, link.href);
      this.#field.focus();
      return 'Here it is. It is shown only now, so copy it.';
    });
  }

  #close() {
    return this.#ask(api.revokeCalendarLink, () => {
      this.#show(false);
      this.#make.focus();
      return REVOKED;
    });
  }

  #show(isOpen, href = '') {
    this.#field.value = href;
    this.#link.hidden = !href;
    this.#make.hidden = isOpen;
    this.#revoke.hidden = !isOpen;
  }

  // Only the answer to what was asked last is shown.
  async #ask(call, answered) {
    const turn = ++this.#asked;
    try {
      const { data } = await call(this.#eventId);
      if (turn === this.#asked) setText(this.#said, answered(data));
    } catch (problem) {
      if (turn === this.#asked) setText(this.#said, `That did not work. ${reason(problem)}`);
    }
  }

  // Where a page may not write there (plain http), the text is selected for one's own hand.
  async #toClipboard() {
    try {
      await navigator.clipboard.writeText(this.#field.value);
      setText(this.#said, 'Copied.');
    } catch {
      this.#field.focus();
      this.#field.select();
      setText(this.#said, 'It is selected: copy it from there.');
    }
  }
}

customElements.define('calendar-drawer', CalendarDrawer);
