-- name: may_hold
-- streams of these aggregates that may hold personal data of somebody, by their events after a
-- position: the person's own streams, and those that name them. A speaker's id is unique only within
-- a scope, which is then given
SELECT DISTINCT l.originator_id
FROM unnest(%(aggregates)s::text[]) AS a (name)
JOIN events.log AS l ON l.originator_id >= a.name || ':' AND l.originator_id < a.name || ';'
WHERE l.notification_id > %(since)s
AND %(scope)s::text IN ('', split_part(l.originator_id, ':', 2)) AND (
    split_part(l.originator_id, ':', 3) = %(id)s::text
    OR position(convert_to('"' || %(id)s::text || '"', 'UTF8') IN l.state) > 0
);

-- name: destroy
-- destroys all keys of a person: what they encrypted can never be read again
UPDATE events.person_keys SET key = NULL, erased_at = now()
WHERE person = %(person)s AND key IS NOT NULL
RETURNING number;

-- name: tell_of_erasure
-- notifies processes that keep something of the person in memory
SELECT pg_notify('people', '');

-- name: forget_replies
-- deletes stored replies to a person, or that name them: bodies as a JSON text, refusals as a word
DELETE FROM events.command_keys
WHERE principal = %(id)s OR position(convert_to('"' || %(id)s || '"', 'UTF8') IN reply) > 0
OR (problem IS NOT NULL AND convert_from(reply, 'UTF8') ~ (
    '(^|[^[:alnum:]_-])' || regexp_replace(%(id)s, '([][(){}*+?|^$.\\])', '\\\1', 'g')
    || '($|[^[:alnum:]_-])'
));

-- name: forget_refusals_about
-- deletes stored refusals in bulks of a person, or that name them
DELETE FROM events.bulk_refusals
WHERE principal = %(id)s OR convert_from(reply, 'UTF8') ~ (
    '(^|[^[:alnum:]_-])' || regexp_replace(%(id)s, '([][(){}*+?|^$.\\])', '\\\1', 'g')
    || '($|[^[:alnum:]_-])'
);

-- name: erased_at
-- when a person was erased last, if they were
SELECT max(erased_at) FROM events.person_keys WHERE person = %(person)s;

-- name: speakers_with_id
-- speakers of any event who have this id, as persons
SELECT DISTINCT person FROM events.person_keys
WHERE split_part(person, ':', 2) = %(id)s AND key IS NOT NULL
ORDER BY 1;

-- name: held_back
-- which read models have parked or dropped something of these streams
SELECT stream, reader, 'parked' FROM views.parked WHERE stream = ANY(%(streams)s)
UNION ALL
SELECT DISTINCT stream, reader, 'dropped' FROM views.dropped WHERE stream = ANY(%(streams)s)
ORDER BY 1, 2;

-- name: vacuum
-- gives the statements after which no table and no statistics have an old version of a row, unless a
-- transaction of before may still see it
SELECT format('VACUUM (ANALYZE) %I.%I', schemaname, tablename)
FROM pg_tables
WHERE schemaname = 'views' OR (schemaname = 'events' AND tablename IN ('command_keys', 'bulk_refusals'))
ORDER BY schemaname, tablename;

-- name: vacuum_keys
-- rewrites the table of keys, which is small. A destroyed one that a transaction of before may still
-- see is taken along: how many these are is said in a notice
VACUUM (FULL, ANALYZE, VERBOSE) events.person_keys;

-- name: short_lock_timeout
-- writers would queue behind us while we wait for a lock
SET lock_timeout = '100ms';

-- name: statistics
-- values of each column that the statistics of the planner hold
SELECT
    format('the statistics of %s.%s.%s', schemaname, tablename, attname),
    concat_ws(' ', most_common_vals, histogram_bounds, most_common_elems)
FROM pg_stats
WHERE schemaname NOT IN ('pg_catalog', 'information_schema');

-- name: events_about
-- events on the streams of a person, by them, or that name them
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE split_part(originator_id, ':', 3) = %(id)s::text
OR position(convert_to('"' || %(id)s::text || '"', 'UTF8') IN state) > 0
ORDER BY notification_id;

-- name: snapshot
-- all statements that follow see the database as of one moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: rows_about
-- gives the statements that select all rows about a person, one for each table of a read model
SELECT format(
    'SELECT %%L, to_json(t)::text FROM views.%%I AS t WHERE t.%%I = %%%%(id)s '
    'AND %%%%(scope)s::text IN ('''', t.event_id) ORDER BY t::text',
    table_name, table_name, column_name
)
FROM information_schema.columns
WHERE table_schema = 'views' AND column_name = %(column)s
ORDER BY table_name;

-- name: replies_to
-- replies that are stored under the Idempotency-Keys of a person, and refusals in their bulks
SELECT key, recorded_at, problem, convert_from(reply, 'UTF8')
FROM events.command_keys
WHERE principal = %(id)s
UNION ALL
SELECT originator_id || ' ' || command, recorded_at, problem, convert_from(reply, 'UTF8')
FROM events.bulk_refusals
WHERE principal = %(id)s
ORDER BY 2, 1;
