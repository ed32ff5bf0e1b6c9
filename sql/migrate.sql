-- name: lock
-- one migration run at a time, until the connection closes
SELECT pg_advisory_lock(hashtextextended('rapport.migrate', 0));

-- name: lock_timeout
-- whoever comes after a migration that waits for a table queues behind it
SET lock_timeout = '10s';

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
