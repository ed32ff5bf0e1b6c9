// Time as the server has it, and a task for each moment at which it matters: every minute, and
// whatever comes before. Nothing runs while nobody looks.

const MINUTE = 60000;
const AFTER_MS = 10; // timers may be a little early

export class Ticker {
  #ahead = 0;
  #moments = [];
  #timer = null;
  #closed = new AbortController();

  constructor(task) {
    this.task = task;
    const look = () => (document.hidden ? clearTimeout(this.#timer) : this.#run());
    document.addEventListener('visibilitychange', look, { signal: this.#closed.signal });
    this.#plan();
  }

  now() {
    return Date.now() + this.#ahead;
  }

  // A clock may be wrong, or a board be left open on a machine that sleeps: the server's counts.
  set(at) {
    this.#ahead = Date.parse(at) - Date.now();
    this.#plan();
  }

  await(moments) {
    this.#moments = moments;
    this.#plan();
  }

  close() {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }

  #run() {
    this.task();
    this.#plan();
  }

  #plan() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#closed.signal.aborted) return;
    const now = this.now();
    const minute = (Math.floor(now / MINUTE) + 1) * MINUTE;
    const next = Math.min(minute, ...this.#moments.filter((moment) => moment > now));
    this.#timer = setTimeout(() => this.#run(), next - now + AFTER_MS);
  }
}
