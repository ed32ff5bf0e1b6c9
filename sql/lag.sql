-- name: readers
-- every reader of the log: how far it is, since when it was heard of and last applied something,
-- and how much of the log is left to it: counted, as positions may have gaps
WITH log AS (
    SELECT coalesce(max(notification_id), 0) AS log_end FROM events.log
),
ahead AS (
    SELECT
        p.position,
        (
            SELECT count(*) FROM (
                SELECT FROM events.log WHERE notification_id > p.position LIMIT %(most)s
            ) AS next_ones
        ) AS counted,
        (
            SELECT state FROM events.log
            WHERE notification_id > p.position
            ORDER BY notification_id LIMIT 1
        ) AS first
    FROM (SELECT DISTINCT position FROM views.positions) AS p
)
SELECT
    p.name, p.kind, p.version, p.position, p.seen, p.problem,
    (
        SELECT count(*) FROM views.parked AS k
        WHERE k.reader = p.name AND substring(k.problem, %(awaited)s) IS NULL
    ) + CASE p.kind WHEN 'work' THEN (
        SELECT count(*) FROM work.leases AS l JOIN views.due AS d USING (kind, subject)
        WHERE l.kind = p.name AND work.is_parked(l, d.wanted, d.based_on)
    ) ELSE 0 END AS parked,
    (
        SELECT count(*) FROM views.parked AS k
        WHERE k.reader = p.name AND substring(k.problem, %(awaited)s) IS NOT NULL
    ) AS waiting,
    log.log_end,
    CASE WHEN a.counted < %(most)s THEN a.counted ELSE log.log_end - p.position END AS events_behind,
    extract(epoch FROM clock_timestamp() - p.beat_at)::float8 AS silent_for,
    extract(epoch FROM clock_timestamp() - p.moved_at)::float8 AS still_for,
    a.first,
    clock_timestamp() AS now
FROM views.positions AS p JOIN ahead AS a USING (position) CROSS JOIN log
ORDER BY p.name;
