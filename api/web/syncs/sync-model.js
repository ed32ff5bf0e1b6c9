// What the page knows of syncs, without a document: the truth as the server told it, and the answers
// that are still on their way. What is shown is truth with these laid over it.

const HOUR = 60 * 60 * 1000;

// answers: { syncId, status, start } each
export function view(syncs, answers, me, now) {
  const shown = syncs.map((sync) => asWanted(sync, answers.findLast((one) => one.syncId === sync.sync_id), now));
  const open = shown.filter((sync) => sync.status === 'requested');
  const agreed = shown.filter((sync) => sync.status === 'accepted' && end(sync) > now).sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
  return {
    asked: open.filter((sync) => sync.from !== me),
    mine: open.filter((sync) => sync.from === me),
    agreed,
    over: shown.filter((sync) => sync.status !== 'requested' && !agreed.includes(sync)),
  };
}

function asWanted(sync, wanted, now) {
  if (!wanted) return sync.status === 'requested' && Date.parse(sync.expires_at) <= now ? { ...sync, status: 'expired' } : sync;
  return { ...sync, status: wanted.status, start: wanted.start ?? sync.start, pending: true };
}

export const end = ({ start, minutes }) => Date.parse(start) + minutes * 60 * 1000;

// On the board: what is on now, and what starts within the hour.
export function onBoard(syncs, window, now) {
  const starts = (sync) => Date.parse(sync.start);
  const inWindow = window === 'now' ? (sync) => starts(sync) <= now && end(sync) > now : (sync) => starts(sync) > now && starts(sync) <= now + HOUR;
  return syncs.filter((sync) => sync.status === 'accepted' && inWindow(sync)).sort((a, b) => starts(a) - starts(b));
}
