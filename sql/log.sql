-- name: in_utc
-- else a moment of long ago would come with an offset that has seconds
SET TIME ZONE 'UTC';

-- name: no_jit
-- a statement that may answer many asks is planned for as many, and few come: to compile it would
-- take longer than to run it
SET jit = off;

-- name: at_most_5_seconds
-- of a statement whose rows somebody waits for
SET statement_timeout = '5s';

-- name: at_most_30_seconds
-- of a statement that goes through all of a scope
SET statement_timeout = '30s';

-- name: ends_with_its_client
-- of a process that may be killed at its work: the statement need not go on
SET client_connection_check_interval = '1s';

-- name: length
-- how many events these streams have
SELECT coalesce(sum(tail.originator_version), 0)::bigint
FROM unnest(%(streams)s::text[]) AS own (stream)
CROSS JOIN LATERAL (
    SELECT originator_version FROM events.log WHERE originator_id = own.stream
    ORDER BY originator_version DESC LIMIT 1
) AS tail;

-- name: page
-- the log in its order
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE notification_id > %(after)s AND notification_id <= %(until)s
ORDER BY notification_id
LIMIT %(most)s;

-- name: streams
-- a few streams in the order of the log, from a position up to another, without what was dropped of
-- them in a read model, if one is named
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE originator_id = ANY(%(streams)s)
AND notification_id >= %(first)s AND notification_id <= %(until)s
AND NOT EXISTS (
    SELECT FROM views.dropped AS d
    WHERE d.reader = %(read_model)s AND d.stream = originator_id
    AND notification_id BETWEEN d.position AND d.until
)
ORDER BY notification_id;

-- name: scope
-- what is recorded of a scope by these aggregates, between two positions, in the order of the log. A
-- stream's name begins with its aggregate and its scope, and `;` is what follows `:`
SELECT
    l.notification_id, l.originator_id, l.originator_version, l.topic, l.state
FROM unnest(%(aggregates)s::text[]) AS a (name)
JOIN events.log AS l
    ON l.originator_id >= a.name || ':' || %(scope_id)s::text
    AND l.originator_id < a.name || ':' || %(scope_id)s::text || ';'
WHERE split_part(l.originator_id, ':', 2) = %(scope_id)s::text
AND l.notification_id > %(after)s AND l.notification_id <= %(until)s
ORDER BY l.notification_id
LIMIT %(most)s;

-- name: end
-- the last position there is
SELECT coalesce(max(notification_id), 0) FROM events.log;

-- name: ground
-- what stands on these streams and a read model: their last position; the version and epoch of the
-- read model, and which events are the last ones, since another past has others at their positions;
-- and the last position there is
SELECT
    coalesce(max(tail.notification_id), 0),
    concat_ws(
        ' ',
        (SELECT version || '.' || turn FROM views.positions WHERE name = %(read_model)s),
        string_agg(tail.notification_id || '.' || md5(tail.state), ' ' ORDER BY own.stream)
    ),
    (SELECT coalesce(max(notification_id), 0) FROM events.log)
FROM unnest(%(streams)s::text[]) AS own (stream)
CROSS JOIN LATERAL (
    SELECT notification_id, state FROM events.log WHERE originator_id = own.stream
    ORDER BY originator_version DESC LIMIT 1
) AS tail;

-- name: past
-- by which it shows that the past has changed: which database this is, of which cluster, on which
-- timeline; what the events at some positions are, none where there is no such event; the last
-- position there is, and what event that is
WITH event AS (
    SELECT
        l.notification_id AS position,
        concat_ws(' ', l.originator_id, l.originator_version, md5(l.state)) AS identity
    FROM events.log AS l
    WHERE l.notification_id = ANY(%(seen)s::bigint[])
    OR l.notification_id = (SELECT max(notification_id) FROM events.log)
)

SELECT
    concat_ws(
        ':',
        (SELECT system_identifier FROM pg_control_system()),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        CASE WHEN NOT pg_is_in_recovery()
            THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END
    ),
    (
        SELECT array_agg(event.identity ORDER BY seen.place)
        FROM unnest(%(seen)s::bigint[]) WITH ORDINALITY AS seen (position, place)
        LEFT JOIN event USING (position)
    ),
    coalesce((SELECT max(position) FROM event), 0),
    (SELECT identity FROM event ORDER BY position DESC LIMIT 1);

-- name: is_leader
-- takes the lead for as long as this connection lives, if nobody has it
SELECT pg_try_advisory_lock(hashtextextended('rapport.' || %(name)s, 0));

-- name: depose
-- ends the connection of whoever leads and knows fewer events than we do, as the last part of its
-- name says (programs of before say nothing); and fences off what it is about to write
WITH deposed AS (
    SELECT pg_terminate_backend(a.pid)
    FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended('rapport.' || %(name)s, 0)
    AND coalesce(substring(a.application_name, ' (\d+)$')::integer, 0)
    < substring(current_setting('application_name'), ' (\d+)$')::integer
    AND pg_has_role(a.usesysid, 'USAGE')  -- whom it may not end it would not even know the name of
)

UPDATE views.positions SET turn = turn + 1
WHERE name = ANY(%(names)s) AND (SELECT count(*) FROM deposed) > 0;

-- name: end_silent_session
-- the lead is lost by who says nothing for so long; who leads, or wants to, does so every second
SET idle_session_timeout = '10s';

-- name: keep
-- that something
SELECT 1;

-- name: in_schema
-- where names without a schema are: the read models, or the copy of one that is being rebuilt. What
-- keeps positions and parked streams says them so: enrol, ours, advance, epoch, beat, work, stuck
-- here, and in parked.sql parked, park, unpark, drop, skip, requested, still_parked. And in UTC
SELECT set_config('search_path', %(schema)s, false), set_config('TimeZone', 'UTC', false);

-- name: enrol
-- a reader of the log has a position: one that was set aside, or else before the first event
WITH kept AS (
    DELETE FROM views.set_aside WHERE name = ANY(%(names)s) RETURNING name, version, position
)

INSERT INTO positions (name, kind, version, position, seen, began)
SELECT
    asked.name, %(kind)s, coalesce(kept.version, asked.version),
    coalesce(kept.position, 0), coalesce(kept.position, 0),
    CASE
        WHEN kept.name IS NULL THEN (SELECT coalesce(max(notification_id), 0) FROM events.log)
        ELSE 0
    END
FROM unnest(%(names)s::text[], %(versions)s::integer[]) WITH ORDINALITY AS asked (name, version, place)
LEFT JOIN kept USING (name)
ORDER BY asked.place
ON CONFLICT (name) DO NOTHING;

-- name: positions
-- how far these have come
SELECT name, position FROM views.positions WHERE name = ANY(%(names)s);

-- name: ours
-- how far those of these have come that are of the version that we know, and their epoch
SELECT name, position, turn AS epoch FROM positions
WHERE name = ANY(%(names)s)
AND version = (%(versions)s::integer[])[array_position(%(names)s::text[], name)];

-- name: advance
-- the fence: moves only those that stand where we think they do, are of the version we know, and
-- have parked what we know. Rows are written in the same transaction. So of two who both think that
-- they lead, the second waits here for the first to commit, then finds fewer rows than it named,
-- and rolls back: no page is applied twice
UPDATE positions
SET
    position = %(to)s, seen = greatest(seen, %(to)s), problem = NULL,
    beat_at = clock_timestamp(), moved_at = clock_timestamp()
WHERE name = ANY(%(names)s) AND position = %(after)s
AND version = (%(versions)s::integer[])[array_position(%(names)s::text[], name)]
AND turn = (%(epochs)s::bigint[])[array_position(%(names)s::text[], name)];

-- name: no_sync_commit
-- for readers of the log: of what says nothing but a position, a crash of the server may take a
-- little, which is found again
SET synchronous_commit = off;

-- name: sync_commit
-- for rows, which members hear of as soon as they are there: whoever heard of them comes back with
-- their position, and would hear of them twice if they were gone and made again
SET LOCAL synchronous_commit = on;

-- name: pass
-- the fence again, for a page of which nothing is written: without a transaction around it, and with
-- the notification. A row for each that has moved
WITH moved AS (
    UPDATE positions
    SET
        position = %(to)s, seen = greatest(seen, %(to)s), problem = NULL,
        beat_at = clock_timestamp(), moved_at = clock_timestamp()
    WHERE name = ANY(%(names)s) AND position = %(after)s
    AND version = (%(versions)s::integer[])[array_position(%(names)s::text[], name)]
    AND turn = (%(epochs)s::bigint[])[array_position(%(names)s::text[], name)]
    RETURNING name
),

told AS (
    SELECT pg_notify('views', %(to)s::bigint::text || ' ' || string_agg(name, ' ')) FROM moved
    HAVING count(*) > 0
)

SELECT moved.name FROM moved, told;

-- name: work
-- still here, with a piece of work that takes long
UPDATE positions SET beat_at = clock_timestamp(), moved_at = clock_timestamp()
WHERE name = ANY(%(names)s);

-- name: epoch
-- the fence, where no position moves: whoever read the epoch before has lost the lead
UPDATE positions SET turn = turn + 1, beat_at = clock_timestamp()
WHERE name = %(name)s AND position = %(position)s AND version = %(version)s AND turn = %(epoch)s;

-- name: beat
-- still here, with nothing to do up to the end of the log
UPDATE positions
SET
    beat_at = clock_timestamp(),
    seen = (SELECT coalesce(max(notification_id), 0) FROM events.log)
WHERE name = ANY(%(names)s);

-- name: stuck
-- saw the log up to here, and cannot go on
UPDATE positions
SET seen = greatest(seen, %(seen)s), problem = %(problem)s, beat_at = clock_timestamp()
WHERE name = %(name)s;

-- name: tell
-- these read models have moved on, to this position
SELECT pg_notify('views', %(to)s || ' ' || array_to_string(%(names)s::text[], ' '));

-- name: listen
-- hear of read models that move on
LISTEN views;

-- name: listen_for_erasures
-- hear of people who are forgotten
LISTEN people;
