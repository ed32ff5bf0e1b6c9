-- name: lock
-- one migration run at a time, until the connection closes: whether it is ours
SELECT pg_try_advisory_lock(hashtextextended('rapport.migrate', 0));

-- name: lock_timeout
-- whoever comes after a migration that waits for a table queues behind it
SET lock_timeout = '10s';

-- name: no_lock_timeout
-- what is built beside the product waits for as long as it takes
SET lock_timeout = 0;

-- name: half_made
-- indexes whose making was interrupted
SELECT n.nspname, c.relname
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid;

-- name: create_table
-- makes the table of migrations that have run
CREATE TABLE IF NOT EXISTS public.migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    ran_at timestamptz NOT NULL DEFAULT now()
);

-- name: list
-- migrations that have run, with the checksum of their files
SELECT name, checksum FROM public.migrations;

-- name: record
-- notes that a migration has run
INSERT INTO public.migrations (name, checksum) VALUES (%(name)s, %(checksum)s);

-- name: record_anew
-- notes that what a file was edited for is there as well
UPDATE public.migrations SET checksum = %(checksum)s WHERE name = %(name)s;

-- name: dropped_of_0006
-- what 0006_parked.sql makes besides, since it was edited
CREATE TABLE IF NOT EXISTS views.dropped (
    reader text COLLATE "C" NOT NULL,
    stream text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    until bigint NOT NULL,
    problem text NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (reader, stream, position)
);
