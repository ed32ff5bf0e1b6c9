-- name: board
-- one member's board: the position that this shows, the last that concerns it, and the rows
SELECT
    (SELECT position FROM views.positions WHERE name = 'mission_board'),
    greatest((
        SELECT notification_id FROM events.log WHERE originator_id = %(catalogue)s
        ORDER BY originator_version DESC LIMIT 1
    ), (
        SELECT notification_id FROM events.log WHERE originator_id = %(board)s
        ORDER BY originator_version DESC LIMIT 1
    ), 0),
    (SELECT to_json(v)::text FROM views.mission_catalogues AS v WHERE event_id = %(event_id)s),
    (
        SELECT coalesce(json_agg(v), '[]')::text FROM views.member_missions AS v
        WHERE event_id = %(event_id)s AND member_id = %(member_id)s
    );

-- name: ledger
-- where one member's points came from: the position that this shows, the last that concerns it,
-- and the entries
SELECT
    (SELECT position FROM views.positions WHERE name = 'mission_ledger'),
    coalesce((
        SELECT notification_id FROM events.log WHERE originator_id = %(board)s
        ORDER BY originator_version DESC LIMIT 1
    ), 0),
    (
        SELECT coalesce(json_agg(v ORDER BY position), '[]')::text FROM views.mission_ledger AS v
        WHERE event_id = %(event_id)s AND member_id = %(member_id)s
    );

-- name: leaderboard
-- the first of a conference. Equal points: who reached them first. The position that this shows,
-- the last that concerns who asks, the first, the asker, and how many are ahead of the asker
WITH me AS (
    SELECT * FROM views.leaderboard WHERE event_id = %(event_id)s AND member_id = %(member_id)s
),

ahead AS (
    SELECT * FROM views.leaderboard
    WHERE event_id = %(event_id)s AND shown AND missions_completed > 0
    ORDER BY points_earned DESC, reached_position
    LIMIT %(limit)s
)

SELECT
    (SELECT position FROM views.positions WHERE name = 'leaderboard'),
    coalesce((
        SELECT notification_id FROM events.log WHERE originator_id = %(board)s
        ORDER BY originator_version DESC LIMIT 1
    ), 0),
    (
        SELECT coalesce(json_agg(v ORDER BY points_earned DESC, reached_position), '[]')::text
        FROM ahead AS v
    ),
    (SELECT to_json(me)::text FROM me),
    (
        SELECT count(*) FROM views.leaderboard AS other, me
        WHERE other.event_id = %(event_id)s AND other.shown AND other.missions_completed > 0
        AND (other.points_earned, -other.reached_position)
            > (me.points_earned, -me.reached_position)
    );

-- name: ranked
-- all of a conference, the position that this shows, and what is held back of it, at one moment
SELECT
    (SELECT position FROM views.positions WHERE name = 'leaderboard'),
    (
        SELECT coalesce(json_agg(v), '[]')::text FROM views.leaderboard AS v
        WHERE event_id = %(event_id)s
    ),
    (
        SELECT coalesce(json_object_agg(stream, position), '{}') FROM views.parked
        WHERE reader = 'leaderboard' AND split_part(stream, ':', 2) = %(event_id)s
    );

-- name: since
-- what may move the leaderboard of a conference after a position, in the order of the log. Names
-- of its streams go on with a colon, and what comes right after a colon is a semicolon
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE notification_id > %(after)s AND notification_id <= %(until)s AND (
    (originator_id >= %(attendees)s || ':' AND originator_id < %(attendees)s || ';')
    OR (originator_id >= %(boards)s || ':' AND originator_id < %(boards)s || ';')
)
ORDER BY notification_id
LIMIT %(most)s;

-- name: stamped_by
-- the last of these that was stamped by a moment: as far as the leaderboard of then goes
SELECT coalesce(max(notification_id), 0)
FROM events.log
WHERE (convert_from(state, 'UTF8')::json ->> 'at')::timestamptz <= %(moment)s AND (
    (originator_id >= %(attendees)s || ':' AND originator_id < %(attendees)s || ';')
    OR (originator_id >= %(boards)s || ':' AND originator_id < %(boards)s || ';')
);

-- name: points
-- how many members of each conference have at most so many points, and all their points
SELECT
    event_id, width_bucket(points_earned, %(bounds)s::bigint[]), count(*),
    sum(points_earned)::bigint
FROM views.leaderboard
WHERE missions_completed > 0
GROUP BY 1, 2
ORDER BY 1, 2;
