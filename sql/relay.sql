-- name: page
-- what every read model shows, and nobody has been told yet; with what the live feeds say of it
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
    SELECT min(position) FROM views.positions WHERE name = ANY(%(read_models)s)
)
ORDER BY l.notification_id
LIMIT %(most)s;

-- name: arrived
-- how far the stream has come
UPDATE views.positions
SET position = %(position)s, seen = %(position)s, beat_at = clock_timestamp(), problem = NULL
WHERE name = 'relay';

-- name: is_recorded
-- is there an event of this position?
SELECT EXISTS (SELECT FROM events.log WHERE notification_id = %(position)s);
