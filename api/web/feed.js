// The live feed of one member: events in order, and a state the page can show.
// The browser resumes a dropped stream by itself; one that was refused (401, 503) is CLOSED for
// good and is opened again here, later each time, from the last id heard. Where that holds several
// positions, every other attempt names the lowest alone: a server of the version before takes no
// other, and what comes twice then is older than what the page shows. Parts of a page that are none
// of its own, as the bar, hear on the document that something was heard, and that it resumed.

const TYPES = ['MISSION_UPDATED', 'MATCHES_UPDATED', 'SESSIONS_UPDATED', 'BRIEF_UPDATED', 'ENGAGEMENT_UPDATED', 'MESSAGE_RECEIVED', 'MESSAGES_READ', 'SYNC_UPDATED'];
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
// 100, or 100-sessions.60-missions.100: how far each feed was heard, last the message's own position.
const ID = /^\d+(-[a-z][a-z0-9_]*\.\d+)*$/;

const positions = (id) => id.split(/-(?:[a-z][a-z0-9_]*\.)/).map(Number);

export class Feed {
  #source = null;
  #timer = null;
  #wait = FIRST_WAIT_MS;
  #wasLost = false;
  #refusals = 0;

  // heard(type, data, position), state('live' | 'reconnecting' | 'paused'), resumed(), refused()
  constructor(path, position, { heard, state, resumed, refused }) {
    Object.assign(this, { path, heard, state, resumed, refused });
    this.lastId = position === null ? null : String(position);
  }

  open() {
    this.#stop();
    const from = this.lastId === null ? '' : `?last_event_id=${this.#refusals % 2 ? Math.min(...positions(this.lastId)) : this.lastId}`;
    const source = new EventSource(this.path + from);
    source.onopen = () => this.#opened();
    source.onerror = () => this.#lost(source);
    for (const type of TYPES) source.addEventListener(type, (message) => this.#message(type, message));
    this.#source = source;
  }

  pause() {
    this.#stop();
    this.#wasLost = true;
    this.state('paused');
  }

  get isOpen() {
    return this.#source?.readyState === EventSource.OPEN;
  }

  close() {
    this.#stop();
  }

  #opened() {
    this.#wait = FIRST_WAIT_MS;
    this.#refusals = 0;
    this.state('live');
    if (this.#wasLost) {
      this.resumed();
      document.dispatchEvent(new Event('feed-resumed'));
    }
    this.#wasLost = false;
  }

  #lost(source) {
    this.#wasLost = true;
    this.state('reconnecting');
    if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
    this.#refusals += 1;
    this.refused();
    this.#timer = setTimeout(() => this.open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #message(type, message) {
    const isOurs = ID.test(message.lastEventId);
    if (isOurs) this.lastId = message.lastEventId;
    const position = isOurs ? positions(message.lastEventId).at(-1) : null;
    this.heard(type, JSON.parse(message.data), position);
    document.dispatchEvent(new CustomEvent('feed-heard', { detail: type }));
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}
