-- name: hasty
-- what is written here is only what the stream's end says too
SET synchronous_commit = off;

-- name: page
-- what every read model shows, and nobody has been told yet; with what the live feeds say of it.
-- A read model that has no position yet shows nothing; one whose tables are of an older version is
-- not waited for: it is built anew, and reads are folded meanwhile. But nothing is told without a feed
SELECT
    l.notification_id, l.originator_id, l.originator_version, l.topic, l.state,
    (
        SELECT json_agg(json_build_object(
            'event_id', f.event_id, 'member_id', f.member_id, 'type', f.type, 'data', f.data
        ))::text
        FROM views.live_feed AS f
        WHERE f.position = l.notification_id
    )
FROM events.log AS l
WHERE l.notification_id > %(after)s
AND l.notification_id <= (
    SELECT min(coalesce(p.position, 0))
    FROM unnest(%(read_models)s::text[], %(versions)s::integer[]) AS asked (name, version)
    LEFT JOIN views.positions AS p USING (name)
    WHERE p.version IS NULL OR p.version >= asked.version OR name = 'live_feed'
)
ORDER BY l.notification_id
LIMIT %(most)s;

-- name: arrived
-- how far the stream has come
UPDATE views.positions
SET
    position = %(position)s, seen = %(position)s, problem = NULL, beat_at = clock_timestamp(),
    moved_at = CASE position WHEN %(position)s THEN moved_at ELSE clock_timestamp() END
WHERE name = 'relay';
