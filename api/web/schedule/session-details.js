// All that is known of one session, at the edge of the page.

import { el, hiddenText, setText } from '/web/dom.js';
import { drawer } from '/web/drawer.js';
import { icon } from '/web/icons.js';
import '/web/star-button.js';
import { date, hours, overlap, ownTime, shared } from '/web/wording.js';

const SAID = { cancelled: 'This session is cancelled.', tentative: 'This session is not certain yet.' };

class SessionDetails extends HTMLElement {
  #facts = el('dl', { class: 'facts' });
  #body = el('div', { class: 'details-body' });
  #star = el('star-button', { 'data-word': '' });
  #drawer = drawer({ title: '', id: 'details-title', head: this.#star, body: el('div', { class: 'drawer-body' }, this.#facts, this.#body) });
  #session = null;

  connectedCallback() {
    if (this.children.length) return;
    this.#drawer.dialog.classList.add('details');
    this.#drawer.dialog.addEventListener('close', () => this.#closed());
    this.append(this.#drawer.dialog);
  }

  get session() {
    return this.#session;
  }

  // context: { stars, conflicts, areas }
  open(session, context) {
    this.show(session, context);
    this.#drawer.open();
  }

  show(session, { stars, conflicts, areas }) {
    this.#session = session;
    setText(this.#drawer.heading, session.session_title);
    this.#drawer.dialog.dataset.status = session.status;
    this.#star.hidden = !stars;
    if (stars) this.#star.show(session, stars.has(session.session_id));
    this.#facts.replaceChildren(...facts(session));
    const notes = [SAID[session.status], conflicts.has(session.session_id) && `${overlap(conflicts.get(session.session_id))}, which you starred too.`, shared(session, areas)];
    this.#body.replaceChildren(...notes.filter(Boolean).map((text) => el('p', { class: 'details-note' }, text)), ...about(session), link(session) ?? '');
  }

  close() {
    this.#drawer.dialog.close();
  }

  #closed() {
    this.#session = null;
    this.dispatchEvent(new CustomEvent('details-closed', { bubbles: true }));
  }
}

function facts(session) {
  const when = `${date(session.session_time, session.event_timezone)}, ${hours(session)}`;
  const said = [
    ['When', when],
    ['Your time', ownTime(session)],
    ['Where', session.session_location],
    ['Who', session.speaker_name],
    ['Track', session.track],
    ['Focus areas', session.focus_areas.join(', ')],
    ['Language', session.language],
  ];
  return said.filter(([, text]) => text).flatMap(([name, text]) => [el('dt', {}, name), el('dd', {}, text)]);
}

function about({ session_description: text }) {
  return text.split(/\n{2,}/).filter((part) => part.trim()).map((part) => el('p', { class: 'details-text' }, part.trim()));
}

// Somebody else wrote it: it may lead to a page, and run nothing.
function link({ url }) {
  if (!/^https?:\/\//i.test(url)) return null;
  return el('p', {}, el('a', { class: 'details-link', href: url, rel: 'noreferrer noopener', target: '_blank' }, 'More about this session', hiddenText(' (opens another window)'), icon('arrow')));
}

customElements.define('session-details', SessionDetails);
