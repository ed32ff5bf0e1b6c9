-- name: held
-- whether there is a log here at all
SELECT to_regclass('events.log') IS NOT NULL;

-- name: extent
-- the position of the last event, and the size of the database in bytes
SELECT coalesce(max(notification_id), 0), pg_database_size(current_database()) FROM events.log;
