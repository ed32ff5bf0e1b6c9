// One's stars at an event, as both pages have them: set over the API, and said where it fails.

import * as api from '/web/api.js';
import { Stars } from '/web/stars.js';
import { starFailure } from '/web/wording.js';

// title(sessionId), leave(): what to do when signed out
export function ownStars({ eventId, member, toasts, title, leave, changed, succeeded }) {
  const stars = new Stars({
    whose: `${member} at ${eventId}`,
    send: (sessionId, starred) => api.setStar(eventId, sessionId, starred),
    changed,
    succeeded,
    failed(sessionId, starred, problem) {
      if (problem.status === 401) return leave();
      const action = problem.mayPass ? { label: 'Retry', run: () => stars.want(sessionId, starred) } : null;
      toasts.show({ subject: sessionId, text: starFailure(title(sessionId), starred, problem), failure: true, action });
    },
  });
  return stars;
}
