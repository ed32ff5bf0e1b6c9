-- name: leftovers
-- read models of whose rebuild something is left, by name
SELECT DISTINCT substr(nspname, 9)
FROM pg_namespace
WHERE starts_with(nspname, 'rebuild_') OR starts_with(nspname, 'retired_');

-- name: unlock
-- a rebuild has ended; it was begun as a lead is taken
SELECT pg_advisory_unlock(hashtextextended('rapport.' || %(name)s, 0));

-- name: hasty
-- nothing here is promised to anybody until the swap, and what that commits is on disk with it
SET synchronous_commit = off;

-- name: room
-- indexes are made in memory
SET maintenance_work_mem = '256MB';

-- name: clear
-- what is to be executed to be rid of what a rebuild has left
SELECT format('DROP SCHEMA %%I CASCADE', nspname)
FROM pg_namespace
WHERE nspname IN ('rebuild_' || %(name)s::text, 'retired_' || %(name)s::text);

-- name: make
-- what is to be executed for empty tables like those of a read model, without indexes; and beside
-- them its own position, as any projector keeps it. Logged from the start: as fast as to rewrite
-- them into the WAL afterwards
SELECT statement
FROM (
    SELECT 0 AS turn, format('CREATE SCHEMA rebuild_%%s', %(name)s::text) AS statement
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
ORDER BY turn;

-- name: begin
-- the position up to which the tables hold what the log says, and what they are a fold of
INSERT INTO views.positions (name, kind, version, position)
VALUES (%(name)s, 'read_model', %(version)s, %(position)s);

-- name: index
-- what is to be executed for the same keys and indexes
SELECT format(
    'ALTER TABLE rebuild_%%s.%%I ADD CONSTRAINT %%I %%s',
    %(name)s::text, c.relname, k.conname, pg_get_constraintdef(k.oid)
)
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE c.relnamespace = 'views'::regnamespace AND c.relname = ANY(%(tables)s::text[])
AND k.contype IN ('p', 'u', 'x', 'f')
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

-- name: stands
-- where a read model stands, and of which version it is
SELECT position, version, problem FROM views.positions WHERE name = %(name)s;

-- name: older
-- which of these have tables of an older version than the one that we know
SELECT p.name
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS known (name, version)
JOIN views.positions AS p USING (name)
WHERE p.version < known.version;

-- name: erased_since
-- whether somebody was erased after this position, or in what is parked or left out: then rows may
-- still say what they said
SELECT EXISTS (
    SELECT FROM events.log AS l
    WHERE l.notification_id > least(
        %(position)s::bigint,
        (SELECT min(k.position) - 1 FROM views.parked AS k WHERE k.reader = %(name)s),
        (SELECT min(d.position) - 1 FROM views.dropped AS d WHERE d.reader = %(name)s)
    )
    AND position(convert_to('"actor":"erase"', 'UTF8') IN l.state) > 0
);

-- name: held_back
-- how many streams are parked in it
SELECT count(*) FROM views.parked WHERE reader = %(name)s;

-- name: snapshot
-- all that follows sees one moment
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: over
-- that moment is over
COMMIT;

-- name: digest
-- what is to be executed for the number of rows of each table, and a sum of their hashes, which
-- does not depend on their order
SELECT format(
    'SELECT %%L, count(*), coalesce(sum(hashtextextended(v::text, 0)), 0)::text,'
    ' coalesce(sum(hashtextextended(v::text, 1)), 0)::text FROM %%I.%%I AS v',
    name, %(views)s::text, name
)
FROM unnest(%(tables)s::text[]) AS name;

-- name: ordered
-- what is to be executed for the rows of one table in the order of its key
SELECT format(
    'SELECT to_json(v)::text FROM %%I.%%I AS v ORDER BY %%s', %(views)s::text, %(table)s::text,
    (SELECT string_agg(format('v.%%I', key), ', ') FROM unnest(%(keys)s::text[]) AS key)
);

-- name: attempt
-- of a swap
BEGIN;

-- name: undone
-- it comes to nothing
ROLLBACK;

-- name: impatient
-- readers must not queue behind us for long, nor we behind them
SET LOCAL lock_timeout = '10ms';

-- name: hold
-- the projector waits here from now on, before it writes anything
SELECT position, version FROM views.positions WHERE name = %(name)s FOR UPDATE;

-- name: swap
-- what is to be executed, all at once, for the new tables to be where the old ones are: whoever
-- reads them waits from the first statement to the last
SELECT string_agg(statement, '; ' ORDER BY turn)
FROM (
    SELECT 0 AS turn, 'LOCK TABLE ' || string_agg(format('views.%%I', name), ', ') AS statement
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
-- what is parked in the new tables, or left out, takes the place of what was so in the old ones
WITH undropped AS (DELETE FROM views.dropped WHERE reader = %(name)s)

DELETE FROM views.parked WHERE reader = %(name)s;

-- name: park
-- what is to be executed for what is parked in the new tables, or left out, to be so for all to see
SELECT format('INSERT INTO views.%%1$I SELECT * FROM rebuild_%%2$s.%%1$I', held, %(name)s::text)
FROM unnest('{parked, dropped}'::text[]) AS held;

-- name: arrive
-- what the tables will show in a moment. With another turn, whoever has read rows that are not the
-- same any more is too late, and so is who was about to park, or to replay what is parked
UPDATE views.positions
SET
    position = %(position)s, seen = greatest(seen, %(position)s), version = %(version)s,
    beat_at = clock_timestamp(), problem = NULL, turn = turn + %(turn)s
WHERE name = %(name)s;
