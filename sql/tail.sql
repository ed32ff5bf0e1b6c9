-- name: snapshot
-- all that follows in this transaction is of one moment: that of the first statement that reads
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: standing
-- how far a read model has come; the end of the log, or where so many events after that are looked
-- at; and what it has parked of a scope, whose streams' names begin so: a JSON object
SELECT
    shown.position,
    coalesce(
        (
            SELECT notification_id FROM events.log
            WHERE notification_id > shown.position
            ORDER BY notification_id
            OFFSET %(most)s - 1 LIMIT 1
        ),
        (SELECT max(notification_id) FROM events.log),
        0
    ),
    (
        SELECT coalesce(json_object_agg(p.stream, p.position), '{}')
        FROM views.parked AS p
        WHERE p.reader = %(reader)s
        AND EXISTS (
            SELECT FROM unnest(%(scope)s::text[]) AS s (prefix)
            WHERE starts_with(p.stream, s.prefix)
        )
    )
FROM (
    SELECT coalesce((
        SELECT position FROM views.positions WHERE name = %(reader)s
    ), 0) AS position
) AS shown;

-- name: unshown
-- streams, each from a position of its own on, without what was dropped of them
SELECT l.notification_id, l.originator_id, l.originator_version, l.topic, l.state
FROM unnest(%(streams)s::text[], %(firsts)s::bigint[]) AS s (stream, first)
JOIN events.log AS l ON l.originator_id = s.stream AND l.notification_id >= s.first
WHERE NOT EXISTS (
    SELECT FROM views.dropped AS d
    WHERE d.reader = %(reader)s AND d.stream = l.originator_id
    AND l.notification_id BETWEEN d.position AND d.until
)
ORDER BY l.notification_id;

-- name: tail
-- the first of a scope after a position, but for some streams. The range is looked through as it
-- is: it is short, and the scope may be long
WITH looked_at AS MATERIALIZED (
    SELECT notification_id, originator_id FROM events.log
    WHERE notification_id > %(after)s AND notification_id <= %(until)s
)

SELECT l.notification_id, l.originator_id, l.originator_version, l.topic, l.state
FROM (
    SELECT t.notification_id FROM looked_at AS t
    WHERE t.originator_id <> ALL(%(without)s::text[])
    AND EXISTS (
        SELECT FROM unnest(%(scope)s::text[]) AS s (prefix)
        WHERE starts_with(t.originator_id, s.prefix)
    )
    ORDER BY t.notification_id
    LIMIT %(most)s
) AS found
JOIN events.log AS l USING (notification_id)
ORDER BY l.notification_id;
