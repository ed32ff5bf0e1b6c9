// One thread as it is known here: what the server said, and what is on its way to it.
// Pure: every function gives a new thread.

export function opened({ data }) {
  const { with: other, name, headline, company, erased, unread, messages, before } = data;
  return { other, name, headline, company, erased, unread, messages, before, pending: [] };
}

// The latest page once more: what it has is taken, what is earlier or on its way stays. Where more
// has come than a page holds, what lies between is unknown, and what is known begins with the page.
export function renewed(thread, { data }) {
  const first = data.messages[0]?.position ?? Infinity;
  const last = lastOf(data);
  if (last < lastOf(thread)) return thread; // it left before what is known was said
  const meets = data.before === null || thread.messages.some((one) => one.position >= first);
  const kept = meets ? thread.messages.filter((one) => one.position < first) : [];
  const messages = [...kept, ...data.messages];
  return {
    ...thread,
    name: data.name,
    headline: data.headline,
    company: data.company,
    erased: data.erased,
    unread: data.unread,
    messages,
    before: kept.length ? thread.before : data.before,
    pending: thread.pending.filter((one) => one.state !== 'sent' || one.position > last),
  };
}

function lastOf({ messages }) {
  return messages.at(-1)?.position ?? 0;
}

export function withEarlier(thread, { data }) {
  const first = thread.messages[0]?.position ?? Infinity;
  const earlier = data.messages.filter((one) => one.position < first);
  return { ...thread, messages: [...earlier, ...thread.messages], before: data.before };
}

// A message on its way: sending, failed, or sent and not read back yet.
export function intended(thread, { key, text, at }) {
  return { ...thread, pending: [...thread.pending, { key, text, at, state: 'sending' }] };
}

export function confirmed(thread, key, { message_id: messageId, at }, position) {
  const isRead = position !== null && position <= lastOf(thread);
  if (isRead || thread.messages.some((one) => one.message_id === messageId)) return dropped(thread, key);
  return changed(thread, key, { state: 'sent', messageId, at, position: position ?? 0 });
}

export const failed = (thread, key, problem) => changed(thread, key, { state: 'failed', problem });

export const again = (thread, key) => changed(thread, key, { state: 'sending', problem: null });

export function dropped(thread, key) {
  return { ...thread, pending: thread.pending.filter((one) => one.key !== key) };
}

function changed(thread, key, change) {
  return { ...thread, pending: thread.pending.map((one) => (one.key === key ? { ...one, ...change } : one)) };
}

// Everything to be shown, in order: { id, text, at, own, state, erased, problem }
export function shown(thread, me) {
  const said = thread.messages.map((one) => ({
    id: one.message_id,
    text: one.text,
    at: one.at,
    own: one.from === me,
    erased: one.erased,
    state: 'sent',
  }));
  const own = thread.pending.map((one) => ({ ...one, id: one.key, own: true, erased: false }));
  return [...said, ...own];
}

export function lastHeard(thread) {
  return thread.messages.findLast((one) => one.from === thread.other)?.message_id ?? null;
}

export function heard(thread, most = 8) {
  return thread.messages.filter((one) => one.from === thread.other && !one.erased).slice(-most).reverse();
}

// 'Zoë Ada Moreau' is ZM. Not letters alone: a name may be of any script, or begin with a picture.
export function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...new Intl.Segmenter().segment(word)][0].segment.toUpperCase()).join('');
}
