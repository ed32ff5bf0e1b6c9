// Looks at a profile, told to the server in pieces: the first after a second, each further one after
// twice as long, and the rest as the page goes, so that a tab that is closed loses little. A piece
// keeps its moment while it is sent again, by which the server counts it once.

import { watched } from '/web/visible-time.js';

const FIRST_MS = 1000;
const LONGEST_MS = 60000;
const LOOK_MS = 250;

export class ViewReports {
  #time = watched((isVisible) => isVisible || this.#tell());
  #step = FIRST_MS;
  #timer = setInterval(() => this.#look(), LOOK_MS);
  #unsent = []; // pieces whose arrival is not known
  #sending = false;
  #last = 0;

  // send(piece), sending(pieces), sent(pieces), failed(problem, pieces that arrived before)
  constructor(memberId, handlers) {
    Object.assign(this, { memberId, ...handlers });
  }

  retry() {
    this.#send();
  }

  close() {
    clearInterval(this.#timer);
    this.#tell();
  }

  #look() {
    if (this.#time.ms < this.#step) return;
    this.#step = Math.min(this.#step * 2, LONGEST_MS);
    this.#tell();
  }

  #tell() {
    const ms = this.#time.take();
    if (ms > 0) this.#unsent.push({ memberId: this.memberId, at: this.#moment(), ms });
    if (this.#unsent.length) this.#send();
  }

  // No two pieces are of the same moment.
  #moment() {
    this.#last = Math.max(Date.now(), this.#last + 1);
    return new Date(this.#last).toISOString();
  }

  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    const pieces = [...this.#unsent];
    const arrived = [];
    this.sending(pieces);
    try {
      for (const piece of pieces) {
        await this.send(piece);
        arrived.push(this.#unsent.shift());
      }
      this.sent(pieces);
    } catch (problem) {
      if (!problem.mayPass) this.#unsent = []; // it will not be taken later either
      this.failed(problem, arrived);
    } finally {
      this.#sending = false;
    }
  }
}
