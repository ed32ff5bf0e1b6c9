// Messages on their way to the server: one after the other, so that they arrive in their order. One
// that fails waits for its author; those behind it go on.

export class Outbox {
  #queue = [];
  #isSending = false;

  // send(message) -> {data, position}, sent(message, data, position), failed(message, problem)
  constructor({ send, sent, failed }) {
    Object.assign(this, { send, sent, failed });
  }

  put(message) {
    this.#queue.push(message);
    if (!this.#isSending) this.#drain();
  }

  async #drain() {
    this.#isSending = true;
    while (this.#queue.length) {
      const message = this.#queue.shift();
      try {
        const { data, position } = await this.send(message);
        this.sent(message, data, position);
      } catch (problem) {
        this.failed(message, problem);
      }
    }
    this.#isSending = false;
  }
}
