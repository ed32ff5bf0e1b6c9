// Time for which somebody looks: a hidden page does not count, nor does one at which nothing was
// moved, typed or scrolled for half a minute.

export const IDLE_MS = 30000;
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'scroll', 'touchstart'];

export class VisibleTime {
  #now;
  #visible;
  #acted; // last, so that the half minute after it counts
  #since; // up to which time is counted
  #held = 0; // counted, and not yet taken

  constructor({ visible, now = () => performance.now() }) {
    this.#now = now;
    this.#visible = visible;
    this.#acted = this.#since = now();
  }

  act() {
    this.#count();
    this.#acted = this.#since;
  }

  show(visible) {
    this.act();
    this.#visible = visible;
  }

  get ms() {
    this.#count();
    return Math.floor(this.#held);
  }

  // What was counted since the last time that this was asked.
  take() {
    const taken = this.ms;
    this.#held -= taken;
    return taken;
  }

  #count() {
    const now = this.#now();
    const until = Math.min(now, this.#acted + IDLE_MS);
    if (this.#visible) this.#held += Math.max(0, until - this.#since);
    this.#since = now;
  }
}

// changed(isVisible): the page came or went.
export function watched(changed) {
  const time = new VisibleTime({ visible: !document.hidden });
  for (const sign of SIGNS) addEventListener(sign, () => time.act(), { passive: true, capture: true });
  document.addEventListener('visibilitychange', () => {
    time.show(!document.hidden);
    changed(!document.hidden);
  });
  addEventListener('pagehide', () => {
    time.show(false);
    changed(false);
  });
  addEventListener('pageshow', (shown) => shown.persisted && time.show(!document.hidden));
  return time;
}
