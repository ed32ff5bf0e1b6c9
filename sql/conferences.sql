-- name: conference
-- one conference: the position that this shows, the last that concerns it, and the row
SELECT
    (SELECT position FROM views.positions WHERE name = 'conferences'),
    coalesce((
        SELECT notification_id FROM events.log WHERE originator_id = %(stream)s
        ORDER BY originator_version DESC LIMIT 1
    ), 0),
    (SELECT to_json(v)::text FROM views.conferences AS v WHERE event_id = %(event_id)s);

-- name: exists
-- has anybody ever announced it? Asked of the log: no read model may be behind here.
SELECT EXISTS (
    SELECT FROM events.log WHERE originator_id = %(stream)s AND originator_version = 1
);
