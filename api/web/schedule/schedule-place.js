// Where one is in the schedule, as the address has it behind the #: kept over a reload, and to share.

export const EVERYTHING = Object.freeze({ day: '', view: '', track: '', text: '', own: false, session: '' });

export function readPlace(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const view = ['grid', 'list'].includes(given.get('view')) ? given.get('view') : '';
  const text = (name) => given.get(name) ?? '';
  return { day: text('day'), view, track: text('track'), text: text('text'), own: given.has('own'), session: text('session') };
}

export function writePlace(place) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(place)) if (value) said.set(name, value === true ? '' : value);
  return `#${said}`;
}

export function isNarrowed({ track, text, own }) {
  return Boolean(track || text.trim() || own);
}

// The sessions that match: all words somewhere in what is known of it, however they are accented.
export function filter(sessions, { track, text, own }, isStarred) {
  const words = plain(text).split(/\s+/).filter(Boolean);
  return sessions.filter(
    (session) => (!track || session.track === track) && (!own || isStarred(session.session_id)) && words.every((word) => said(session).includes(word)),
  );
}

const SAID = new WeakMap();

function said(session) {
  if (!SAID.has(session)) SAID.set(session, plain(wordsOf(session).join('\n')));
  return SAID.get(session);
}

function wordsOf(session) {
  const { session_title: title, speaker_name: speaker, session_location: room, track, focus_areas: areas, session_description: about } = session;
  return [title, speaker ?? '', room, track, ...areas, about];
}

function plain(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
