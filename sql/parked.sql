-- name: parked
-- what these read models have parked: each stream, from which position on, and whether it waits for
-- a newer version
SELECT reader, stream, position, substring(problem, %(awaited)s) IS NOT NULL FROM parked
WHERE reader = ANY(%(names)s);

-- name: park
-- from this position on, a stream waits
INSERT INTO parked (reader, stream, position, problem)
VALUES (%(reader)s, %(stream)s, %(position)s, %(problem)s)
ON CONFLICT (reader, stream) DO NOTHING;

-- name: wait
-- streams that wait for a newer version, each from a position of its own on
INSERT INTO parked (reader, stream, position, problem)
SELECT %(reader)s, one.stream, one.position, one.problem
FROM unnest(%(streams)s::text[], %(positions)s::bigint[], %(problems)s::text[])
    AS one (stream, position, problem)
ON CONFLICT (reader, stream) DO NOTHING;

-- name: unpark
-- these streams wait no more
DELETE FROM parked WHERE reader = %(reader)s AND stream = ANY(%(streams)s);

-- name: drop
-- these streams wait no more, and what waited up to this position is skipped
WITH gone AS (
    DELETE FROM parked WHERE reader = %(reader)s AND stream = ANY(%(streams)s)
    RETURNING reader, stream, position, problem
)

INSERT INTO dropped (reader, stream, position, until, problem)
SELECT reader, stream, position, %(until)s, problem FROM gone
ON CONFLICT (reader, stream, position)
DO UPDATE SET until = excluded.until, problem = excluded.problem, dropped_at = now();

-- name: dropped
-- what was dropped of these read models
SELECT reader, stream, position, until, dropped_at FROM views.dropped WHERE reader = ANY(%(names)s);

-- name: skip
-- what was dropped is skipped in these tables too
INSERT INTO dropped (reader, stream, position, until, problem, dropped_at)
VALUES (%(reader)s, %(stream)s, %(position)s, %(until)s, %(problem)s, %(dropped_at)s)
ON CONFLICT (reader, stream, position) DO NOTHING;

-- name: list_dropped
-- what was dropped, and how many events of it are skipped
SELECT
    d.reader, d.stream, d.position, d.until, d.problem,
    (
        SELECT count(*) FROM events.log AS l
        WHERE l.originator_id = d.stream AND l.notification_id BETWEEN d.position AND d.until
    ) AS events
FROM views.dropped AS d
WHERE %(reader)s::text IS NULL OR d.reader = %(reader)s
ORDER BY d.dropped_at, d.position, d.reader;

-- name: still_parked
-- what was asked for has been tried, and this is why it cannot be done
UPDATE parked SET asked = NULL, position = %(position)s, problem = %(problem)s
WHERE reader = %(reader)s AND stream = %(stream)s;

-- name: requested
-- what somebody wants done; then what waits for an event that is known here; the longest parked first
SELECT reader, stream, position, coalesce(asked, 'replay') AS requested, asked IS NULL AS by_itself
FROM parked
WHERE reader = ANY(%(names)s)
AND (asked IS NOT NULL OR substring(problem, %(awaited)s) = ANY(%(known)s))
ORDER BY by_itself, parked_at, position
LIMIT %(most)s;

-- name: waits_for_us
-- whether streams of these read models wait for events that are known here, and can be replayed here:
-- their tables are of our version
SELECT EXISTS (
    SELECT FROM views.parked AS k JOIN views.positions AS p ON p.name = k.reader
    WHERE substring(k.problem, %(awaited)s) = ANY(%(known)s)
    AND p.name = ANY(%(names)s)
    AND p.version = (%(versions)s::integer[])[array_position(%(names)s::text[], p.name)]
);

-- name: waiting_events
-- events of streams, each from a position of its own on, up to another
SELECT l.notification_id, l.originator_id, l.originator_version, l.topic, l.state
FROM unnest(%(streams)s::text[], %(firsts)s::bigint[]) AS s (stream, first)
JOIN events.log AS l ON l.originator_id = s.stream AND l.notification_id >= s.first
WHERE l.notification_id <= %(until)s
ORDER BY l.notification_id;

-- name: in_turn
-- whoever adds to the belated messages does so alone, so that their numbers show up in their order
SELECT pg_advisory_xact_lock(hashtextextended('rapport.belated', 0));

-- name: belated
-- to whom feeds have said something of what they had parked, after a number; and the last such
SELECT event_id, member_id, max(seq) FROM views.belated WHERE seq > %(after)s GROUP BY 1, 2;

-- name: is_belated
-- whether this belated message is there, and so all before it
SELECT EXISTS (
    SELECT FROM views.belated
    WHERE seq = %(seq)s AND event_id = %(scope_id)s AND member_id = %(member_id)s
);

-- name: forget_belated
-- what everybody who comes back has been told by now
DELETE FROM views.belated WHERE said_at < now() - interval '1 day';

-- name: tell
-- what is parked has changed
SELECT pg_notify('parked', %(reader)s);

-- name: readers
-- who reads the log
SELECT name FROM views.positions ORDER BY name;

-- name: stream_at
-- of which stream an event is that cannot be read
SELECT originator_id FROM events.log WHERE notification_id = %(position)s;

-- name: listen
-- hear of what is parked
LISTEN parked;

-- name: read_models
-- how far all of them have come, of which version they are, and what each has parked up to there
SELECT
    p.name, p.position, p.version,
    (SELECT json_object_agg(k.stream, k.position) FROM views.parked AS k WHERE k.reader = p.name)
FROM views.positions AS p WHERE p.kind = 'read_model';

-- name: list
-- what is parked, and how many events of it wait; and pieces of work, each of a kind and a subject
SELECT
    k.reader, k.stream, k.position, k.problem, k.asked AS requested,
    extract(epoch FROM clock_timestamp() - k.parked_at)::float8 AS age,
    (
        SELECT count(*) FROM events.log AS l
        WHERE l.originator_id = k.stream AND l.notification_id >= k.position
    ) AS events,
    false AS is_work
FROM views.parked AS k
WHERE (%(stream)s::text IS NULL OR k.stream = %(stream)s)
AND (%(reader)s::text IS NULL OR k.reader = %(reader)s)
UNION ALL
SELECT
    l.kind, l.subject, d.wanted, l.problem, NULL,
    extract(EPOCH FROM clock_timestamp() - l.beat_at)::float8, 1, true
FROM work.leases AS l JOIN views.due AS d USING (kind, subject)
WHERE work.is_parked(l, d.wanted, d.based_on)
AND (%(stream)s::text IS NULL OR l.subject = %(stream)s)
AND (%(reader)s::text IS NULL OR l.kind = %(reader)s)
ORDER BY age DESC, position, reader;

-- name: waiting
-- the events that wait, as they are written
SELECT notification_id, topic, state FROM events.log
WHERE originator_id = %(stream)s AND notification_id >= %(position)s
ORDER BY notification_id;

-- name: ask
-- that somebody who leads do this. A piece of work needs nobody: it may be taken again, also where it
-- may have been done; or what is wanted of it so far is left out
WITH work_asked AS (
    UPDATE work.leases AS l SET
        attempts = 0, problem = NULL, retry_at = clock_timestamp(), begun = 0,
        settled = CASE WHEN %(asked)s = 'drop' THEN %(position)s ELSE l.settled END
    WHERE l.kind = %(reader)s AND l.subject = %(stream)s AND l.retry_at = 'infinity'
)

UPDATE views.parked SET asked = %(asked)s WHERE reader = %(reader)s AND stream = %(stream)s;

-- name: alive
-- whether anybody keeps this reader
SELECT clock_timestamp() - beat_at < interval '5s' FROM views.positions WHERE name = %(reader)s;
