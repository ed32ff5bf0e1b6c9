-- name: feeds
-- how far these feeds have come, and whether each goes on: one that has no position yet does not,
-- nor one that says why it cannot, or whose tables are of an older version than ours
SELECT
    asked.name, coalesce(p.position, 0),
    coalesce(p.problem IS NULL AND p.version >= asked.version, false)
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS asked (name, version)
LEFT JOIN views.positions AS p USING (name);

-- name: begin
-- where a stream begins that has nothing: before the last events of the log, so many at most
SELECT coalesce(min(notification_id) - 1, 0)
FROM (
    SELECT notification_id FROM events.log ORDER BY notification_id DESC LIMIT %(most)s
) AS latest;

-- name: expired
-- where the stream stood, if the last that was published is older than what it keeps, by its age in
-- seconds: then nothing is missing that should be there
SELECT position FROM views.positions
WHERE name = 'relay' AND position > 0
AND moved_at < clock_timestamp() - make_interval(secs => %(kept)s);

-- name: is_far
-- whether there are more than so many events after a position: counted only where it may be
SELECT
    (SELECT coalesce(max(notification_id), 0) FROM events.log) - %(position)s > %(most)s
    AND EXISTS (
        SELECT FROM events.log WHERE notification_id > %(position)s
        ORDER BY notification_id OFFSET %(most)s LIMIT 1
    );

-- name: arrived
-- how far the stream has come
UPDATE views.positions
SET
    position = %(position)s, seen = %(position)s, problem = NULL, beat_at = clock_timestamp(),
    moved_at = CASE position WHEN %(position)s THEN moved_at ELSE clock_timestamp() END
WHERE name = 'relay';
