// The mission while one looks at profiles: how far one is, and that it is done.

import { el, setText } from '/web/dom.js';
import { draw, icon } from '/web/icons.js';
import { PROFILES, TOTAL_MS } from '/web/meeting.js';
import { list, points } from '/web/wording.js';

class MeetProgress extends HTMLElement {
  #picture = icon('ring');
  #title = el('strong');
  #text = el('span', { class: 'meet-text' });
  #steps = el('span', { class: 'meet-steps', 'aria-hidden': 'true' }, Array.from({ length: PROFILES }, () => el('span')));

  connectedCallback() {
    if (this.children.length) return;
    this.append(this.#picture, el('p', { role: 'status' }, this.#title, ' ', this.#text), this.#steps);
  }

  // mission: none where the event does not offer it; seen: what this browser knows of one's looks
  show(mission, { seen }) {
    this.hidden = !mission;
    if (!mission) return;
    const isDone = mission.status === 'completed';
    this.dataset.status = mission.status;
    this.toggleAttribute('data-pending', mission.pending);
    draw(this.#picture, isDone ? 'check' : mission.status === 'locked' ? 'lock' : 'half');
    setText(this.#title, mission.title);
    setText(this.#text, isDone ? `Completed. ${points(mission.points_earned)} earned.` : open(mission, seen));
    this.#steps.hidden = isDone;
    [...this.#steps.children].forEach((step, index) => step.toggleAttribute('data-done', index < seen.people));
  }
}

function open({ status, missing, points: worth }, { people, ms }) {
  if (status === 'locked') return `Complete ${list(missing.map((title) => `\u201c${title}\u201d`))} to unlock this.`;
  const profiles = PROFILES - people;
  if (profiles > 0) return `${points(worth)}: look at ${profiles} ${people ? 'more ' : ''}${profiles === 1 ? 'profile' : 'profiles'}, or write, or arrange to meet.`;
  return ms < TOTAL_MS ? `${points(worth)}: stay a moment, or write, or arrange to meet.` : `${points(worth)}: write to somebody, or arrange to meet.`;
}

customElements.define('meet-progress', MeetProgress);
