-- name: followers
-- every reader of the log: how far it is, since when it was heard of, and how old the first
-- event is that it has not applied
SELECT
    p.name, p.kind, p.position, p.problem,
    extract(epoch FROM clock_timestamp() - p.beat_at)::float8 AS silent_for,
    (SELECT coalesce(max(notification_id), 0) FROM events.log) AS log_end,
    coalesce(extract(epoch FROM clock_timestamp() - (
        SELECT (convert_from(l.state, 'UTF8')::json ->> 'at')::timestamptz
        FROM events.log AS l
        WHERE l.notification_id > p.position
        ORDER BY l.notification_id
        LIMIT 1
    ))::float8, 0) AS behind_by
FROM views.positions AS p
ORDER BY p.name;
