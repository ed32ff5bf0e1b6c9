-- name: people
-- some of the people at a conference, and the member; what search looks at stays where it is
SELECT
    v.event_id, v.member_id, v.position, v.joined, v.listed, v.name, v.headline, v.company, v.role,
    v.avatar_url, v.interests, v.industries, v.focus_areas, v.goals, v.offers, v.seeks,
    v.on_leaderboard
FROM views.attendees AS v
WHERE
    v.event_id = %(event_id)s
    AND v.member_id = ANY(string_to_array(%(others)s || ' ' || %(member_id)s, ' '));

-- name: blocks_between
-- whom of them one member blocks, and who of them blocks the member
SELECT * FROM views.blocks AS v
WHERE
    v.event_id = %(event_id)s AND v.member_id = %(member_id)s
    AND v.blocked_member_id = ANY(string_to_array(%(others)s, ' '))
UNION ALL
SELECT * FROM views.blocks AS v
WHERE
    v.event_id = %(event_id)s AND v.member_id = ANY(string_to_array(%(others)s, ' '))
    AND v.blocked_member_id = %(member_id)s;

-- name: met
-- what a member did about another
SELECT * FROM views.attendees_met AS v
WHERE
    v.event_id = %(event_id)s AND v.member_id = %(member_id)s
    AND v.target_member_id = ANY(string_to_array(%(others)s, ' '));

-- name: changed
-- what of a conference's people has changed since positions, so many at most of each kind, and how
-- far these tables are. `turn` rises where rows may have changed behind: see rebuild.sql, parked.sql
SELECT
    p.position, p.turn,
    (SELECT coalesce(json_agg(v), '[]')::text FROM (
        SELECT
            member_id, position, joined, listed, company, role, interests, industries, focus_areas,
            goals, offers, seeks
        FROM views.attendees
        WHERE event_id = %(event_id)s AND position > %(attendees)s
        ORDER BY position LIMIT %(most)s
    ) AS v) AS attendees,
    (SELECT coalesce(json_agg(v), '[]')::text FROM (
        SELECT member_id, position
        FROM views.attendee_activity
        WHERE event_id = %(event_id)s AND position > %(activity)s
        ORDER BY position LIMIT %(most)s
    ) AS v) AS activity,
    (SELECT coalesce(json_agg(v), '[]')::text FROM (
        SELECT member_id, blocked_member_id, position, blocked
        FROM views.blocks
        WHERE event_id = %(event_id)s AND position > %(blocks)s
        ORDER BY position LIMIT %(most)s
    ) AS v) AS blocks
FROM views.positions AS p WHERE p.name = 'attendees';

-- name: found
-- who of a conference is found by how words begin: the first pattern is looked up in the index
SELECT member_id FROM views.attendees
WHERE
    event_id = %(event_id)s AND listed
    AND words LIKE %(first)s AND words LIKE ALL(%(others)s::text[]);

-- name: found_nearly
-- the same by regular expressions
SELECT member_id FROM views.attendees
WHERE
    event_id = %(event_id)s AND listed
    AND words ~ %(first)s AND words ~ ALL(%(others)s::text[]);

-- name: acts
-- what was done about each other in these hours, and how far that is counted
SELECT
    p.position,
    (
        SELECT coalesce(json_agg(v), '[]')::text
        FROM views.attendee_acts AS v
        WHERE v.event_id = %(event_id)s AND v.hour BETWEEN %(first)s AND %(last)s
    ) AS hours
FROM views.positions AS p WHERE p.name = 'attendee_acts';
