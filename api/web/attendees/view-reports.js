// Looks at a profile, told to the server in pieces: the first after a second, each further one after
// twice as long, and the rest as the page goes, so that a tab that is closed loses little. A piece
// keeps its moment while it is sent again, by which the server counts it once.

import { watched } from '/web/visible-time.js';

const FIRST_MS = 1000;
const LONGEST_MS = 60000;
const LOOK_MS = 250;
const MOST = 20; // pieces that wait for a connection

export class ViewReports {
  #time = watched((isVisible) => isVisible || this.#tell());
  #step = FIRST_MS;
  #timer = setInterval(() => this.#look(), LOOK_MS);
  #unsent = []; // pieces whose arrival is not known
  #underWay = new Set(); // those of them that are being sent
  #last = 0;

  // send(piece), sending(pieces), sent(), failed(problem, pieces that did not arrive)
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
    this.#unsent = this.#unsent.slice(-MOST);
    this.#send();
  }

  // No two pieces are of the same moment.
  #moment() {
    this.#last = Math.max(Date.now(), this.#last + 1);
    return new Date(this.#last).toISOString();
  }

  // Side by side: a page that goes cannot wait for the piece before.
  async #send() {
    const pieces = this.#unsent.filter((piece) => !this.#underWay.has(piece));
    if (!pieces.length) return;
    this.sending(pieces);
    for (const piece of pieces) this.#underWay.add(piece);
    const outcomes = await Promise.allSettled(pieces.map((piece) => this.send(piece)));
    for (const piece of pieces) this.#underWay.delete(piece);
    const problems = outcomes.map((outcome) => outcome.reason ?? null);
    // What is refused will not be taken later either.
    const settled = pieces.filter((_, index) => !problems[index]?.mayPass);
    this.#unsent = this.#unsent.filter((piece) => !settled.includes(piece));
    const problem = problems.find(Boolean);
    if (problem) this.failed(problem, pieces.filter((_, index) => problems[index]));
    else this.sent();
  }
}
