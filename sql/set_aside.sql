-- name: set_aside
-- positions of read models wait until somebody enrols these again; those that have a projector stay
WITH gone AS (
    DELETE FROM views.positions
    WHERE name = ANY(%(names)s) AND kind = 'read_model'
    AND beat_at < clock_timestamp() - make_interval(secs => %(silent)s)
    RETURNING name, version, position
)

INSERT INTO views.set_aside (name, version, position)
SELECT name, version, position FROM gone
ON CONFLICT (name) DO UPDATE SET version = excluded.version, position = excluded.position
RETURNING name;

-- name: kept
-- those of these read models that have a position
SELECT name FROM views.positions WHERE name = ANY(%(names)s) AND kind = 'read_model';
