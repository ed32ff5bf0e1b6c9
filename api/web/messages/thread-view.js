// One thread: whom it is with, what was said, and where one writes.

import '/web/compose-box.js';
import { el, hiddenText, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import { about } from '/web/message-wording.js';
import { MessageLog } from '/web/message-log.js';
import { notice } from '/web/notice.js';
import { face } from '/web/thread-face.js';
import { shown } from '/web/thread-model.js';
import '/web/thread-menu.js';
import { reason } from '/web/wording.js';

class ThreadView extends HTMLElement {
  #back = el('a', { class: 'icon-button thread-back' }, icon('back'), hiddenText('All messages'));
  #face = el('span', { class: 'thread-face' });
  #name = el('h2', { class: 'thread-name', dir: 'auto', tabindex: '-1' });
  #about = el('p', { class: 'thread-about muted', dir: 'auto' });
  #menu = el('thread-menu');
  #log = new MessageLog();
  #note = el('p', { class: 'thread-note muted', hidden: true });
  #compose = el('compose-box');
  #head = el('header', { class: 'thread-head' }, this.#back, this.#face, el('div', { class: 'thread-who' }, this.#name, this.#about), this.#menu);
  #drafts = new Map();
  #other = null;

  get compose() {
    return this.#compose;
  }

  get log() {
    return this.#log;
  }

  // Nobody is chosen yet.
  rest() {
    this.#keepDraft(null);
    this.replaceChildren(notice({ name: 'no-thread', symbol: 'message', title: 'Choose a conversation', text: 'What you write is seen by the two of you alone.' }));
  }

  load(other, name, listPath) {
    this.#keepDraft(other);
    this.#back.href = listPath;
    setText(this.#name, name ?? '');
    this.#name.toggleAttribute('data-loading', !name);
    this.#face.replaceChildren();
    setText(this.#about, '');
    this.#menu.hidden = true;
    this.#note.hidden = true;
    this.#compose.hidden = true;
    this.#log.load();
    this.replaceChildren(this.#head, this.#log.element, this.#note, this.#compose);
  }

  show(thread, { me, now }) {
    const isFirst = this.#log.isLoading;
    if (isFirst || this.#name.textContent !== thread.name) this.#face.replaceChildren(face({ with: thread.other, ...thread }));
    this.#name.removeAttribute('data-loading');
    setText(this.#name, thread.name);
    setText(this.#about, about(thread));
    this.#menu.hidden = thread.erased;
    this.#menu.about(thread);
    this.#note.hidden = !thread.erased;
    setText(this.#note, thread.erased ? 'This person was erased, and what they wrote with them.' : '');
    this.#compose.hidden = thread.erased;
    this.#compose.addressed(thread.name);
    this.#log.show(shown(thread, me), { name: thread.name, hasEarlier: thread.before !== null, now });
    if (isFirst && this.#drafts.has(thread.other)) this.#compose.text = this.#drafts.get(thread.other);
  }

  // problem.status 404: nobody is there, or not for us
  fail(problem, again) {
    const gone = problem.status === 404;
    const said = gone
      ? { name: 'no-such-thread', symbol: 'search', title: 'There is nobody to write to here', text: 'They may have left, or the link may be wrong.' }
      : { name: 'thread-failed', symbol: 'alert', title: 'This conversation did not load', text: reason(problem), action: { label: 'Try again', run: again } };
    this.#other = null;
    this.replaceChildren(this.#head, notice(said));
    this.#menu.hidden = true;
  }

  focusName() {
    (this.contains(this.#name) ? this.#name : this).focus();
  }

  #keepDraft(other) {
    if (this.#other !== null) this.#drafts.set(this.#other, this.#compose.text);
    if (other !== this.#other) this.#compose.text = '';
    this.#other = other;
  }
}

customElements.define('thread-view', ThreadView);
