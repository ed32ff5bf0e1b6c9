-- name: ranked
-- the first of a conference whom the asker sees, the asker, and how many of these are ahead of the
-- asker. Equal points: who reached them first. Rows that were folded anew stand for those of the table
WITH anew AS (
    SELECT * FROM json_populate_recordset(NULL::views.leaderboard, %(refolded)s::json)
),

me AS (
    SELECT * FROM anew
    WHERE event_id = %(event_id)s AND member_id = %(member_id)s
    UNION ALL
    SELECT * FROM views.leaderboard AS v
    WHERE v.event_id = %(event_id)s AND v.member_id = %(member_id)s
    AND NOT EXISTS (SELECT FROM anew WHERE anew.member_id = v.member_id)
),

-- Whom the asker blocks, and who blocks the asker
apart AS (
    SELECT blocked.member_id
    FROM (
        SELECT unnest(me.blocks) AS member_id FROM me
        UNION
        SELECT anew.member_id FROM anew WHERE %(member_id)s = ANY(anew.blocks)
        UNION
        SELECT v.member_id FROM views.leaderboard AS v
        WHERE v.event_id = %(event_id)s AND v.blocks <> '{}' AND v.blocks @> ARRAY[%(member_id)s]
        AND NOT EXISTS (SELECT FROM anew WHERE anew.member_id = v.member_id)
    ) AS blocked
    WHERE blocked.member_id <> %(member_id)s
),

anew_seen AS (
    SELECT * FROM anew
    WHERE anew.shown AND anew.missions_completed > 0
    AND NOT EXISTS (SELECT FROM apart WHERE apart.member_id = anew.member_id)
),

-- Of these the table's rows do not count
left_out AS (
    SELECT member_id FROM anew UNION SELECT member_id FROM apart
),

first_ones AS (
    SELECT * FROM (
        SELECT * FROM views.leaderboard AS v
        WHERE v.event_id = %(event_id)s AND v.shown AND v.missions_completed > 0
        AND v.member_id <> ALL (ARRAY(SELECT member_id FROM left_out))
        ORDER BY v.points_earned DESC, v.reached_position
        LIMIT %(limit)s
    ) AS stored
    UNION ALL
    SELECT * FROM anew_seen
    ORDER BY points_earned DESC, reached_position
    LIMIT %(limit)s
)

SELECT
    ARRAY(SELECT v FROM first_ones AS v ORDER BY v.points_earned DESC, v.reached_position) AS first,
    (SELECT v FROM me AS v) AS me,
    CASE
        WHEN (SELECT EXISTS (
            SELECT FROM pg_trigger
            WHERE tgrelid = to_regclass('views.leaderboard') AND tgname = 'counted_when_inserted'
        )) THEN (
            SELECT sum(members)::bigint FROM (
                SELECT c.members FROM views.leaderboard_counts AS c, me
                WHERE c.event_id = %(event_id)s AND c.level = 1 AND c.points > me.points_earned >> 8
                UNION ALL
                SELECT c.members FROM views.leaderboard_counts AS c, me
                WHERE c.event_id = %(event_id)s AND c.level = 2
                AND c.points > me.points_earned
                AND c.points < ((me.points_earned >> 8) + 1) << 8
                UNION ALL
                SELECT c.members FROM views.leaderboard_counts AS c, me
                WHERE c.event_id = %(event_id)s AND c.level = 3
                AND c.points = me.points_earned AND c.stretch < me.reached_position >> 22
                UNION ALL
                SELECT c.members FROM views.leaderboard_counts AS c, me
                WHERE c.event_id = %(event_id)s AND c.level = 4
                AND c.points = me.points_earned
                AND c.stretch >= me.reached_position >> 22 << 10
                AND c.stretch < me.reached_position >> 12
                UNION ALL
                SELECT count(*) FROM views.leaderboard AS other, me
                WHERE other.event_id = %(event_id)s AND other.shown AND other.missions_completed > 0
                AND other.points_earned = me.points_earned
                AND other.reached_position >= me.reached_position >> 12 << 12
                AND other.reached_position < me.reached_position
            ) AS parts
        )
        -- Two ranges of the index: compared as rows, all with as many points would be looked at
        ELSE (
            SELECT count(*) FROM views.leaderboard AS other, me
            WHERE other.event_id = %(event_id)s AND other.shown AND other.missions_completed > 0
            AND other.points_earned > me.points_earned
        ) + (
            SELECT count(*) FROM views.leaderboard AS other, me
            WHERE other.event_id = %(event_id)s AND other.shown AND other.missions_completed > 0
            AND other.points_earned = me.points_earned
            AND other.reached_position < me.reached_position
        )
    END - (
        SELECT count(*) FROM me, left_out
        CROSS JOIN LATERAL (
            SELECT * FROM views.leaderboard AS v
            WHERE v.event_id = %(event_id)s AND v.member_id = left_out.member_id
        ) AS other
        WHERE other.shown AND other.missions_completed > 0
        AND (other.points_earned, -other.reached_position)
            > (me.points_earned, -me.reached_position)
    ) + (
        SELECT count(*) FROM anew_seen AS other, me
        WHERE (other.points_earned, -other.reached_position)
            > (me.points_earned, -me.reached_position)
    ) AS ahead;

-- name: count_anew
-- has the leaderboard counted again where nobody does: since a rebuild has put another table there
SELECT views.count_leaderboard()
WHERE NOT EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid = to_regclass('views.leaderboard') AND tgname = 'counted_when_inserted'
);

-- name: forget_counts
-- parts of leaderboards that nobody is in any more, so many at most
DELETE FROM views.leaderboard_counts
WHERE (event_id, level, points, stretch) IN (
    SELECT event_id, level, points, stretch FROM views.leaderboard_counts
    WHERE members = 0 LIMIT %(most)s
) AND members = 0;

-- name: since
-- what may move the leaderboard of a conference after a position, in the order of the log. Names
-- of its streams go on with a colon, and what comes right after a colon is a semicolon
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE notification_id > %(after)s AND notification_id <= %(until)s AND (
    (originator_id >= %(attendees)s || ':' AND originator_id < %(attendees)s || ';')
    OR (originator_id >= %(boards)s || ':' AND originator_id < %(boards)s || ';')
    OR (originator_id >= %(blocks)s || ':' AND originator_id < %(blocks)s || ';')
)
ORDER BY notification_id
LIMIT %(most)s;

-- name: stamped_by
-- the last of these after a position that was stamped by a moment: as far as the leaderboard of then
-- goes. It is asked of the log's end alone, of which there are no samples yet: see stamps.sql
SELECT coalesce(max(notification_id), 0)
FROM events.log
WHERE notification_id > %(after)s
AND (convert_from(state, 'UTF8')::json ->> 'at')::timestamptz <= %(moment)s AND (
    (originator_id >= %(attendees)s || ':' AND originator_id < %(attendees)s || ';')
    OR (originator_id >= %(boards)s || ':' AND originator_id < %(boards)s || ';')
    OR (originator_id >= %(blocks)s || ':' AND originator_id < %(blocks)s || ';')
);

-- name: points
-- how many members of each conference have at most so many points, and all their points: of those in
-- which a member's points have changed since a moment, the latest ones, so many at most. The index
-- gives each conference's latest change, one after another
WITH RECURSIVE changed AS (
    (
        SELECT event_id, reached_at FROM views.leaderboard
        WHERE missions_completed > 0
        ORDER BY event_id, reached_at DESC
        LIMIT 1
    )
    UNION ALL
    SELECT following.event_id, following.reached_at
    FROM changed
    CROSS JOIN LATERAL (
        SELECT v.event_id, v.reached_at FROM views.leaderboard AS v
        WHERE v.missions_completed > 0 AND v.event_id > changed.event_id
        ORDER BY v.event_id, v.reached_at DESC
        LIMIT 1
    ) AS following
),

latest AS (
    SELECT event_id FROM changed
    WHERE reached_at > %(since)s
    ORDER BY reached_at DESC
    LIMIT %(most)s
)

SELECT
    event_id, width_bucket(v.points_earned, %(bounds)s::bigint[]), count(*),
    sum(v.points_earned)::bigint
FROM latest JOIN views.leaderboard AS v USING (event_id)
WHERE v.missions_completed > 0
GROUP BY 1, 2
ORDER BY 1, 2;
