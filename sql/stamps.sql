-- name: sampled
-- up to which position stretches of the log have rows, and where the log ends
SELECT
    (SELECT coalesce(max(until), 0) FROM events.stamps),
    (SELECT coalesce(max(notification_id), 0) FROM events.log);

-- name: last_by
-- up to which position stretches have rows, and the end of the last one of which an event was
-- stamped by a moment
SELECT
    (SELECT coalesce(max(until), 0) FROM events.stamps),
    coalesce((
        SELECT until FROM events.stamps
        WHERE earliest <= %(moment)s
        ORDER BY until DESC
        LIMIT 1
    ), 0);

-- name: stretch
-- the events of one
SELECT state FROM events.log WHERE notification_id > %(after)s AND notification_id <= %(until)s;

-- name: add
-- how early those are stamped
INSERT INTO events.stamps (until, earliest)
VALUES (%(until)s, coalesce(%(earliest)s::timestamptz, 'infinity'))
ON CONFLICT (until) DO NOTHING;
