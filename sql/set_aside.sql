-- name: set_aside
-- positions of read models, reactions and kinds of work wait until somebody enrols these again; those
-- that somebody keeps stay
WITH gone AS (
    DELETE FROM views.positions
    WHERE name = ANY(%(names)s) AND kind IN ('read_model', 'reaction', 'work')
    AND beat_at < clock_timestamp() - make_interval(secs => %(silent)s)
    RETURNING name, version, position
)

INSERT INTO views.set_aside (name, version, position)
SELECT name, version, position FROM gone
ON CONFLICT (name) DO UPDATE SET version = excluded.version, position = excluded.position
RETURNING name;

-- name: kept
-- those of these that have a position
SELECT name FROM views.positions
WHERE name = ANY(%(names)s) AND kind IN ('read_model', 'reaction', 'work');
