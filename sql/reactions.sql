-- name: stand
-- where a reaction stands, and how often what comes next was attempted
SELECT position, turn AS epoch, attempts FROM views.positions
WHERE name = %(name)s AND kind = 'reaction';

-- name: attempt
-- one more, recorded before it is made; nothing where another leads
UPDATE views.positions SET attempts = attempts + 1, beat_at = clock_timestamp()
WHERE name = %(name)s AND kind = 'reaction' AND position = %(after)s AND turn = %(epoch)s
RETURNING attempts;

-- name: forget_attempts
-- those that ended though nothing was wrong with what was attempted
UPDATE views.positions SET attempts = 0 WHERE name = %(name)s AND kind = 'reaction';

-- name: stuck
-- cannot go on, and lives: this was no attempt at which the process ended
UPDATE views.positions
SET
    seen = greatest(seen, %(seen)s), problem = %(problem)s, attempts = 0,
    beat_at = clock_timestamp()
WHERE name = %(name)s AND kind = 'reaction';

-- name: advance
-- the fence: moves it only from where we think it stands, with what we know to be parked
UPDATE views.positions
SET
    position = %(to)s, seen = greatest(seen, %(to)s), attempts = 0, problem = NULL,
    beat_at = clock_timestamp(), moved_at = clock_timestamp()
WHERE name = %(name)s AND kind = 'reaction' AND position = %(after)s AND turn = %(epoch)s;
