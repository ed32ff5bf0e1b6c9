// The pill that opens the people on the mission's card: open on the first visit, then as one left it.

import { el, hiddenText, setText } from '/web/dom.js';
import '/web/meet-attendees.js';

export class MeetOpener {
  #label = el('span');
  #title = hiddenText('');
  #isNew = false; // whether opening it starts the mission
  people = el('meet-attendees', { id: 'meet-attendees' });
  button = el('button', { type: 'button', class: 'button outline meet-opener', 'aria-controls': 'meet-attendees', onclick: () => this.#press() }, this.#label, this.#title);

  // start(): the mission is wanted in progress
  constructor({ eventId, member, start }) {
    Object.assign(this, { eventId, start, key: `meet_attendees of ${member} at ${eventId}` });
    this.#open(kept(this.key) !== 'closed');
  }

  show({ status, title }) {
    this.#isNew = status === 'not_started';
    setText(this.#label, this.#isNew ? 'Start' : 'View');
    setText(this.#title, ` ${title}`);
  }

  refresh() {
    if (!this.people.hidden) this.people.load(this.eventId);
  }

  #press() {
    const begins = this.#isNew;
    if (begins) this.start();
    this.#open(begins || this.people.hidden);
    keep(this.key, this.people.hidden ? 'closed' : 'open');
  }

  #open(isOpen) {
    this.people.hidden = !isOpen;
    this.button.setAttribute('aria-expanded', String(isOpen));
    this.refresh();
  }
}

// A browser may refuse to keep anything: then each visit is the first.
function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {}
}
