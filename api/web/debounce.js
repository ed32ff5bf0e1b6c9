// Runs a task once calls have settled, one run at a time; a call during a run leads to one more.

export function settle(delay, task) {
  let timer = null;
  let running = false;
  let again = false;

  async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await task();
    } finally {
      running = false;
    }
    if (again) {
      again = false;
      schedule();
    }
  }

  function schedule() {
    clearTimeout(timer);
    timer = setTimeout(run, delay);
  }

  return Object.assign(schedule, { now: run });
}
