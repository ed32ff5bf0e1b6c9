// One's own profile, of which a page changes some fields and keeps the others.

import * as people from '/web/attendees-api.js';

const TEXTS = ['name', 'headline', 'company', 'role', 'avatar_url'];
const LISTS = ['interests', 'industries', 'focus_areas', 'goals', 'offers', 'seeks'];

// null where one has none
export async function ownProfile(eventId) {
  try {
    return (await people.attendee(eventId, 'me')).data;
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

// What others changed meanwhile in the other fields, as an organizer's import does, stays.
export async function saveOwnProfile(eventId, change) {
  const known = await ownProfile(eventId);
  return (await people.saveAttendee(eventId, written({ ...known, ...change }))).data;
}

function written(profile) {
  const texts = TEXTS.map((field) => [field, profile[field] ?? '']);
  const lists = LISTS.map((field) => [field, profile[field] ?? []]);
  return { ...Object.fromEntries([...texts, ...lists]), visibility: profile.visibility ?? 'listed', on_leaderboard: profile.on_leaderboard ?? true };
}
