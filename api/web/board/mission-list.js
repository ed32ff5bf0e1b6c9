// All missions of the event in catalogue order; cards stay the same elements while they change.

import { el } from '/web/dom.js';
import '/web/mission-card.js';
import { notice } from '/web/notice.js';

const PLACEHOLDERS = 6;

class MissionList extends HTMLElement {
  #cards = new Map();

  connectedCallback() {
    this.setAttribute('aria-busy', 'true');
    this.replaceChildren(...Array.from({ length: PLACEHOLDERS }, () => el('div', { class: 'skeleton skeleton-card' })));
  }

  // context: as the cards take it
  show(missions, context) {
    this.removeAttribute('aria-busy');
    if (!missions.length) {
      this.#cards.clear();
      this.replaceChildren(
        notice({ name: 'no-missions', title: 'No missions yet', text: 'They appear here as soon as the organizers add them.' }),
      );
      return;
    }
    const ids = missions.map((mission) => mission.id);
    if (ids.join('\n') !== [...this.#cards.keys()].join('\n')) this.#arrange(ids);
    for (const mission of missions) this.#cards.get(mission.id).show(mission, context);
  }

  // What cards show beside missions.
  refresh() {
    for (const card of this.#cards.values()) card.refresh();
  }

  #arrange(ids) {
    this.#cards = new Map(ids.map((id) => [id, this.#cards.get(id) ?? el('mission-card', { 'data-mission': id })]));
    this.replaceChildren(...this.#cards.values());
  }
}

customElements.define('mission-list', MissionList);
