// What the board knows, without a document: the truth as the server told it, each piece with the
// position it is known as of, and the intents (clicks) that are still on their way. What is shown
// is truth with intents laid over it, so rolling back is only taking an intent away.

export const EMPTY = Object.freeze({
  missions: [],
  progress: null,
  position: -1,
  unlisted: { points: 0, completed: 0 },
  intents: [],
});

const NO_PROGRESS = { points_earned: 0, missions_completed: 0, missions_total: 0, points_total: 0, position: -1 };

export function reduce(state, action) {
  switch (action.type) {
    case 'loaded':
      return loaded(state, action);
    case 'heard':
      return told(state, action);
    case 'intended':
      return { ...state, intents: [...state.intents, action.intent] };
    case 'confirmed':
      return told(without(state, [action.key]), action);
    case 'dropped':
      return without(state, action.keys);
    default:
      throw new Error(`unknown action ${action.type}`);
  }
}

export function view(state) {
  const wanted = new Map(state.intents.map((intent) => [intent.missionId, intent.status]));
  const shown = state.missions.map((mission) => asWanted(mission, wanted.get(mission.id)));
  const truly = completedIn(state.missions);
  const visibly = completedIn(shown);
  const titles = new Map(state.missions.map((mission) => [mission.id, mission.title]));
  const missions = shown.map((mission) => {
    // Unlocking waits for the server's word, locking does not: a click never runs into a 409 we caused.
    const open = mission.requires.filter((id) => !truly.has(id) || !visibly.has(id));
    return {
      ...mission,
      status: effective(mission, open, titles),
      missing: open.map((id) => titles.get(id) ?? id),
      pending: wanted.has(mission.id),
    };
  });
  return { missions, progress: wanted.size ? summed(state, missions) : state.progress ?? NO_PROGRESS };
}

export function knows(state, missionId) {
  return state.missions.some((mission) => mission.id === missionId);
}

// Whether any mission waits for this one, so that its change may lock or unlock others.
export function opens(state, missionId) {
  return state.missions.some((mission) => mission.requires.includes(missionId));
}

function loaded(state, { missions, progress, position }) {
  const asOf = position ?? latest(state);
  if (asOf < state.position) return state;
  const known = new Map(state.missions.map((mission) => [mission.id, mission]));
  const listed = missions.map((mission) => ({ ...mission, requires: mission.requires ?? [], position: asOf }));
  return {
    ...state,
    position: asOf,
    missions: listed.map((mission) => {
      const before = known.get(mission.id);
      return before && before.position > asOf ? { ...mission, ...standing(before), position: before.position } : mission;
    }),
    progress: newer(state.progress, progress, asOf),
    // Points of missions no longer in the catalogue count, though no card shows them.
    unlisted: {
      points: progress.points_earned - sum(listed, (mission) => mission.points_earned),
      completed: progress.missions_completed - completedIn(listed).size,
    },
  };
}

function told(state, { mission, progress, position }) {
  const asOf = position ?? latest(state);
  return {
    ...state,
    missions: state.missions.map((known) =>
      known.id === mission.id && asOf >= known.position
        ? { ...known, ...standing({ ...known, ...mission }), position: asOf }
        : known,
    ),
    progress: newer(state.progress, progress, asOf),
  };
}

function newer(known, progress, position) {
  if (!progress || (known && known.position > position)) return known;
  return { ...NO_PROGRESS, ...known, ...progress, position };
}

function latest(state) {
  return Math.max(state.position, state.progress?.position ?? -1, ...state.missions.map((mission) => mission.position));
}

function standing({ status, points_earned, updated_at }) {
  return { status, points_earned, updated_at };
}

function asWanted(mission, status) {
  if (status === undefined || status === mission.status) return mission;
  return { ...mission, status, points_earned: status === 'completed' ? mission.points : 0 };
}

function effective(mission, open, titles) {
  if (mission.status === 'completed') return 'completed';
  if (open.some((id) => titles.has(id))) return 'locked';
  if (mission.status === 'locked' && open.length === 0) return 'not_started';
  return mission.status;
}

// While clicks are out, the banner is the sum of the cards: a reply to one click may already
// count another one, and adding that one again would show points nobody has.
function summed(state, missions) {
  return {
    ...NO_PROGRESS,
    ...state.progress,
    points_earned: state.unlisted.points + sum(missions, (mission) => mission.points_earned),
    missions_completed: state.unlisted.completed + completedIn(missions).size,
  };
}

function without(state, keys) {
  return { ...state, intents: state.intents.filter((intent) => !keys.includes(intent.key)) };
}

function completedIn(missions) {
  return new Set(missions.filter((mission) => mission.status === 'completed').map((mission) => mission.id));
}

function sum(items, value) {
  return items.reduce((total, item) => total + value(item), 0);
}
