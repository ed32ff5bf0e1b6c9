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
            l.settled < d.wanted AND (l.retry_at <= statement_timestamp() OR l.wanted <= d.based_on)
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
-- the kind allows anywhere, and as its budget of today allows. Where the last piece of this subject
-- has its result after all, its failures say nothing of this one. The WHERE of the upsert is
-- evaluated on the row as it is then, so of two that want a piece one gets it
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
            SELECT count(*) FROM work.leases AS l JOIN views.due AS d USING (kind, subject)
            WHERE l.kind = %(kind)s AND work.is_parked(l, d.wanted, d.based_on)
        ) THEN 0 END
    )) AS pieces
),

ready AS (
    SELECT d.kind, d.subject, d.wanted, d.based_on
    FROM views.due AS d LEFT JOIN work.leases AS l USING (kind, subject)
    WHERE d.kind = %(kind)s AND d.wanted > d.based_on AND d.not_before <= statement_timestamp()
    AND (
        l.kind IS NULL
        OR (
            l.settled < d.wanted AND (l.retry_at <= statement_timestamp() OR l.wanted <= d.based_on)
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
    INSERT INTO work.leases AS l (kind, subject, wanted, worker, number, beat_at, attempts)
    SELECT kind, subject, wanted, %(worker)s, 1, clock_timestamp(), 1 FROM ready
    ON CONFLICT (kind, subject) DO UPDATE SET
        wanted = excluded.wanted, worker = excluded.worker, number = l.number + 1,
        beat_at = clock_timestamp(), retry_at = least(l.retry_at, clock_timestamp()),
        attempts = 1 + CASE
            WHEN l.wanted > (SELECT r.based_on FROM ready AS r WHERE r.subject = l.subject)
                THEN l.attempts
            ELSE 0
        END,
        problem = CASE
            WHEN l.wanted > (SELECT r.based_on FROM ready AS r WHERE r.subject = l.subject)
                THEN l.problem
        END
    WHERE (l.worker IS NULL OR l.beat_at < clock_timestamp() - make_interval(secs => %(stalled)s))
    AND EXISTS (
        SELECT FROM ready AS r
        WHERE r.subject = l.subject AND l.settled < r.wanted
        AND (l.retry_at <= clock_timestamp() OR l.wanted <= r.based_on)
    )
    RETURNING l.kind, l.subject, l.wanted, l.attempts, l.begun, l.number
),

spent AS (
    INSERT INTO work.budgets AS b (kind, day, spent)
    SELECT %(kind)s, (statement_timestamp() AT TIME ZONE 'UTC')::date, count(*) * %(each)s::bigint
    FROM taken
    HAVING count(*) > 0
    ON CONFLICT (kind, day) DO UPDATE SET spent = b.spent + excluded.spent
)

SELECT
    kind, subject, wanted, attempts, begun, number,
    (statement_timestamp() AT TIME ZONE 'UTC')::date AS day
FROM taken;

-- name: beat
-- heartbeats; those that do not come back were lost to others
UPDATE work.leases AS l SET beat_at = clock_timestamp()
FROM unnest(%(kinds)s::text[], %(subjects)s::text[], %(numbers)s::bigint[])
    AS held (kind, subject, number)
WHERE l.kind = held.kind AND l.subject = held.subject AND l.worker = %(worker)s
AND l.number = held.number
RETURNING l.kind, l.subject;

-- name: begin
-- the mark of what is done at most once: from here on it may have been. Nobody gets it twice for what
-- is wanted, also who wakes up when the lease is another's
UPDATE work.leases SET begun = %(wanted)s, beat_at = clock_timestamp()
WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s AND number = %(number)s
AND begun < %(wanted)s;

-- name: settle
-- its result is recorded, or refused; until views.due says so too, this does
UPDATE work.leases SET
    worker = NULL, attempts = 0, problem = NULL, retry_at = clock_timestamp(),
    settled = greatest(settled, %(based_on)s)
WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s AND number = %(number)s;

-- name: fail
-- an attempt failed; without a time to wait the piece is parked. What was not spent is given back
WITH failed AS (
    UPDATE work.leases SET
        worker = NULL, beat_at = clock_timestamp(), problem = %(problem)s, begun = %(begun)s,
        retry_at = coalesce(clock_timestamp() + make_interval(secs => %(wait)s), 'infinity')
    WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s AND number = %(number)s
    RETURNING kind
)

UPDATE work.budgets AS b SET spent = b.spent - %(unspent)s
FROM failed WHERE b.kind = failed.kind AND b.day = %(day)s AND %(unspent)s > 0;

-- name: give_back
-- an attempt that came to nothing, through no fault of the piece; and what it did not spend
WITH given_back AS (
    UPDATE work.leases SET
        worker = NULL, attempts = attempts - 1,
        retry_at = clock_timestamp() + make_interval(secs => %(wait)s)
    WHERE kind = %(kind)s AND subject = %(subject)s AND worker = %(worker)s AND number = %(number)s
    RETURNING kind
)

UPDATE work.budgets AS b SET spent = b.spent - %(unspent)s
FROM given_back WHERE b.kind = given_back.kind AND b.day = %(day)s AND %(unspent)s > 0;

-- name: report
-- a sign of life of each kind, once a second from whichever process comes first: everything wanted
-- up to its position is done, but for what is parked. And why it does not go on, if it does not:
-- it has moved while a piece is in work, in whatever process, or all that is due waits for its next
-- attempt
WITH state AS MATERIALIZED (
    SELECT
        asked.*,
        (
            SELECT d.wanted FROM views.due AS d LEFT JOIN work.leases AS l USING (kind, subject)
            WHERE d.kind = asked.kind AND d.wanted > d.based_on
            AND d.not_before <= statement_timestamp()
            AND (
                l.kind IS NULL
                OR (l.settled < d.wanted AND NOT work.is_parked(l, d.wanted, d.based_on))
            )
            ORDER BY d.wanted LIMIT 1
        ) AS first,
        EXISTS (
            SELECT FROM views.due AS d LEFT JOIN work.leases AS l USING (kind, subject)
            WHERE d.kind = asked.kind AND d.wanted > d.based_on
            AND d.not_before <= statement_timestamp()
            AND (
                l.kind IS NULL
                OR (
                    l.settled < d.wanted
                    AND (l.retry_at <= statement_timestamp() OR l.wanted <= d.based_on)
                )
            )
        ) AS is_ready,
        EXISTS (
            SELECT FROM work.leases AS l
            WHERE l.kind = asked.kind AND l.worker IS NOT NULL
            AND l.beat_at >= statement_timestamp() - make_interval(secs => %(stalled)s)
        ) AS works,
        parked.pieces AS parked, parked.why,
        coalesce((
            SELECT b.spent FROM work.budgets AS b
            WHERE b.kind = asked.kind AND b.day = (statement_timestamp() AT TIME ZONE 'UTC')::date
        ), 0) AS spent
    FROM unnest(%(kinds)s::text[], %(a_day)s::bigint[], %(each)s::bigint[])
        AS asked (kind, a_day, each)
    JOIN views.positions AS p ON p.name = asked.kind AND p.kind = 'work'
    CROSS JOIN LATERAL (
        SELECT count(*) AS pieces, (array_agg(l.problem ORDER BY l.beat_at DESC))[1] AS why
        FROM work.leases AS l JOIN views.due AS d USING (kind, subject)
        WHERE l.kind = asked.kind AND work.is_parked(l, d.wanted, d.based_on)
    ) AS parked
    WHERE p.beat_at <= statement_timestamp() - make_interval(secs => %(every)s)
)

UPDATE views.positions AS p SET
    beat_at = clock_timestamp(),
    seen = (SELECT coalesce(max(notification_id), 0) FROM events.log),
    position = coalesce(state.first - 1, (SELECT position FROM views.positions WHERE name = 'due'), 0),
    moved_at = CASE WHEN state.works OR NOT state.is_ready THEN clock_timestamp() ELSE p.moved_at END,
    problem = CASE
        WHEN state.first IS NULL THEN NULL
        WHEN state.parked >= %(most_parked)s THEN format(
            '%%s pieces are parked, so this is no one piece''s fault: %%s', state.parked, state.why
        )
        WHEN state.spent + state.each > state.a_day
            THEN format('%%s of its budget of %%s are spent today', state.spent, state.a_day)
    END
FROM state
WHERE p.name = state.kind AND p.kind = 'work';

-- name: forget_leases
-- leases that say nothing any more: all that they say is of results that views.due knows, or of
-- pieces that it does not know. A mark of what may have been done stays. Some at a time
DELETE FROM work.leases
WHERE (kind, subject) IN (
    SELECT l.kind, l.subject FROM work.leases AS l LEFT JOIN views.due AS d USING (kind, subject)
    WHERE l.beat_at < now() - interval '1 hour'
    AND CASE
        WHEN d.kind IS NULL THEN l.begun <= l.settled
        ELSE greatest(l.wanted, l.begun, l.settled) <= d.based_on
    END
    LIMIT %(most)s
);
