// The five people on the board whom to meet: the best matches, else who was here lately.

import * as people from '/web/attendees-api.js';
import { attendeeRow, skeletonRow } from '/web/attendee-row.js';
import { UNRANKED, notLoadedPeople } from '/web/attendee-wording.js';
import { settle } from '/web/debounce.js';
import { el } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { notice } from '/web/notice.js';
import { reason } from '/web/wording.js';

const FIVE = 5;

class MeetAttendees extends HTMLElement {
  #eventId = null;
  #shown = '';
  #body = el('div', { class: 'meet-body' });
  #all = el('a', { class: 'button outline meet-all' }, 'See All', icon('arrow'));

  // Asks when first called, and again whenever somebody may have joined or changed.
  load(eventId) {
    if (!this.#eventId) {
      this.#eventId = eventId;
      this.#all.href = people.directoryPath(eventId);
      this.#all.setAttribute('aria-label', 'See All attendees');
      this.#wait();
      this.append(this.#body, this.#all);
    }
    this.#refresh.now();
  }

  #refresh = settle(150, async () => {
    try {
      const { data } = await people.ranked(this.#eventId, FIVE);
      this.#show('ranked', data.attendees);
    } catch (problem) {
      if (this.#shown.startsWith('ranked')) return; // what is shown is better than what is not
      await this.#fallBack(problem);
    }
  });

  async #fallBack(problem) {
    this.dispatchEvent(new CustomEvent('toast-wanted', { bubbles: true, detail: { subject: 'attendees', text: notLoadedPeople(problem), failure: true } }));
    const again = { label: 'Retry', run: () => this.#retry() };
    try {
      const { data } = await people.recentlyActive(this.#eventId, FIVE);
      this.#show('recent', data.items, again);
    } catch {
      this.#shown = '';
      this.#replace(notice({ name: 'attendees-failed', symbol: 'alert', title: 'The attendees did not load', text: reason(problem), action: again, heading: 'h4' }));
    }
  }

  #retry() {
    this.#shown = '';
    this.#wait();
    this.#refresh.now();
  }

  #show(how, rows, again = null) {
    const next = `${how} ${JSON.stringify(rows)}`;
    if (next === this.#shown) return;
    this.#shown = next;
    const unranked = how === 'ranked' && !rows.some((person) => person.scored);
    const list = rows.length > 0 && el('ol', { class: 'people' }, rows.map((person) => el('li', {}, attendeeRow(person, { eventId: this.#eventId }))));
    const lately = rows.length > 0 && (unranked || again) && el('h4', { class: 'meet-lately' }, 'Recently active');
    this.#replace(unranked && this.#guide(), again && troubled(again), lately, list);
  }

  #guide() {
    const action = { label: 'Set Networking Goals', href: people.goalsPath(this.#eventId) };
    return notice({ name: 'unranked', symbol: 'steps', title: 'Who is here for you?', text: UNRANKED, action, heading: 'h4' });
  }

  #wait() {
    this.#body.setAttribute('aria-busy', 'true');
    this.#body.replaceChildren(el('div', { class: 'people' }, Array.from({ length: FIVE }, skeletonRow)));
  }

  // Focus stays with the act it was on, where that person is still there.
  #replace(...parts) {
    const { dataset } = this.#body.contains(document.activeElement) ? document.activeElement : {};
    this.#body.removeAttribute('aria-busy');
    this.#body.replaceChildren(...parts.filter(Boolean));
    if (dataset?.click) this.#body.querySelector(`[data-click="${dataset.click}"][data-target-member-id="${CSS.escape(dataset.targetMemberId)}"]`)?.focus();
  }
}

function troubled({ label, run }) {
  return el('p', { class: 'meet-trouble' }, icon('alert'), el('span', {}, 'Your matches did not load.'), el('button', { type: 'button', class: 'button quiet', onclick: run }, label));
}

customElements.define('meet-attendees', MeetAttendees);
