// Clicks on their way to the server: one queue per mission, so that their order holds.
// When one fails, those behind it go with it, for they were made believing in it.

export class MissionCommands {
  #queues = new Map();

  constructor({ send, dispatch, failed, succeeded }) {
    Object.assign(this, { send, dispatch, failed, succeeded });
  }

  want(intent) {
    this.dispatch({ type: 'intended', intent });
    const queue = this.#queues.get(intent.missionId);
    if (queue) {
      queue.push(intent);
      return;
    }
    this.#queues.set(intent.missionId, [intent]);
    this.#drain(intent.missionId);
  }

  async #drain(missionId) {
    const queue = this.#queues.get(missionId);
    while (queue.length) {
      try {
        const { data, position } = await this.send(queue[0]);
        const { key } = queue.shift();
        this.dispatch({ type: 'confirmed', key, position, ...data });
        this.succeeded(data.mission, queue.length === 0);
      } catch (problem) {
        const dropped = queue.splice(0);
        this.dispatch({ type: 'dropped', keys: dropped.map((intent) => intent.key) });
        this.failed(dropped, problem);
      }
    }
    this.#queues.delete(missionId);
  }
}
