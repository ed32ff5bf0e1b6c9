-- name: may_hold
-- streams of these aggregates that may hold what is personal of somebody: theirs, or one that
-- names them; by their events after a position. A scope is given for a speaker, who is somebody
-- only there
SELECT DISTINCT l.originator_id
FROM unnest(%(aggregates)s::text[]) AS a (name)
JOIN events.log AS l ON l.originator_id >= a.name || ':' AND l.originator_id < a.name || ';'
WHERE l.notification_id > %(since)s
AND %(scope)s::text IN ('', split_part(l.originator_id, ':', 2)) AND (
    split_part(l.originator_id, ':', 3) = %(id)s::text
    OR position(convert_to('"' || %(id)s::text || '"', 'UTF8') IN l.state) > 0
);

-- name: destroy
-- all keys of a person; nobody opens again what they sealed
UPDATE events.person_keys SET key = NULL, erased_at = now()
WHERE person = %(person)s AND key IS NOT NULL
RETURNING number;

-- name: tell_of_erasure
-- who keeps anything in memory is to forget it
SELECT pg_notify('people', '');

-- name: forget_replies
-- kept replies to somebody, or that name them
DELETE FROM events.command_keys
WHERE principal = %(id)s OR position(convert_to('"' || %(id)s || '"', 'UTF8') IN reply) > 0;

-- name: erased_at
-- when a person was erased last, if they were
SELECT max(erased_at) FROM events.person_keys WHERE person = %(person)s;

-- name: speakers_called
-- those who speak somewhere under an id, as persons
SELECT DISTINCT person FROM events.person_keys
WHERE split_part(person, ':', 2) = %(id)s AND key IS NOT NULL
ORDER BY 1;

-- name: held_back
-- which read models have parked these streams, or left something out of them
SELECT stream, reader, 'parked' FROM views.parked WHERE stream = ANY(%(streams)s)
UNION ALL
SELECT DISTINCT stream, reader, 'dropped' FROM views.dropped WHERE stream = ANY(%(streams)s)
ORDER BY 1, 2;

-- name: sweep
-- what is to be executed so that no table and no statistics keep a row as it was
SELECT format('VACUUM (ANALYZE) %I.%I', schemaname, tablename)
FROM pg_tables
WHERE schemaname = 'views' OR (schemaname, tablename) = ('events', 'command_keys')
ORDER BY schemaname, tablename;

-- name: sweep_keys
-- no file keeps a key. They are few: their table is written anew
VACUUM (FULL, ANALYZE) events.person_keys;

-- name: impatient
-- nobody is to queue behind us for long
SET lock_timeout = '100ms';

-- name: statistics
-- what the planner remembers of each column
SELECT
    format('the statistics of %s.%s.%s', schemaname, tablename, attname),
    concat_ws(' ', most_common_vals, histogram_bounds, most_common_elems)
FROM pg_stats
WHERE schemaname NOT IN ('pg_catalog', 'information_schema');

-- name: naming
-- every event that is of somebody, by them, or names them
SELECT notification_id, originator_id, originator_version, topic, state
FROM events.log
WHERE split_part(originator_id, ':', 3) = %(id)s::text
OR position(convert_to('"' || %(id)s::text || '"', 'UTF8') IN state) > 0
ORDER BY notification_id;

-- name: one_moment
-- all that follows is as of one moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: rows_about
-- what is to be executed to get all rows of read models that are about somebody, by table
SELECT format(
    'SELECT %%L, to_json(t)::text FROM views.%%I AS t WHERE t.%%I = %%%%(id)s '
    'AND %%%%(scope)s::text IN ('''', t.event_id) ORDER BY t::text',
    table_name, table_name, column_name
)
FROM information_schema.columns
WHERE table_schema = 'views' AND column_name = %(column)s
ORDER BY table_name;

-- name: replies_to
-- replies that are kept for somebody's Idempotency-Keys
SELECT key, recorded_at, problem, convert_from(reply, 'UTF8')
FROM events.command_keys
WHERE principal = %(id)s
ORDER BY recorded_at;
