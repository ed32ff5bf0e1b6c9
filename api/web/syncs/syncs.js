// The syncs page: one's syncs, and to ask for another; answers are shown before the server has them.

import * as api from '/web/api.js';
import { settle } from '/web/debounce.js';
import { Feed } from '/web/feed.js';
import '/web/page-bar.js';
import { notLoaded, signedOut, stop } from '/web/stopped.js';
import { view } from '/web/sync-model.js';
import '/web/sync-list.js';
import '/web/sync-request.js';
import { answered, nameOf, notAnswered } from '/web/sync-wording.js';
import * as calls from '/web/syncs-api.js';
import { Ticker } from '/web/ticker.js';
import '/web/toast.js';
import { watchVisibility } from '/web/visibility.js';
import { reason } from '/web/wording.js';

const eventId = decodeURIComponent(location.pathname.split('/')[2]);
const main = document.getElementById('syncs');
const heading = document.getElementById('title');
const bar = document.querySelector('page-bar');
const list = document.querySelector('sync-list');
const request = document.querySelector('sync-request');
const toasts = document.querySelector('toast-stack');
const ticker = new Ticker(() => render());

let session = null;
let conference = null;
let feed = null;
let syncs = null; // as the server told them; null while they load
let before = null;
let answers = []; // that are on their way
let wanted = null; // what was asked for and is on its way, as it will be
let other = null; // whom the form is for
let day = null; // the date that the form shows

const refresh = settle(150, async () => {
  try {
    const { data, date } = await calls.syncs(eventId);
    const known = new Set(data.syncs.map((sync) => sync.sync_id));
    const last = data.syncs.length ? syncs?.findIndex((sync) => sync.sync_id === data.syncs.at(-1).sync_id) ?? -1 : -1;
    const later = last >= 0 ? syncs.slice(last + 1).filter((sync) => !known.has(sync.sync_id)) : [];
    if (!later.length) before = data.before;
    syncs = [...data.syncs, ...later];
    if (date) ticker.set(new Date(date).toISOString());
    ticker.await(syncs.map((sync) => Date.parse(sync.expires_at)));
    render();
  } catch (problem) {
    if (problem.status === 401) return leave();
    if (!syncs) list.fail(problem, refresh);
  }
});

function render() {
  if (main.dataset.phase === 'stopped' || !syncs) return;
  const all = wanted ? [wanted, ...syncs] : syncs;
  list.show(view(all, answers, session.sub, ticker.now()), { eventId, timezone: conference.timezone, hasMore: before !== null });
}

async function more() {
  try {
    const { data } = await calls.syncs(eventId, before);
    syncs = [...syncs, ...data.syncs];
    before = data.before;
    render();
  } catch (problem) {
    if (problem.status === 401) return leave();
    toasts.show({ subject: 'more', text: `Earlier syncs did not load. ${reason(problem)}`, failure: true });
  }
}

// To answer
async function answer(sync, status, start, key = api.newKey()) {
  const one = { syncId: sync.sync_id, status, start };
  answers = [...answers, one];
  toasts.dismiss(sync.sync_id);
  render();
  try {
    const body = { syncId: sync.sync_id, key, status, ...(start ? { start } : {}) };
    const { data } = await calls.answer(eventId, body);
    syncs = syncs.map((known) => (known.sync_id === sync.sync_id ? { ...known, ...data } : known));
    toasts.show({ subject: sync.sync_id, text: answered(nameOf(sync), status) });
    refresh();
  } catch (problem) {
    if (problem.status === 401) return leave();
    const action = problem.mayPass ? { label: 'Retry', run: () => answer(sync, status, start, key) } : null;
    toasts.show({ subject: sync.sync_id, text: notAnswered(nameOf(sync), status, problem), failure: true, action });
    refresh();
  } finally {
    answers = answers.filter((known) => known !== one);
    render();
  }
}

// To ask
async function ask(detail, key = api.newKey()) {
  const name = request.dataset.name || other;
  const to = other;
  wanted = {
    ...detail,
    sync_id: key,
    from: session.sub,
    with: to,
    status: 'requested',
    expires_at: detail.proposals.at(-1),
    start: null,
    other: { member_id: to, name, headline: '', company: '', erased: false },
    pending: true,
  };
  go(calls.listPath(eventId));
  render();
  try {
    const { data } = await calls.ask(eventId, { key, with: to, ...detail });
    syncs = [{ ...wanted, ...data, pending: false }, ...(syncs ?? [])];
    wanted = null;
    request.clear();
    toasts.show({ subject: key, text: warned(name, data.overlaps) });
    refresh();
  } catch (problem) {
    wanted = null;
    if (problem.status === 401) return leave();
    render();
    go(`${calls.listPath(eventId)}/new?with=${encodeURIComponent(to)}`);
    request.refuse(`${name} was not asked. ${reason(problem)}`);
    loadDay();
  }
}

function warned(name, overlaps) {
  const own = [...new Set(overlaps.filter((one) => one.session_title).map((one) => `\u201c${one.session_title}\u201d`))];
  return own.length ? `You asked ${name}. You starred ${own.join(', ')} for that time.` : `You asked ${name}.`;
}

async function loadDay() {
  const [asked, date] = [other, day];
  request.load();
  try {
    const answer = await calls.freeTime(eventId, asked, date);
    if (asked !== other || date !== day) return;
    if (answer.date) ticker.set(new Date(answer.date).toISOString());
    request.dataset.name = answer.data.name;
    heading.textContent = `Meet ${answer.data.name}`;
    request.show(answer.data, ticker.now());
  } catch (problem) {
    if (problem.status === 401) return leave();
    if (asked === other && date === day) request.fail(problem, loadDay);
  }
}

// The first day on which there is something to find: today, or when the event begins.
function firstDay() {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: conference.timezone });
  const begins = Date.parse(conference.starts_at ?? '');
  return format.format(new Date(Math.max(ticker.now(), begins || 0)));
}

// Addresses
function follow() {
  const isNew = location.pathname.endsWith('/syncs/new');
  const asked = isNew ? new URLSearchParams(location.search).get('with') : null;
  list.hidden = isNew;
  request.hidden = !isNew;
  document.getElementById('to-list').hidden = !isNew;
  document.title = `${isNew ? 'Ask for a sync' : 'Syncs'} \u00b7 ${conference.name}`;
  if (!isNew) heading.textContent = 'Syncs';
  if (!isNew || asked === other) return;
  other = asked;
  day = firstDay();
  heading.textContent = 'Ask for a sync';
  if (asked) loadDay();
  else request.fail({ status: 404 });
}

function go(path) {
  history.pushState(null, '', path);
  follow();
  heading.focus();
}

function leave() {
  if (main.dataset.phase === 'stopped') return;
  feed?.close();
  feed = null;
  ticker.close();
  bar.feed(null);
  bar.identify(null);
  toasts.clear();
  stop(main, signedOut());
}

function listen() {
  feed = new Feed(api.streamPath(eventId, session.sub), null, {
    heard: (type) => type === 'SYNC_UPDATED' && refresh(),
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
  if (!feed.isOpen) feed.open();
}

async function start() {
  try {
    session = (await api.session()).data;
    bar.identify(session);
    conference = (await api.event(eventId)).data;
    document.getElementById('to-board').href = `/events/${encodeURIComponent(eventId)}`;
    document.getElementById('to-list').href = calls.listPath(eventId);
    main.dataset.phase = 'ready';
    follow();
    listen();
    refresh.now();
  } catch (problem) {
    if (problem.status === 401) leave();
    else stop(main, notLoaded(problem, 'list of syncs'));
  }
}

document.getElementById('to-list').addEventListener('click', (click) => {
  if (click.metaKey || click.ctrlKey || click.shiftKey) return;
  click.preventDefault();
  go(calls.listPath(eventId));
});
list.addEventListener('sync-answered', ({ detail }) => answer(detail.sync, detail.status, detail.start));
list.addEventListener('more-wanted', more);
request.addEventListener('sync-wanted', ({ detail }) => ask(detail));
request.addEventListener('day-wanted', ({ detail }) => {
  day = detail.date;
  loadDay();
});
addEventListener('popstate', follow);
watchVisibility({ hidden: () => feed?.pause(), woken: wake });
start();
