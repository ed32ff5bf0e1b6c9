-- name: create_database
-- run once, in single-user mode, by whoever makes an embedded cluster; one line is one command there
CREATE DATABASE rapport;

-- name: tables
-- the tables of a database, but for PostgreSQL's own
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2;

-- name: sequences
-- how far its sequences have come
SELECT 'sequence ' || schemaname || '.' || sequencename, coalesce(last_value, 0) FROM pg_sequences;

-- name: count
-- the rows of a table
SELECT count(*) FROM {};
