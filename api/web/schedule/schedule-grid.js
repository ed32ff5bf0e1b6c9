// A day as a grid: a column for each room, minutes downwards. The Tab key comes to one tile, and the
// arrow keys go on from there: up and down in time, left and right from room to room.

import { layout } from '/web/agenda-model.js';
import { el } from '/web/dom.js';
import { clock } from '/web/wording.js';

const MINUTE = 60000;
const MOST_ABOVE = 0.6; // of what is in sight may be above the moment
const ABOVE_PX = 4; // the first tile is as far below the names of rooms
const CLOCK_PX = 24; // as near as this, the clock of the line would cover the label of an hour

class ScheduleGrid extends HTMLElement {
  #hours = el('div', { class: 'grid-hours', 'aria-hidden': 'true' });
  #now = el('div', { class: 'grid-now', 'aria-hidden': 'true' });
  #clock = el('span', { class: 'grid-clock' });
  #inner = el('div', { class: 'grid-inner' });
  #marks = [];
  #plan = null;
  #columns = [];
  #timezone = '';

  connectedCallback() {
    if (this.children.length) return;
    this.append(this.#inner);
    this.addEventListener('keydown', (key) => this.#move(key));
    this.addEventListener('focusin', ({ target }) => this.#reach(target.closest('.tile')));
  }

  // tiles: of the sessions, by id
  show(sessions, tiles, timezone) {
    this.#plan = layout(sessions);
    this.#timezone = timezone;
    const { units, minutes, scale, rooms } = this.#plan;
    for (const [name, value] of Object.entries({ units, minutes, scale })) this.#inner.style.setProperty(`--${name}`, value);
    const byRoom = Map.groupBy(sessions, (session) => session.session_location);
    this.#columns = rooms.map((room) => byRoom.get(room.name).map((session) => tiles.get(session.session_id)));
    this.#drawHours();
    this.#inner.replaceChildren(this.#now, this.#hours, ...rooms.map((room, index) => this.#column(room, index)));
  }

  tick(now) {
    const at = this.#minuteOf(now);
    this.#clock.textContent = clock(now, this.#timezone);
    for (const shown of [this.#now, this.#clock]) {
      shown.hidden = at < 0 || at > this.#plan.minutes;
      shown.style.setProperty('--at', at);
    }
    const hides = this.#clock.hidden ? 0 : CLOCK_PX / this.#plan.scale;
    for (const mark of this.#marks) mark.node.hidden = Math.abs(mark.at - at) < hides;
  }

  // Without a tile: to the moment, a little below the top, and to the titles of what is on then. What
  // has been on for so long that the moment would be out of sight hides its own.
  scrollToMoment(now) {
    const { scale, places } = this.#plan;
    const at = Math.max(0, this.#minuteOf(now));
    const earliest = at - (this.clientHeight * MOST_ABOVE) / scale;
    const isOn = ({ from, for: length }) => from <= at && at < from + length;
    const starts = [...places.values()].filter((one) => isOn(one) && one.from >= earliest).map(({ from }) => from);
    this.scrollTop = Math.min(at - 20, ...starts) * scale - ABOVE_PX;
  }

  scrollToTile(tile) {
    tile.node.scrollIntoView({ block: 'center', inline: 'center' });
  }

  #minuteOf(moment) {
    return (moment - this.#plan.from) / MINUTE;
  }

  #column(room, index) {
    const id = `room-${index}`;
    const column = el('div', { class: 'grid-room', role: 'group', 'aria-labelledby': id }, el('h3', { id }, room.name || 'No room yet'));
    column.style.setProperty('--span', room.span);
    for (const tile of this.#columns[index]) {
      const place = this.#plan.places.get(tile.id);
      for (const name of ['from', 'for', 'lane', 'lanes']) tile.node.style.setProperty(`--${name}`, place[name]);
      tile.node.dataset.lines = linesIn(place.for * this.#plan.scale);
      tile.reachable(false);
      column.append(tile.node);
    }
    if (index === 0) this.#columns[0][0].reachable(true);
    return column;
  }

  #drawHours() {
    const { from, minutes, scale } = this.#plan;
    const step = scale < 2 ? 60 : 30;
    const first = Math.ceil(from / (step * MINUTE)) * step * MINUTE;
    this.#marks = [];
    for (let at = first; at < from + minutes * MINUTE; at += step * MINUTE) {
      const mark = { at: this.#minuteOf(at), node: el('span', {}, clock(at, this.#timezone)) };
      mark.node.style.setProperty('--at', mark.at);
      this.#marks.push(mark);
    }
    this.#hours.replaceChildren(...this.#marks.map(({ node }) => node), this.#clock);
  }

  #reach(node) {
    if (!node) return;
    for (const column of this.#columns) for (const tile of column) tile.reachable(tile.node === node);
  }

  #move(key) {
    const column = this.#columns.findIndex((tiles) => tiles.some((tile) => tile.node === key.target.closest('.tile')));
    if (column < 0 || key.altKey || key.ctrlKey || key.metaKey) return;
    const tiles = this.#columns[column];
    const row = tiles.findIndex((tile) => tile.node === key.target.closest('.tile'));
    const found = {
      ArrowUp: () => tiles[row - 1],
      ArrowDown: () => tiles[row + 1],
      ArrowLeft: () => nearest(this.#columns[column - 1], tiles[row]),
      ArrowRight: () => nearest(this.#columns[column + 1], tiles[row]),
      Home: () => tiles[0],
      End: () => tiles.at(-1),
    }[key.key];
    if (!found) return;
    key.preventDefault();
    found()?.focus();
  }
}

// What a tile of this height can say.
function linesIn(height) {
  return Math.max(1, Math.min(7, Math.floor((height - 14) / 19)));
}

function nearest(tiles = [], { session }) {
  const away = (tile) => Math.abs(Date.parse(tile.session.session_time) - Date.parse(session.session_time));
  return tiles.reduce((best, tile) => (best === undefined || away(tile) < away(best) ? tile : best), undefined);
}

customElements.define('schedule-grid', ScheduleGrid);
