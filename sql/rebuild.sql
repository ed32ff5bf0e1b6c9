-- name: leftovers
-- names of read models of which a rebuild has left a schema that we may drop
SELECT DISTINCT substr(nspname, 9)
FROM pg_namespace
WHERE (starts_with(nspname, 'rebuild_') OR starts_with(nspname, 'retired_'))
AND pg_has_role(nspowner, 'USAGE');

-- name: act_as_owner
-- what is made from here on belongs to whom the old tables belong to, whoever makes it, an operator or
-- the workers: so the one can exchange what the other has made. Not for whom that role may not be taken
SELECT set_config('role', pg_get_userbyid(relowner)::text, false)
FROM pg_class
WHERE relnamespace = 'views'::regnamespace AND relname = ANY(%(tables)s::text[])
AND pg_has_role(relowner, 'MEMBER')
LIMIT 1;

-- name: unlock
-- gives back the lock of a rebuild, which was taken like the lock of an election
SELECT pg_advisory_unlock(hashtextextended('rapport.' || %(name)s, 0));

-- name: no_sync_commit
-- commits need not wait for the disk until the swap, whose own commit flushes all before it
SET synchronous_commit = off;

-- name: index_memory
-- memory for building indexes
SET maintenance_work_mem = '256MB';

-- name: clear
-- gives the statements that drop what a rebuild has left
SELECT format('DROP SCHEMA %%I CASCADE', nspname)
FROM pg_namespace
WHERE nspname IN ('rebuild_' || %(name)s::text, 'retired_' || %(name)s::text);

-- name: make
-- gives the statements that make empty tables like those of a read model, without indexes, and a
-- table of positions beside them, which a projector needs. They are logged from the start, which is
-- as fast as rewriting unlogged tables into the WAL afterwards
SELECT statement
FROM (
    SELECT 0 AS step, format('CREATE SCHEMA rebuild_%%s', %(name)s::text) AS statement
    UNION ALL
    SELECT 0, format('CREATE SCHEMA retired_%%s', %(name)s::text)
    UNION ALL
    SELECT 1, format(
        'CREATE TABLE rebuild_%%s.%%I (LIKE views.%%2$I INCLUDING ALL%%s)%%s',
        %(name)s::text, c.relname, CASE WHEN c.relname = ANY(%(tables)s::text[]) THEN ' EXCLUDING INDEXES' END,
        ' WITH (' || array_to_string(c.reloptions, ', ') || ')'
    )
    FROM pg_class AS c
    WHERE c.relnamespace = 'views'::regnamespace AND c.relkind = 'r'
    AND c.relname = ANY(%(tables)s::text[] || '{positions, parked, dropped}')
) AS made
ORDER BY step;

-- name: begin
-- gives the statement for the position that the new tables begin at, and the version of their fold
SELECT format(
    'INSERT INTO rebuild_%%s.positions (name, kind, version, position)'
    ' VALUES (%%1$L, ''read_model'', %%L, %%L)',
    %(name)s::text, %(version)s::integer, %(position)s::bigint
);

-- name: key
-- gives the statements that make the same primary keys: rows are found and overwritten by them
SELECT format(
    'ALTER TABLE rebuild_%%s.%%I ADD CONSTRAINT %%I %%s',
    %(name)s::text, c.relname, k.conname, pg_get_constraintdef(k.oid)
)
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE c.relnamespace = 'views'::regnamespace AND c.relname = ANY(%(tables)s::text[])
AND k.contype = 'p';

-- name: index
-- gives the statements that make the same keys and indexes where they are not made yet, and ANALYZE
-- the new tables
SELECT format(
    'ALTER TABLE rebuild_%%s.%%I ADD CONSTRAINT %%I %%s',
    %(name)s::text, c.relname, k.conname, pg_get_constraintdef(k.oid)
)
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE c.relnamespace = 'views'::regnamespace AND c.relname = ANY(%(tables)s::text[])
AND k.contype IN ('p', 'u', 'x', 'f')
AND NOT EXISTS (
    SELECT FROM pg_constraint AS made
    WHERE made.connamespace = format('rebuild_%%s', %(name)s::text)::regnamespace
    AND made.conname = k.conname
)
UNION ALL
SELECT replace(
    pg_get_indexdef(i.indexrelid), format(' ON views.%%I ', c.relname),
    format(' ON rebuild_%%s.%%I ', %(name)s::text, c.relname)
)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
WHERE c.relnamespace = 'views'::regnamespace AND c.relname = ANY(%(tables)s::text[])
AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid)
UNION ALL
SELECT format('ANALYZE rebuild_%%s.%%I', %(name)s::text, name) FROM unnest(%(tables)s::text[]) AS name;

-- name: position
-- the position of a read model, the version of its tables, and its problem
SELECT position, version, problem FROM views.positions WHERE name = %(name)s;

-- name: older
-- names of those read models whose tables are of an older version than the code
SELECT p.name
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS known (name, version)
JOIN views.positions AS p USING (name)
WHERE p.version < known.version;

-- name: outdated
-- names of those read models that are to be built anew once, under the version that they have: once
-- no program leads that knows fewer events than we do, and may make of them what the old rows are
SELECT o.name
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS known (name, version)
JOIN views.outdated AS o USING (name)
JOIN views.positions AS p USING (name)
WHERE p.version = known.version
AND NOT EXISTS (
    SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()
    AND a.application_name LIKE 'rapport projector%%'
    AND coalesce(substring(a.application_name, ' (\d+)$')::integer, 0) < %(events)s
);

-- name: renewed
-- this one was built anew
DELETE FROM views.outdated WHERE name = %(name)s;

-- name: erased_since
-- whether somebody was erased after this position, or in what is parked or dropped: then the old
-- rows may still hold what was erased
SELECT EXISTS (
    SELECT FROM events.log AS l
    WHERE l.notification_id > least(
        %(position)s::bigint,
        (SELECT min(k.position) - 1 FROM views.parked AS k WHERE k.reader = %(name)s),
        (SELECT min(d.position) - 1 FROM views.dropped AS d WHERE d.reader = %(name)s)
    )
    AND (
        position(convert_to('"actor":"system:erase"', 'UTF8') IN l.state) > 0
        -- as it was recorded before, when a member could be called that
        OR position(convert_to('"actor":"erase"', 'UTF8') IN l.state) > 0
    )
);

-- name: count_parked
-- how many streams are parked in it
SELECT count(*) FROM views.parked WHERE reader = %(name)s;

-- name: snapshot
-- this transaction sees the database as of one moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: expired
-- rows of a feed are deleted up to this position
SELECT coalesce((SELECT position FROM views.expired WHERE reader = %(name)s), 0);

-- name: begin_swap
-- begins the transaction of an attempt to swap
BEGIN;

-- name: abandon_swap
-- gives up an attempt to swap
ROLLBACK;

-- name: short_lock_timeout
-- readers must not queue behind us for long, nor we behind them
SET LOCAL lock_timeout = '10ms';

-- name: lock_position
-- locks the position row: the projector waits for it before it writes anything
SELECT position, version FROM views.positions WHERE name = %(name)s FOR UPDATE;

-- name: swap
-- gives the statements, as one text, that put the new tables in the place of the old ones: readers
-- wait from the first of them to the last
SELECT string_agg(statement, '; ' ORDER BY step)
FROM (
    SELECT 0 AS step, 'LOCK TABLE ' || string_agg(format('views.%%I', name), ', ') AS statement
    FROM unnest(%(tables)s::text[]) AS name
    UNION ALL
    SELECT 1, format('ALTER TABLE views.%%I SET SCHEMA retired_%%s', name, %(name)s::text)
    FROM unnest(%(tables)s::text[]) AS name
    UNION ALL
    SELECT 2, format('ALTER TABLE rebuild_%%s.%%I SET SCHEMA views', %(name)s::text, name)
    FROM unnest(%(tables)s::text[]) AS name
    UNION ALL
    SELECT 3, 'COMMIT'
) AS steps;

-- name: unpark
-- deletes what was parked or dropped in the old tables
WITH undropped AS (DELETE FROM views.dropped WHERE reader = %(name)s)

DELETE FROM views.parked WHERE reader = %(name)s;

-- name: park
-- gives the statements that publish what is parked or dropped in the new tables
SELECT format(
    'INSERT INTO views.%%1$I (%%2$s) SELECT %%2$s FROM rebuild_%%3$s.%%1$I',
    c.relname, string_agg(format('%%I', a.attname), ', '), %(name)s::text
)
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = format('rebuild_%%s', %(name)s::text)::regnamespace
AND c.relname IN ('parked', 'dropped')
GROUP BY c.relname;

-- name: advance
-- sets the position and version that the new tables have. The epoch (`turn`) rises, which fences off
-- whoever has read rows of the old tables, or was about to park or to replay in them
UPDATE views.positions
SET
    position = %(position)s, seen = greatest(seen, %(position)s), version = %(version)s,
    beat_at = clock_timestamp(), problem = NULL, turn = turn + %(epochs)s
WHERE name = %(name)s;
