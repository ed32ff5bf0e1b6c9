-- name: feeds
-- how far these feeds have come, and whether each goes on: one that has no position yet does not,
-- nor one that says why it cannot, or whose tables are of an older version than ours
SELECT
    asked.name, coalesce(p.position, 0),
    coalesce(p.problem IS NULL AND p.version >= asked.version, false)
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS asked (name, version)
LEFT JOIN views.positions AS p USING (name);

-- name: arrived
-- how far the stream has come
UPDATE views.positions
SET
    position = %(position)s, seen = %(position)s, problem = NULL, beat_at = clock_timestamp(),
    moved_at = CASE position WHEN %(position)s THEN moved_at ELSE clock_timestamp() END
WHERE name = 'relay';
