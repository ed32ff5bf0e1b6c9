// The live feed of one member: events in order, and a state the page can show.
// The browser resumes a dropped stream by itself; one that was refused (401, 503) is CLOSED for
// good and is opened again here, later each time, from the last position heard.

const TYPES = ['MISSION_UPDATED', 'MATCHES_UPDATED', 'SESSIONS_UPDATED', 'BRIEF_UPDATED', 'ENGAGEMENT_UPDATED'];
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

export class Feed {
  #source = null;
  #timer = null;
  #wait = FIRST_WAIT_MS;
  #wasLost = false;

  // heard(type, data, position), state('live' | 'reconnecting' | 'paused'), resumed(), refused()
  constructor(path, position, { heard, state, resumed, refused }) {
    Object.assign(this, { path, position, heard, state, resumed, refused });
  }

  open() {
    this.#stop();
    const from = this.position === null ? '' : `?last_event_id=${this.position}`;
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
    this.state('live');
    if (this.#wasLost) this.resumed();
    this.#wasLost = false;
  }

  #lost(source) {
    this.#wasLost = true;
    this.state('reconnecting');
    if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
    this.refused();
    this.#timer = setTimeout(() => this.open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #message(type, message) {
    const position = /^\d+$/.test(message.lastEventId) ? Number(message.lastEventId) : null;
    if (position !== null) this.position = position;
    this.heard(type, JSON.parse(message.data), position);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}
