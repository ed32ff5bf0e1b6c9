// A day as a list by time, each session with its room.

import { bySlot } from '/web/agenda-model.js';
import { el } from '/web/dom.js';
import { clock } from '/web/wording.js';

const FRAMES = 4;

class ScheduleList extends HTMLElement {
  #tiles = [];

  show(sessions, tiles, timezone) {
    const slots = bySlot(sessions);
    this.#tiles = slots.flatMap(({ sessions: held }) => held.map((session) => tiles.get(session.session_id)));
    for (const tile of this.#tiles) tile.reachable(true);
    this.replaceChildren(
      ...slots.map(({ at, sessions: held }, index) => {
        const id = `slot-${index}`;
        const items = held.map((session) => el('li', {}, tiles.get(session.session_id).node));
        return el('div', { class: 'slot', role: 'group', 'aria-labelledby': id }, el('h3', { id }, clock(at, timezone)), el('ul', {}, items));
      }),
    );
  }

  // A list has no line to move.
  tick() {}

  // To the first that is not over: below it is all that is on.
  scrollToMoment(now) {
    const first = this.#tiles.find(({ session }) => session.status !== 'cancelled' && now < Date.parse(session.session_end));
    if (!first || first === this.#tiles[0]) return;
    inFrames(() => first.node.scrollIntoView({ block: 'start' }));
  }

  scrollToTile(tile) {
    tile.node.scrollIntoView({ block: 'center' });
  }
}

// What is drawn only now may be taller than was reckoned, and what that brings into sight too.
function inFrames(scroll, frames = FRAMES) {
  scroll();
  if (frames) requestAnimationFrame(() => inFrames(scroll, frames - 1));
}

customElements.define('schedule-list', ScheduleList);
