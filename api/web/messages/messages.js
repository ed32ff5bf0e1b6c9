// The messages page: loads one's threads and the open one, follows the feed, and sends what is written.

import * as api from '/web/api.js';
import { settle } from '/web/debounce.js';
import { Feed } from '/web/feed.js';
import { Outbox } from '/web/message-outbox.js';
import * as calls from '/web/messages-api.js';
import { unreadMessages } from '/web/message-wording.js';
import '/web/page-bar.js';
import { notLoaded, signedOut, stop } from '/web/stopped.js';
import '/web/thread-list.js';
import { again, confirmed, dropped, failed, intended, lastHeard, opened, renewed, withEarlier } from '/web/thread-model.js';
import '/web/thread-view.js';
import '/web/toast.js';
import { watchVisibility } from '/web/visibility.js';
import { reason } from '/web/wording.js';

const [, , pathEvent] = location.pathname.split('/');
const eventId = decodeURIComponent(pathEvent);
const main = document.getElementById('messages');
const bar = document.querySelector('page-bar');
const list = document.querySelector('thread-list');
const view = document.querySelector('thread-view');
const toasts = document.querySelector('toast-stack');

let session = null;
let conference = null;
let feed = null;
let threads = [];
let before = null;
let unread = 0;
let open = null; // the id of whom the open thread is with
let thread = null; // as thread-model.js has it; null while it loads
let isReaching = false; // for what is earlier

const refreshThreads = settle(150, async () => {
  try {
    takeThreads(await calls.threads(eventId));
  } catch (problem) {
    if (problem.status === 401) return leave();
    if (!threads.length) list.fail(problem, refreshThreads);
  }
});

const refreshThread = settle(80, async () => {
  if (open === null || !thread) return;
  const other = open;
  try {
    const answer = await calls.thread(eventId, other);
    if (other === open && thread) take(renewed(thread, answer));
  } catch (problem) {
    if (problem.status === 401) return leave();
    if (other === open && problem.status === 404) gone(problem);
  }
});

const markRead = settle(200, async () => {
  const until = thread && lastHeard(thread);
  if (!until || !thread.unread || document.hidden || !document.hasFocus() || !view.log.isAtEnd) return;
  const other = open;
  try {
    await calls.markRead(eventId, other, until);
    if (other === open && thread) thread = { ...thread, unread: 0 };
    refreshThreads();
  } catch (problem) {
    if (problem.status === 401) leave();
  }
});

const outbox = new Outbox({
  send: (message) => calls.send(eventId, message),
  sent(message, data, position) {
    change(message.to, (known) => confirmed(known, message.key, data, position));
    refreshThreads();
  },
  failed(message, problem) {
    if (problem.status === 401) return leave();
    change(message.to, (known) => failed(known, message.key, problem));
    if (message.to !== open) toasts.show({ subject: message.key, text: `Your message was not sent. ${reason(problem)}`, failure: true });
  },
});

function takeThreads({ data }) {
  const known = new Set(data.threads.map((one) => one.with));
  const last = data.threads.at(-1)?.at;
  const later = threads.filter((one) => !known.has(one.with) && data.before !== null && one.at < last);
  if (!later.length) before = data.before;
  threads = [...data.threads, ...later];
  unread = data.unread;
  showThreads();
}

function showThreads() {
  if (main.dataset.phase === 'stopped') return;
  list.show({ eventId, me: session.sub, threads, open, hasMore: before !== null, now: Date.now() });
  entitle();
}

function entitle() {
  const about = open !== null && thread ? thread.name : 'Messages';
  document.title = `${unread ? `(${unreadMessages(unread)}) ` : ''}${about} \u00b7 ${conference.name}`;
}

function take(next) {
  thread = next;
  view.show(thread, { me: session.sub, now: Date.now() });
  entitle();
  if (thread.unread) markRead();
}

// A change of what is on its way, which is forgotten with a thread that is no longer open.
function change(other, how) {
  if (other === open && thread) take(how(thread));
}

async function moreThreads() {
  try {
    const { data } = await calls.threads(eventId, before);
    const known = new Set(threads.map((one) => one.with));
    threads = [...threads, ...data.threads.filter((one) => !known.has(one.with))];
    before = data.before;
    showThreads();
  } catch (problem) {
    if (problem.status === 401) return leave();
    toasts.show({ subject: 'threads', text: `Earlier threads did not load. ${reason(problem)}`, failure: true });
  }
}

async function moreMessages() {
  if (isReaching || !thread || thread.before === null) return;
  isReaching = true;
  const other = open;
  try {
    const answer = await calls.thread(eventId, other, thread.before);
    if (other === open && thread) take(withEarlier(thread, answer));
  } catch (problem) {
    if (problem.status === 401) return leave();
    toasts.show({ subject: 'earlier', text: `Earlier messages did not load. ${reason(problem)}`, failure: true });
  } finally {
    isReaching = false;
  }
}

function rest() {
  open = thread = null;
  delete main.dataset.open;
  view.rest();
  showThreads();
}

async function openThread(other) {
  open = other;
  thread = null;
  main.dataset.open = '';
  view.load(other, threads.find((one) => one.with === other)?.name, calls.pagePath(eventId));
  showThreads();
  try {
    const answer = await calls.thread(eventId, other);
    if (other === open) take(opened(answer));
  } catch (problem) {
    if (problem.status === 401) return leave();
    if (other === open) view.fail(problem, () => openThread(other));
  }
}

function gone(problem) {
  thread = null;
  view.fail(problem);
  refreshThreads();
}

// Addresses: each thread has its own, so that back and forward go where one was.
function otherInPath() {
  const [, , , , other] = location.pathname.split('/');
  return other ? decodeURIComponent(other) : null;
}

function follow() {
  const other = otherInPath();
  if (other === open) return;
  if (other === null) rest();
  else openThread(other);
}

function go(path) {
  if (path === location.pathname) return;
  history.pushState(null, '', path);
  follow();
}

function heard(type, { from, to, with: other }) {
  if (type === 'MESSAGE_RECEIVED' || type === 'MESSAGES_READ') refreshThreads();
  if (type === 'MESSAGE_RECEIVED' && (from === open || to === open)) refreshThread();
  if (type === 'MESSAGES_READ' && other === open) refreshThread();
}

function refresh() {
  refreshThreads();
  refreshThread();
}

function listen(position) {
  feed = new Feed(api.streamPath(eventId, session.sub), position, {
    heard,
    state: (shown) => bar.feed(shown),
    resumed: refresh,
    refused: () => api.session().catch((problem) => problem.status === 401 && leave()),
  });
  feed.open();
  bar.addEventListener('signed-out', leave);
}

function wake() {
  if (!feed) return;
  refresh();
  markRead();
  if (!feed.isOpen) feed.open();
}

function leave() {
  if (main.dataset.phase === 'stopped') return;
  feed?.close();
  feed = null;
  bar.feed(null);
  bar.identify(null);
  toasts.clear();
  stop(main, signedOut());
}

async function start() {
  try {
    session = (await api.session()).data;
    bar.identify(session);
    const [about, found] = await Promise.all([api.event(eventId), calls.threads(eventId)]);
    conference = about.data;
    document.getElementById('to-board').href = `/events/${encodeURIComponent(eventId)}`;
    document.querySelector('.threads').removeAttribute('aria-busy');
    takeThreads(found);
    main.dataset.phase = 'ready';
    if (otherInPath() === null) rest();
    follow();
    listen(found.position);
  } catch (problem) {
    if (problem.status === 401) leave();
    else stop(main, notLoaded(problem, 'conversation'));
  }
}

async function block({ other, name }) {
  try {
    await calls.block(eventId, other);
    threads = threads.filter((one) => one.with !== other);
    toasts.show({ subject: other, text: `You and ${name} no longer see each other.` });
    history.replaceState(null, '', calls.pagePath(eventId));
    rest();
    refreshThreads();
    list.querySelector('a')?.focus();
  } catch (problem) {
    if (problem.status === 401) return leave();
    toasts.show({ subject: other, text: `${name} was not blocked. ${reason(problem)}`, failure: true });
  }
}

async function report({ messageId, reason: why, name }) {
  try {
    await calls.report(eventId, messageId, why);
    toasts.show({ subject: messageId, text: `The organizers see what ${name} wrote.` });
  } catch (problem) {
    if (problem.status === 401) return leave();
    const action = problem.mayPass ? { label: 'Retry', run: () => report({ messageId, reason: why, name }) } : null;
    toasts.show({ subject: messageId, text: `The message was not reported. ${reason(problem)}`, failure: true, action });
  }
}

main.addEventListener('click', (click) => {
  const link = click.target.closest('a.thread-row, a.thread-back');
  if (!link || click.metaKey || click.ctrlKey || click.shiftKey) return;
  click.preventDefault();
  go(link.getAttribute('href'));
  if (link.matches('.thread-row')) view.focusName();
});
list.addEventListener('more-wanted', moreThreads);
view.addEventListener('earlier-wanted', moreMessages);
view.addEventListener('end-reached', markRead);
view.addEventListener('message-written', ({ detail: { text } }) => {
  const message = { to: open, text, key: api.newKey(), at: new Date().toISOString() };
  change(open, (known) => intended(known, message));
  outbox.put(message);
});
view.addEventListener('again-wanted', ({ detail: { key } }) => {
  const { text } = thread.pending.find((one) => one.key === key);
  change(open, (known) => again(known, key));
  outbox.put({ to: open, text, key });
});
view.addEventListener('edit-wanted', ({ detail: { key } }) => {
  const { text } = thread.pending.find((one) => one.key === key);
  change(open, (known) => dropped(known, key));
  view.compose.text = [view.compose.text, text].filter(Boolean).join('\n');
  view.compose.focus();
});
view.addEventListener('block-wanted', ({ detail }) => block(detail));
view.addEventListener('report-wanted', ({ detail }) => report(detail));
addEventListener('popstate', follow);
addEventListener('focus', markRead);
watchVisibility({ hidden: () => feed?.pause(), woken: wake });
start();
