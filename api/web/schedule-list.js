// A day as a list by time, each session with its room.

import { bySlot } from './agenda-model.js';
import { el } from './dom.js';
import { clock } from './wording.js';

class ScheduleList extends HTMLElement {
  #slots = [];

  show(sessions, tiles, timezone) {
    this.#slots = bySlot(sessions).map(({ at, sessions: held }, index) => {
      const id = `slot-${index}`;
      const items = held.map((session) => el('li', {}, tiles.get(session.session_id).node));
      for (const session of held) tiles.get(session.session_id).reachable(true);
      const node = el('div', { class: 'slot', role: 'group', 'aria-labelledby': id }, el('h3', { id }, clock(at, timezone)), el('ul', {}, items));
      return { at, node };
    });
    this.replaceChildren(...this.#slots.map(({ node }) => node));
  }

  // A list has no line to move.
  tick() {}

  scrollToMoment(now) {
    const begun = this.#slots.filter(({ at }) => at <= now).at(-1);
    if (!begun || begun === this.#slots[0]) return;
    const scroll = () => begun.node.scrollIntoView({ block: 'start' });
    scroll();
    requestAnimationFrame(scroll); // what is drawn only now may be taller than was reckoned
  }

  scrollToTile(tile) {
    tile.node.scrollIntoView({ block: 'center' });
  }
}

customElements.define('schedule-list', ScheduleList);
