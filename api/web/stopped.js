// A page that cannot go on: what it says instead of its content.

import { notice } from '/web/notice.js';
import { reason } from '/web/wording.js';

export function stop(main, shown) {
  main.dataset.phase = 'stopped';
  main.replaceChildren(notice({ ...shown, heading: 'h1' }));
  main.querySelector('h1').focus();
  document.title = shown.title;
}

export function signedOut() {
  return {
    name: 'signed-out',
    symbol: 'key',
    title: 'You are signed out',
    text: 'Open the sign-in link you were given, or enter it on the next page.',
    action: { label: 'Sign in', href: `/sign-in#to=${encodeURIComponent(location.pathname)}` },
  };
}

// page: what it is called in a sentence, as in "board"
export function notLoaded(problem, page) {
  const elsewhere = { label: 'Your events', href: '/' };
  if (problem.status === 404) {
    const text = 'The link may be wrong, or the event may not be open to you.';
    return { name: 'missing', symbol: 'search', title: 'There is no such event', text, action: elsewhere };
  }
  if (problem.status === 403) {
    const text = 'You are signed in, but not as a member of this event.';
    return { name: 'forbidden', symbol: 'lock', title: `This ${page} is not yours`, text, action: elsewhere };
  }
  const action = { label: 'Try again', run: () => location.reload() };
  return { name: 'failed', symbol: 'alert', title: `The ${page} did not load`, text: reason(problem), action };
}
