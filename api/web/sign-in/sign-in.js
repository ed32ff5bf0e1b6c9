// Sign-in by link: the token travels in the fragment, which browsers never send to a server.

import * as api from '/web/api.js';
import { setText } from '/web/dom.js';
import '/web/page-bar.js';
import { reason } from '/web/wording.js';

const message = document.getElementById('message');
const form = document.getElementById('by-hand');
const ASK = 'Paste the link you were given, or the token from it.';

// Only a page of this site. Whole, with its origin: a path such as "/.//elsewhere" would leave it.
function destination(to) {
  if (!to || !/^\/(?![/\\])/.test(to)) return '/';
  const url = new URL(to, location.origin);
  return url.origin === location.origin ? url.href : '/';
}

function partsOf(text) {
  const fragment = text.includes('#') ? text.slice(text.indexOf('#') + 1) : text;
  const parts = new URLSearchParams(fragment);
  return { token: parts.get('token') ?? (fragment.includes('=') ? '' : fragment.trim()), to: parts.get('to') };
}

async function signIn({ token, to }) {
  form.hidden = true;
  setText(message, 'Signing you in.');
  try {
    await api.signIn(token);
    location.replace(destination(to));
  } catch (problem) {
    ask(problem.status === 401 || problem.status === 400 ? `This link no longer holds. ${ASK}` : `${reason(problem)} ${ASK}`);
  }
}

function ask(text) {
  setText(message, text);
  form.hidden = false;
  form.token.focus();
}

const given = partsOf(location.hash.slice(1) ? location.hash : '');
history.replaceState(null, '', location.pathname);
form.addEventListener('submit', (submit) => {
  submit.preventDefault();
  const typed = partsOf(form.token.value);
  signIn({ token: typed.token, to: typed.to ?? given.to });
});
if (given.token) signIn(given);
else ask(ASK);
