// People without an end: pages that are asked for as one comes near them, before and after the one
// that the address names. Of each page its tag is kept, by which a look whether it still holds is
// cheap. Page Down and Page Up step from one to the next, as in feeds elsewhere (WAI-ARIA, feed).

import { attendeeRow, skeletonRow } from '/web/attendee-row.js';
import { settle } from '/web/debounce.js';
import { el } from '/web/dom.js';
import { notice } from '/web/notice.js';
import { reason } from '/web/wording.js';

const AHEAD = '900px'; // before its end is in sight, the next page is asked for
const WAITING = 5;
const MARGIN = 16; // between the bar and the row that one is led to, as in the style sheet

class AttendeeFeed extends HTMLElement {
  #rows = el('div', { role: 'feed', class: 'people', 'aria-label': 'Attendees' });
  #before = el('div', { class: 'feed-edge', 'data-edge': 'before' });
  #after = el('div', { class: 'feed-edge', 'data-edge': 'after' });
  #edges = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#extend(), { rootMargin: AHEAD });
  #pages = new Map(); // number -> { etag, text, ids }
  #turn = 0; // of answers to what is no longer wanted nothing is shown
  #busy = false;
  #failed = null; // the edge at which a page did not load

  connectedCallback() {
    if (this.children.length) return;
    this.append(this.#before, this.#rows, this.#after);
    this.#edges.observe(this.#before);
    this.#edges.observe(this.#after);
    this.#rows.addEventListener('keydown', (key) => this.#step(key));
    addEventListener('scroll', settle(120, () => this.#moved()), { passive: true });
  }

  // load(page, etag) -> {data, etag, unchanged}; context: { eventId, own }. Shows the page with the
  // row `at`, if that is there. Raises what the first load raises.
  async start({ load, page, at, context, size }) {
    const turn = (this.#turn += 1);
    Object.assign(this, { load, context, size });
    this.#pages.clear();
    this.#failed = null;
    this.#busy = true;
    this.#rows.setAttribute('aria-busy', 'true');
    this.#edge(this.#before);
    this.#edge(this.#after);
    this.#rows.replaceChildren(...Array.from({ length: WAITING }, skeletonRow));
    try {
      let answer = await load(page);
      // Fewer are found than when the address was made: the last page is nearest.
      const last = Math.max(1, Math.ceil(answer.data.total / answer.data.page_size));
      if (page > last && turn === this.#turn) answer = await load(last);
      if (turn !== this.#turn) return null;
      this.#rows.replaceChildren();
      this.#put(answer);
      if (at) this.#rows.querySelector(`[data-member="${CSS.escape(at)}"]`)?.scrollIntoView({ block: 'start' });
      else if (answer.data.page > 1) this.#rows.firstElementChild?.scrollIntoView({ block: 'start' });
      return answer.data;
    } finally {
      if (turn === this.#turn) this.#settle();
    }
  }

  // Whether what is in sight still holds; says what the server now says of all.
  async revalidate() {
    const turn = this.#turn;
    let latest = null;
    for (const number of this.#inSight()) {
      const answer = await this.load(number, this.#pages.get(number)?.etag);
      if (turn !== this.#turn) return null;
      if (answer.unchanged) continue;
      latest = answer.data;
      this.#put(answer);
    }
    return latest;
  }

  clear() {
    this.#turn += 1;
    this.#pages.clear();
    this.#rows.replaceChildren();
    this.#settle();
  }

  #settle() {
    this.#busy = false;
    this.#rows.removeAttribute('aria-busy');
    this.#edge(this.#before);
    this.#edge(this.#after);
    // An edge that stays in sight is not seen anew.
    for (const edge of [this.#before, this.#after]) {
      this.#edges.unobserve(edge);
      this.#edges.observe(edge);
    }
  }

  async #extend() {
    if (this.#busy || this.#failed || !this.#pages.size) return;
    const before = Math.min(...this.#pages.keys()) - 1;
    const after = Math.max(...this.#pages.keys()) + 1;
    if (after <= this.#last && this.#isNear(this.#after)) await this.#more(after, this.#after);
    else if (before >= 1 && this.#isNear(this.#before)) await this.#more(before, this.#before);
  }

  async #more(page, edge) {
    const turn = this.#turn;
    this.#busy = true;
    this.#edge(edge, ...Array.from({ length: 2 }, skeletonRow));
    try {
      const answer = await this.load(page);
      if (turn === this.#turn) this.#put(answer);
    } catch (problem) {
      if (turn !== this.#turn) return;
      this.#failed = edge;
      this.dispatchEvent(new CustomEvent('feed-failed', { bubbles: true, detail: problem }));
      const action = { label: 'Try again', run: () => this.#again(page, edge) };
      this.#edge(edge, notice({ name: 'more-failed', symbol: 'alert', title: 'More did not load', text: reason(problem), action }));
    } finally {
      if (turn === this.#turn && this.#failed !== edge) this.#settle();
      else if (turn === this.#turn) this.#busy = false;
    }
  }

  #again(page, edge) {
    this.#failed = null;
    this.#more(page, edge);
  }

  // What comes before, or grows there, must not move what one reads.
  #put({ data, etag }) {
    const page = data.page;
    const text = JSON.stringify(data.items);
    const held = this.#pages.get(page);
    this.#last = Math.ceil(data.total / data.page_size);
    this.total = data.total;
    this.#pages.set(page, { etag, text });
    if (held?.text === text) return this.#number();
    const anchor = this.#atTop();
    const top = anchor?.getBoundingClientRect().top;
    const focused = this.#rows.contains(document.activeElement) ? document.activeElement : null;
    const shown = new Set(this.#others(page).map((row) => row.dataset.member));
    const rows = data.items.filter((person) => !shown.has(person.member_id)).map((person) => this.#row(person, page));
    for (const row of this.#of(page)) row.remove();
    const next = this.#others(page).find((row) => Number(row.dataset.page) > page);
    for (const row of rows) this.#rows.insertBefore(row, next ?? null);
    this.#number();
    if (focused && !focused.isConnected) this.#refocus(focused);
    const same = anchor && this.#find(anchor.dataset.member);
    if (same) scrollBy(0, same.getBoundingClientRect().top - top);
  }

  #last = 0;

  #row(person, page) {
    const row = attendeeRow(person, { ...this.context, heading: 'h2' });
    row.dataset.page = page;
    row.tabIndex = -1;
    return row;
  }

  #number() {
    for (const page of this.#pages.keys()) {
      this.#of(page).forEach((row, index) => row.setAttribute('aria-posinset', (page - 1) * this.size + index + 1));
    }
    for (const row of this.#all()) row.setAttribute('aria-setsize', this.total);
  }

  #refocus({ dataset, tagName }) {
    const row = this.#find(dataset.targetMemberId ?? dataset.member);
    (tagName === 'A' ? row?.querySelector(`[data-click="${dataset.click}"]`) : row)?.focus({ preventScroll: true });
  }

  #all() {
    return [...this.#rows.querySelectorAll('[data-page]')];
  }

  #of(page) {
    return this.#all().filter((row) => Number(row.dataset.page) === page);
  }

  #others(page) {
    return this.#all().filter((row) => Number(row.dataset.page) !== page);
  }

  #find(memberId) {
    return memberId && this.#rows.querySelector(`[data-member="${CSS.escape(memberId)}"]`);
  }

  #atTop() {
    const top = headroom() + MARGIN;
    return this.#all().find((row) => row.getBoundingClientRect().bottom > top + 1);
  }

  #inSight() {
    const rows = this.#all().filter((row) => row.getBoundingClientRect().bottom > 0 && row.getBoundingClientRect().top < innerHeight);
    return new Set(rows.length ? rows.map((row) => Number(row.dataset.page)) : [...this.#pages.keys()].slice(0, 1));
  }

  #isNear(edge) {
    const { top, bottom } = edge.getBoundingClientRect();
    return bottom > -parseInt(AHEAD, 10) && top < innerHeight + parseInt(AHEAD, 10);
  }

  #edge(edge, ...parts) {
    edge.replaceChildren(...parts);
  }

  #moved() {
    if (this.#busy) return;
    const top = this.#atTop();
    if (!top) return;
    const isStart = scrollY < headroom();
    this.dispatchEvent(new CustomEvent('place-moved', { bubbles: true, detail: isStart ? { page: 1, at: '' } : { page: Number(top.dataset.page), at: top.dataset.member } }));
  }

  #step(key) {
    if (!['PageDown', 'PageUp'].includes(key.key)) return;
    const row = key.target.closest('[data-page]');
    const next = key.key === 'PageDown' ? row?.nextElementSibling : row?.previousElementSibling;
    if (!next) return;
    key.preventDefault();
    next.focus();
  }
}

// The height of the bar that stays on top.
function headroom() {
  return document.querySelector('page-bar')?.offsetHeight ?? 0;
}

customElements.define('attendee-feed', AttendeeFeed);
