-- name: short
-- a worker that stands still in the middle of taking must not keep others from it
SET idle_in_transaction_session_timeout = '5s';

-- name: ready
-- the kinds of which there is something to take. The one query of a poll
SELECT asked.kind FROM unnest(%(kinds)s::text[]) AS asked (kind)
WHERE EXISTS (
    SELECT FROM views.due AS d LEFT JOIN work.leases AS l USING (kind, subject)
    WHERE d.kind = asked.kind AND d.wanted > d.based_on AND d.not_before <= statement_timestamp()
    AND (
        l.kind IS NULL
        OR (
            l.settled < d.wanted AND l.retry_at <= statement_timestamp()
            AND (
                l.worker IS NULL
                OR l.beat_at < statement_timestamp() - make_interval(secs => %(stalled)s)
            )
        )
    )
);

-- name: turn
-- one takes pieces of a kind at a time, so that what it counts next is exact: how many are worked
-- on, and what was spent. Whoever does not get the turn asks again later
SELECT pg_try_advisory_xact_lock(hashtextextended('rapport.work.' || %(kind)s, 0));

-- name: take
-- leases on pieces that are due, the longest scheduled first: as many as there is room for here, as
-- the kind allows anywhere, and as its budget of today allows. The WHERE of the upsert is evaluated on
-- the row as it is then, so of two that want a piece one gets it
WITH room AS (
    SELECT greatest(0, least(
        %(most)s::bigint,
        %(concurrency)s::bigint - (
            SELECT count(*) FROM work.leases AS l
            WHERE l.kind = %(kind)s AND l.worker IS NOT NULL
            AND l.beat_at >= statement_timestamp() - make_interval(secs => %(stalled)s)
        ),
        CASE WHEN %(a_day)s::bigint IS NOT NULL THEN (
            %(a_day)s::bigint - coalesce((
                SELECT b.spent FROM work.budgets AS b
                WHERE b.kind = %(kind)s AND b.day = (statement_timestamp() AT TIME ZONE 'UTC')::date
            ), 0)
        ) / %(each)s::bigint END,
        CASE WHEN %(most_parked)s <= (
            SELECT count(*) FROM work.leases AS l
            WHERE l.kind = %(kind)s AND l.retry_at = 'infinity'
        ) THEN 0 END
    )) AS pieces
),

ready AS (
    SELECT d.kind, d.subject, d.wanted
    FROM views.due AS d LEFT JOIN work.leases AS l USING (kind, subject)
    WHERE d.kind = %(kind)s AND d.wanted > d.based_on AND d.not_before <= statement_timestamp()
    AND (
        l.kind IS NULL
        OR (
            l.settled < d.wanted AND l.retry_at <= statement_timestamp()
            AND (
                l.worker IS NULL
                OR l.beat_at < statement_timestamp() - make_interval(secs => %(stalled)s)
            )
        )
    )
    ORDER BY d.not_before, d.subject
    LIMIT (SELECT pieces FROM room)
),

taken AS (
    INSERT INTO work.leases AS l (kind, subject, worker, beat_at, attempts)
    SELECT kind, subject, %(worker)s, clock_timestamp(), 1 FROM ready
    ON CONFLICT (kind, subject) DO UPDATE SET
        worker = excluded.worker, beat_at = clock_timestamp(), attempts = l.attempts + 1
    WHERE l.retry_at <= clock_timestamp() AND (
        l.worker IS NULL OR l.beat_at < clock_timestamp() - make_interval(secs => %(stalled)s)
    )
    AND l.settled < (SELECT r.wanted FROM ready AS r WHERE r.subject = excluded.subject)
    RETURNING l.kind, l.subject, l.attempts, l.begun
),

spent AS (
    INSERT INTO work.budgets AS b (kind, day, spent)
    SELECT %(kind)s, (statement_timestamp() AT TIME ZONE 'UTC')::date, count(*) * %(each)s::bigint
    FROM taken
    HAVING count(*) > 0
    ON CONFLICT (kind, day) DO UPDATE SET spent = b.spent + excluded.spent
)

SELECT taken.kind, taken.subject, ready.wanted, taken.attempts, taken.begun
FROM taken JOIN ready USING (kind, subject);

-- name: beat
-- heartbeats; those that do not come back were lost to others
UPDATE work.leases AS l SET beat_at = clock_timestamp()
FROM unnest(%(kinds)s::text[], %(subjects)s::text[]) AS held (kind, subject)
WHERE l.kind = held.kind AND l.subject = held.subject AND l.worker = %(worker)s
RETURNING l.kind, l.subject;

-- name: begin
-- the mark of what is done at most once: from here on it may have been. Nobody gets it twice for what
-- is wanted, also who wakes up when the lease is another's
UPDATE work.leases SET begun = %(wanted)s, beat_at = clock_timestamp()
WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s AND begun < %(wanted)s;

-- name: settle
-- its result is recorded, or refused; until views.due says so too, this does
UPDATE work.leases SET
    worker = NULL, attempts = 0, problem = NULL, retry_at = clock_timestamp(),
    settled = greatest(settled, %(based_on)s)
WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s;

-- name: fail
-- an attempt failed; without a time to wait the piece is parked
UPDATE work.leases SET
    worker = NULL, beat_at = clock_timestamp(), problem = %(problem)s, begun = %(begun)s,
    retry_at = coalesce(clock_timestamp() + make_interval(secs => %(wait)s), 'infinity')
WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s;

-- name: give_back
-- an attempt that came to nothing, through no fault of the piece
UPDATE work.leases SET
    worker = NULL, attempts = attempts - 1,
    retry_at = clock_timestamp() + make_interval(secs => %(wait)s)
WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s;

-- name: report
-- a sign of life of each kind: everything wanted up to its position is done, but for what is parked.
-- And why it does not go on, if it does not
UPDATE views.positions AS p SET
    beat_at = clock_timestamp(),
    seen = (SELECT coalesce(max(notification_id), 0) FROM events.log),
    position = coalesce(state.first - 1, (SELECT position FROM views.positions WHERE name = 'due'), 0),
    moved_at = CASE WHEN state.works OR state.first IS NULL THEN clock_timestamp() ELSE p.moved_at END,
    problem = CASE
        WHEN state.first IS NULL THEN NULL
        WHEN state.parked >= %(most_parked)s THEN format(
            '%%s pieces are parked, so this is no one piece''s fault: %%s', state.parked, state.why
        )
        WHEN state.spent + state.each > state.a_day
            THEN format('%%s of its budget of %%s are spent today', state.spent, state.a_day)
    END
FROM (
    SELECT
        asked.*,
        (
            SELECT min(d.wanted) FROM views.due AS d LEFT JOIN work.leases AS l USING (kind, subject)
            WHERE d.kind = asked.kind AND d.wanted > d.based_on
            AND d.not_before <= statement_timestamp()
            AND (l.kind IS NULL OR (l.settled < d.wanted AND l.retry_at < 'infinity'))
        ) AS first,
        (
            SELECT count(*) FROM work.leases AS l
            WHERE l.kind = asked.kind AND l.retry_at = 'infinity'
        ) AS parked,
        (
            SELECT l.problem FROM work.leases AS l
            WHERE l.kind = asked.kind AND l.retry_at = 'infinity'
            ORDER BY l.beat_at DESC LIMIT 1
        ) AS why,
        coalesce((
            SELECT b.spent FROM work.budgets AS b
            WHERE b.kind = asked.kind AND b.day = (statement_timestamp() AT TIME ZONE 'UTC')::date
        ), 0) AS spent
    FROM unnest(
        %(kinds)s::text[], %(works)s::boolean[], %(a_day)s::bigint[], %(each)s::bigint[]
    ) AS asked (kind, works, a_day, each)
) AS state
WHERE p.name = state.kind AND p.kind = 'work';

-- name: forget_leases
-- leases that say nothing any more: what they settled is in views.due by now, and they mark nothing
-- that must not be done twice. Some at a time
DELETE FROM work.leases
WHERE (kind, subject) IN (
    SELECT l.kind, l.subject FROM work.leases AS l JOIN views.due AS d USING (kind, subject)
    WHERE l.worker IS NULL AND l.problem IS NULL AND l.begun = 0 AND l.settled <= d.based_on
    AND l.beat_at < now() - interval '1 hour'
    LIMIT %(most)s
);
