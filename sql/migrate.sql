-- name: lock
-- one migration run at a time, until the connection closes
SELECT pg_advisory_lock(hashtextextended('rapport.migrate', 0));

-- name: patience
-- a migration that waits for a table holds up everybody who comes after it
SET lock_timeout = '10s';

-- name: ledger
-- what has run here
CREATE TABLE IF NOT EXISTS public.migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    ran_at timestamptz NOT NULL DEFAULT now()
);

-- name: done
-- files that have run, with the checksum they had
SELECT name, checksum FROM public.migrations;

-- name: record
-- this file has run
INSERT INTO public.migrations (name, checksum) VALUES (%(name)s, %(checksum)s);
