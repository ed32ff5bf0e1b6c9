// One mission: what it is, where it stands, and the clicks that move it.

import { el, hiddenText, setText } from '/web/dom.js';
import { draw, icon } from '/web/icons.js';
import { MeetOpener } from '/web/meet-opener.js';
import { STATUS, list, points } from '/web/wording.js';

const SYMBOL = { not_started: 'ring', in_progress: 'half', completed: 'check', locked: 'lock' };

// Which buttons each status offers. Complete is always last and the style sheet keeps that corner
// free once it is done, so that no undoing slides under a finger that is already on its way.
const MOVES = [
  { label: 'Start', to: 'in_progress', look: 'outline', on: ['not_started'] },
  { label: 'Reopen', to: 'in_progress', look: 'quiet', on: ['completed'] },
  { label: 'Reset', to: 'not_started', look: 'quiet', on: ['in_progress', 'completed'] },
  { label: 'Complete', to: 'completed', look: 'primary', on: ['not_started', 'in_progress'] },
];

class MissionCard extends HTMLElement {
  #mission = null;
  #parts = null;
  #opener = null; // of the card that shows people

  // context: { eventId, member (null for who does not play) }
  show(mission, context = {}) {
    if (!this.#parts) this.#build(mission, context);
    const parts = this.#parts;
    const completed = mission.status === 'completed';
    setText(parts.category, mission.category ?? '');
    setText(parts.title, mission.title);
    setText(parts.description, mission.description ?? '');
    setText(parts.points, completed ? `${points(mission.points_earned)} earned` : points(mission.points));
    setText(parts.status, STATUS[mission.status]);
    draw(parts.picture, SYMBOL[mission.status]);
    setText(parts.missing, mission.status === 'locked' ? unlocking(mission.missing) : '');
    this.dataset.status = mission.status;
    this.toggleAttribute('data-pending', mission.pending);
    this.#offer(mission);
    this.#mission = mission;
    this.#opener?.show(mission);
  }

  refresh() {
    this.#opener?.refresh();
  }

  #offer({ status, title }) {
    const focused = this.#parts.buttons.find(({ button }) => button === document.activeElement);
    for (const { button, name, on, label } of this.#parts.buttons) {
      button.hidden = !on.includes(status) || (this.#opener && label === 'Start');
      setText(name, ` ${title}`);
    }
    // Focus on a button that just went would fall back to the page; it stays with the mission.
    if (focused?.button.hidden) this.#parts.title.focus();
  }

  #build({ id }, { eventId, member }) {
    const heading = `mission-${id}`;
    const title = el('h3', { id: heading, tabindex: '-1' });
    const category = el('p', { class: 'card-category' });
    const description = el('p', { class: 'card-description' });
    const missing = el('p', { class: 'card-missing' });
    const worth = el('p', { class: 'card-points' });
    const status = el('span');
    const picture = icon('ring');
    const buttons = MOVES.map((move) => this.#button(move));
    const moves = el('div', { class: 'card-moves' }, buttons.map(({ button }) => button));
    if (id === 'meet_attendees' && member) this.#opener = new MeetOpener({ eventId, member, start: () => this.#want('in_progress') });
    const { button: opener = null, people = null } = this.#opener ?? {};
    this.append(
      el(
        'article',
        { class: 'card', 'aria-labelledby': heading },
        el('div', { class: 'card-top' }, category, el('p', { class: 'pill' }, picture, status)),
        el('div', { class: 'card-title' }, title, opener && worth, opener),
        description,
        missing,
        people,
        el('div', { class: 'card-foot' }, !opener && worth, moves),
      ),
    );
    this.#parts = { title, category, description, missing, points: worth, status, picture, buttons, moves };
  }

  #button({ label, to, look, on }) {
    const name = hiddenText('');
    const button = el('button', { type: 'button', class: `button ${look}` }, label, name);
    // The second half of a double click, or a key held down, is not another wish.
    button.addEventListener('click', (click) => click.detail > 1 || this.#want(to));
    button.addEventListener('keydown', (key) => key.repeat && key.preventDefault());
    return { button, name, on, label };
  }

  #want(status) {
    const detail = { missionId: this.#mission.id, status };
    this.dispatchEvent(new CustomEvent('mission-wanted', { bubbles: true, detail }));
  }
}

function unlocking(titles) {
  if (!titles.length) return 'Not open yet.';
  return `Complete ${list(titles.map((title) => `\u201c${title}\u201d`))} to unlock this.`;
}

customElements.define('mission-card', MissionCard);
