-- name: create_database
-- run once, in single-user mode, by whoever makes an embedded cluster; one line is one command there
CREATE DATABASE rapport;

-- name: tables
-- the tables of a database, but for PostgreSQL's own; each with a statement that counts its rows
SELECT
    schemaname || '.' || tablename,
    format('SELECT count(*) FROM %I.%I', schemaname, tablename)
FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1;

-- name: sequences
-- how far its sequences have come
SELECT 'sequence ' || schemaname || '.' || sequencename, coalesce(last_value, 0) FROM pg_sequences;
