// One member's stars: what the server said, with the clicks that are on their way laid over it.

export class Stars {
  #known = new Set();
  #position = -1;
  #wished = new Map();
  #windows = null;

  // send(sessionId, starred) -> {data, position}, changed(), succeeded(), failed(sessionId, starred, problem)
  // whose: a name by which other windows of this browser hear of it
  constructor({ send, changed, succeeded = () => {}, failed, whose }) {
    Object.assign(this, { send, changed, succeeded, failed });
    this.#windows = new BroadcastChannel(`stars of ${whose}`);
    this.#windows.onmessage = ({ data }) => this.#hear(data);
  }

  close() {
    this.#windows.close();
  }

  has = (sessionId) => this.#wished.get(sessionId) ?? this.#known.has(sessionId);

  // A read that left before a click was answered must not take that click back.
  take(sessionIds, position) {
    if (position !== null && position < this.#position) return;
    this.#known = new Set(sessionIds);
    this.changed();
  }

  want(sessionId, starred) {
    const isUnderWay = this.#wished.has(sessionId);
    this.#wished.set(sessionId, starred);
    this.changed();
    if (!isUnderWay) this.#settle(sessionId);
  }

  async #settle(sessionId) {
    let wish;
    try {
      do {
        wish = this.#wished.get(sessionId);
        const { position } = await this.send(sessionId, wish);
        this.#confirm({ sessionId, starred: wish, position });
        this.#windows.postMessage({ sessionId, starred: wish, position });
      } while (this.#wished.get(sessionId) !== wish);
      this.#wished.delete(sessionId);
      this.changed();
      this.succeeded();
    } catch (problem) {
      this.#wished.delete(sessionId);
      this.changed();
      this.failed(sessionId, wish, problem);
    }
  }

  #hear(star) {
    this.#confirm(star);
    this.changed();
    this.succeeded();
  }

  #confirm({ sessionId, starred, position }) {
    if (starred) this.#known.add(sessionId);
    else this.#known.delete(sessionId);
    this.#position = Math.max(this.#position, position ?? -1);
  }
}
