-- name: conferences_write
-- rows that were folded
INSERT INTO views.conferences
SELECT * FROM json_populate_recordset(NULL::views.conferences, %(rows)s::json)
ON CONFLICT (event_id) DO UPDATE SET
    name = excluded.name, timezone = excluded.timezone,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at;

-- name: exists
-- has anybody ever announced it? Asked of the log: no read model may be behind here.
SELECT EXISTS (
    SELECT FROM events.log WHERE originator_id = %(stream)s AND originator_version = 1
);
