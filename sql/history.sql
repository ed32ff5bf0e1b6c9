-- name: begin
-- a batch; what it reads once it has the lock is what there is then
BEGIN ISOLATION LEVEL READ COMMITTED;

-- name: commit
-- a batch
COMMIT;

-- name: lock_timeout
-- how long a writer waits for the lock before it says that the store is busy
SET lock_timeout = '5s';

-- name: lock
-- one batch is written at a time, so positions become visible in their order. Unlike a lock on
-- the table, this one does not meet VACUUM or CREATE INDEX CONCURRENTLY.
SELECT pg_advisory_xact_lock(hashtextextended('rapport.events.log', 0));

-- name: end
-- the last position there is
SELECT coalesce(max(notification_id), 0) FROM events.log;

-- name: last
-- the last event there is
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
ORDER BY notification_id DESC
LIMIT 1;

-- name: tail
-- the last event that was seen, by which it shows whether the past is still the same, and what
-- others recorded after it
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE notification_id >= %(seen)s
ORDER BY notification_id
LIMIT %(most)s;

-- name: load
-- whole streams, to be folded
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE originator_id = ANY(%(streams)s)
ORDER BY originator_id, originator_version;

-- name: load_after
-- streams from a version on, so many events of each
SELECT
    l.notification_id, l.originator_id, l.originator_version, l.topic, l.state
FROM unnest(%(streams)s::text[], %(after)s::bigint[]) AS s (stream, after)
CROSS JOIN LATERAL (
    SELECT * FROM events.log
    WHERE originator_id = s.stream AND originator_version > s.after
    ORDER BY originator_version
    LIMIT %(most)s
) AS l
ORDER BY l.originator_id, l.originator_version;

-- name: keys
-- the first replies to these keys, each with the position it stands on
SELECT k.principal, k.key, k.fingerprint, k.problem, k.reply, coalesce(l.notification_id, 0)
FROM unnest(%(principals)s::text[], %(keys)s::text[]) AS asked (principal, key)
JOIN events.command_keys AS k USING (principal, key)
LEFT JOIN events.log AS l USING (originator_id, originator_version);

-- name: count_keys
-- how many keys there are of each of these principals, counted as far as a number
SELECT asked.principal, kept.number
FROM unnest(%(principals)s::text[]) AS asked (principal)
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM (
        SELECT FROM events.command_keys AS k WHERE k.principal = asked.principal LIMIT %(most)s
    ) AS counted
) AS kept;

-- name: remember_keys
-- a reply that must be given again
INSERT INTO events.command_keys (
    principal, key, fingerprint, problem, reply, originator_id, originator_version
)
SELECT * FROM unnest(
    %(principals)s::text[], %(keys)s::text[], %(fingerprints)s::bytea[], %(problems)s::text[],
    %(replies)s::bytea[], %(streams)s::text[], %(versions)s::bigint[]
);

-- name: remember_refusals
-- why commands of a bulk were refused
INSERT INTO events.bulk_refusals (originator_id, command, principal, problem, reply)
SELECT * FROM unnest(
    %(streams)s::text[], %(commands)s::integer[], %(principals)s::text[], %(problems)s::text[],
    %(replies)s::bytea[]
);

-- name: refusals
-- why commands of a bulk were refused, as far as that is not forgotten
SELECT command, reply FROM events.bulk_refusals WHERE originator_id = %(stream)s;

-- name: check_versions
-- fails where one of these streams has an event, which is committed, after the version that a
-- decision stands on
SELECT events.check_versions(%(streams)s::text[], %(versions)s::bigint[]);

-- name: written
-- were these recorded, before the connection was lost? All of them were, or none.
SELECT l.notification_id
FROM unnest(%(streams)s::text[], %(versions)s::bigint[], %(states)s::bytea[])
    AS mine (originator_id, originator_version, state)
JOIN events.log AS l USING (originator_id, originator_version, state)
ORDER BY l.notification_id;

-- name: seal_with
-- each person's last key, which is the living one: null where it was destroyed, and where there never
-- was one
SELECT asked.person, coalesce(latest.number, 0), latest.key
FROM unnest(%(persons)s::text[]) AS asked (person)
LEFT JOIN LATERAL (
    SELECT k.number, k.key FROM events.person_keys AS k
    WHERE k.person = asked.person
    ORDER BY k.number DESC
    LIMIT 1
) AS latest ON true;

-- name: master_key
-- whether keys of persons are wrapped, and with which: null where that is up to who makes the first
SELECT check_value FROM events.master_key;

-- name: settle_master_key
-- with this one, from the first on
UPDATE events.master_key SET check_value = %(check)s WHERE check_value IS NULL;

-- name: make_keys
-- a key for each person who has none that lives
INSERT INTO events.person_keys (person, number, key)
SELECT * FROM unnest(%(persons)s::text[], %(numbers)s::integer[], %(keys)s::bytea[]);

-- name: opening
-- these keys, but for those that were destroyed
SELECT person, number, key
FROM unnest(%(persons)s::text[], %(numbers)s::integer[]) AS asked (person, number)
JOIN events.person_keys AS k USING (person, number)
WHERE k.key IS NOT NULL;

-- name: forget_keys
-- keys older than they have to be. Those of a reaction name the position of an event: they have to be
-- there for as long as that event may come again. So many of the old ones are looked at, the next after
-- one: where a reaction is far behind, those that stay must not be looked at each time anew. The last
-- one that was looked at, how many were, and how many of these stay
WITH old AS MATERIALIZED (
    SELECT k.principal, k.key, k.recorded_at, event.position
    FROM events.command_keys AS k
    CROSS JOIN LATERAL (
        SELECT CASE WHEN k.principal LIKE 'reaction:%%' AND k.key ~ '^[0-9]{1,18}:[0-9]+$'
            THEN split_part(k.key, ':', 1)::bigint END
    ) AS event (position)
    WHERE k.recorded_at < now() - interval '48 hours'
    AND k.recorded_at >= %(recorded_at)s::timestamptz
    AND (k.recorded_at, k.principal, k.key) > (
        %(recorded_at)s::timestamptz, %(principal)s::text COLLATE "C", %(key)s::text COLLATE "C"
    )
    ORDER BY k.recorded_at, k.principal, k.key
    LIMIT %(most)s
),

gone AS (
    DELETE FROM events.command_keys AS k USING old
    WHERE k.principal = old.principal AND k.key = old.key
    AND (old.position IS NULL OR NOT EXISTS (
        SELECT FROM views.positions AS p
        WHERE p.kind = 'reaction' AND 'reaction:' || p.name = old.principal
        AND (p.position < old.position OR EXISTS (
            SELECT FROM views.parked AS waits
            JOIN events.log AS l ON l.originator_id = waits.stream
            WHERE waits.reader = p.name AND waits.position <= old.position
            AND l.notification_id = old.position
        ))
    ))
    RETURNING k.key
)

SELECT
    last.recorded_at, last.principal, last.key, looked.at,
    looked.at - (SELECT count(*) FROM gone) AS kept
FROM (SELECT count(*) AS at FROM old) AS looked
CROSS JOIN (
    SELECT recorded_at, principal, key FROM old ORDER BY recorded_at DESC, principal DESC, key DESC LIMIT 1
) AS last;

-- name: forget_refusals
-- refusals in bulks that are older than replies are kept, some at a time
DELETE FROM events.bulk_refusals
WHERE (originator_id, command) IN (
    SELECT originator_id, command
    FROM events.bulk_refusals
    WHERE recorded_at < now() - interval '48 hours'
    ORDER BY recorded_at
    LIMIT %(most)s
);
