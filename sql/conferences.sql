-- name: exists
-- has anybody ever announced it? Asked of the log: no read model may be behind here.
SELECT EXISTS (
    SELECT FROM events.log WHERE originator_id = %(stream)s AND originator_version = 1
);
