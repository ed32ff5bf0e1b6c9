// One session in the schedule, the same element in the grid and in the list.

import { el, hiddenText, setText } from '/web/dom.js';
import '/web/star-button.js';
import { hours, overlap } from '/web/wording.js';

const SAID = { cancelled: 'Cancelled', tentative: 'Tentative' };

export class SessionTile {
  #title = el('span');
  #gone = hiddenText('');
  #link = el('a', { class: 'tile-link' }, this.#gone, this.#title);
  #when = el('p', { class: 'tile-when' });
  #who = el('p', { class: 'tile-who' });
  #where = el('p', { class: 'tile-where' });
  #track = el('p', { class: 'tile-track' });
  #note = el('p', { class: 'tile-note' });
  #now = el('p', { class: 'tile-now' });
  #star = null;

  constructor(session, { stars, hue }) {
    this.id = session.session_id;
    this.node = el('article', { class: 'tile', 'data-session': this.id });
    if (hue !== undefined) this.#paint(hue);
    if (stars) this.#star = el('star-button');
    this.node.append(...[el('h4', {}, this.#link), this.#who, this.#now, this.#when, this.#where, this.#track, this.#note, this.#star].filter(Boolean));
    this.#describe(session);
  }

  // context: { stars, now, conflicts }
  show(session, { stars, now, conflicts }) {
    if (session !== this.session) this.#describe(session);
    const with_ = conflicts.get(this.id);
    const isOn = now >= Date.parse(session.session_time) && now < Date.parse(session.session_end) && session.status !== 'cancelled';
    this.#mark('on', isOn);
    setText(this.#now, isOn ? 'Now' : '');
    this.#mark('over', now >= Date.parse(session.session_end));
    this.#mark('starred', Boolean(stars?.has(this.id)));
    this.#mark('conflict', Boolean(with_));
    setText(this.#note, [SAID[session.status], with_ && `${overlap(with_)}.`].filter(Boolean).join('. '));
    this.#star?.show(session, stars.has(this.id));
  }

  // In a grid, one tile at a time is on the way of the Tab key.
  reachable(isReachable) {
    this.#link.tabIndex = isReachable ? 0 : -1;
    this.#star?.reachable(isReachable);
  }

  focus(options) {
    this.#link.focus(options);
  }

  #describe(session) {
    this.session = session;
    setText(this.#title, session.session_title);
    setText(this.#gone, session.status === 'cancelled' ? 'Cancelled: ' : '');
    this.#link.href = `#session=${encodeURIComponent(this.id)}`;
    setText(this.#when, hours(session));
    setText(this.#who, session.speaker_name ?? '');
    setText(this.#where, session.session_location);
    setText(this.#track, session.track);
    this.node.dataset.status = session.status;
    this.node.dataset.kind = session.item_type;
  }

  #paint(hue) {
    this.node.dataset.track = '';
    this.node.style.setProperty('--hue', hue);
  }

  #mark(name, is) {
    if (is !== (name in this.node.dataset)) this.node.toggleAttribute(`data-${name}`, is);
  }
}

// As far apart as so many can be, each the same on every visit.
export function hues(tracks) {
  return new Map(tracks.map((track, index) => [track, Math.round((index * (tracks.length > 12 ? 137.508 : 360 / tracks.length) + 160) % 360)]));
}
