// Somebody's profile as the asker may see it: why the two suit, what they look for, what to do.

import { acts, avatar, scoreChip, tagList } from '/web/attendee-row.js';
import { blockSentence } from '/web/attendee-wording.js';
import { el, hiddenText } from '/web/dom.js';

const PARTS = [
  { field: 'goals', title: 'Goals', asList: true },
  { field: 'seeks', title: 'Looks for' },
  { field: 'offers', title: 'Offers' },
  { field: 'interests', title: 'Interests' },
  { field: 'focus_areas', title: 'Focus areas' },
  { field: 'industries', title: 'Industries' },
];

class AttendeeProfile extends HTMLElement {
  #menu = el('details', { class: 'menu' });
  #sure = el('dialog', { class: 'sure', 'aria-labelledby': 'sure-title' });

  show(person, eventId) {
    this.person = person;
    const { name, headline, role, company } = person;
    const work = [role, company].filter(Boolean);
    this.replaceChildren(
      el(
        'header',
        { class: 'profile-head' },
        avatar(person),
        el('div', { class: 'profile-name' }, el('h1', { id: 'name', tabindex: '-1' }, el('bdi', {}, name)), headline && el('p', { dir: 'auto' }, headline), work.length > 0 && el('p', { class: 'muted', dir: 'auto' }, work.join(' \u2022 '))),
        scoreChip(person),
      ),
      el('div', { class: 'profile-acts' }, this.#acts(eventId), this.#menu),
      this.#why() || '',
      el('div', { class: 'profile-parts' }, PARTS.map((part) => this.#part(part))),
      this.#sure,
    );
    this.#fillMenu();
    this.#fillSure();
  }

  #acts(eventId) {
    const links = acts(this.person, eventId, ['send_message', 'create_sync']);
    links[0].classList.replace('outline', 'primary');
    return links;
  }

  #why() {
    const { reasons, overlap_tags: tags, met } = this.person;
    const done = [met.messaged && 'You have written to each other.', met.synced && 'You have arranged to meet.'].filter(Boolean);
    if (!reasons.length && !done.length) return null;
    return el('section', { class: 'profile-why', 'aria-labelledby': 'why-title' }, el('h2', { id: 'why-title' }, 'What you have in common'), el('ul', {}, [...reasons, ...done].map((one) => el('li', { dir: 'auto' }, one))), tagList(tags));
  }

  #part({ field, title, asList }) {
    const values = this.person[field];
    if (!values.length) return null;
    const id = `part-${field}`;
    const shown = asList ? el('ul', { class: 'profile-list' }, values.map((one) => el('li', { dir: 'auto' }, one))) : tagList(values, { label: title });
    return el('section', { 'aria-labelledby': id }, el('h2', { id }, title), shown);
  }

  #fillMenu() {
    const block = el('button', { type: 'button', class: 'button quiet', onclick: () => this.#ask() }, `Block ${this.person.name}`);
    this.#menu.replaceChildren(el('summary', { class: 'button quiet' }, 'More', hiddenText(` about ${this.person.name}`)), el('div', { class: 'menu-body' }, block));
    this.#menu.addEventListener('keydown', (key) => key.key === 'Escape' && this.#closeMenu());
    this.#menu.addEventListener('focusout', ({ relatedTarget: to }) => to && !this.#menu.contains(to) && this.#menu.removeAttribute('open'));
  }

  #closeMenu() {
    this.#menu.removeAttribute('open');
    this.#menu.querySelector('summary').focus();
  }

  #fillSure() {
    const { name } = this.person;
    this.#sure.replaceChildren(
      el('h2', { id: 'sure-title' }, `Block ${name}?`),
      el('p', {}, blockSentence(name)),
      el('div', { class: 'sure-acts' }, el('button', { type: 'button', class: 'button outline', autofocus: true, onclick: () => this.#sure.close() }, 'Cancel'), el('button', { type: 'button', class: 'button primary', onclick: () => this.#block() }, 'Block')),
    );
  }

  #ask() {
    this.#closeMenu();
    this.#sure.showModal();
  }

  #block() {
    this.#sure.close();
    this.dispatchEvent(new CustomEvent('block-wanted', { bubbles: true }));
  }
}

customElements.define('attendee-profile', AttendeeProfile);
