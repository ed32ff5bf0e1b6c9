-- name: standing
-- how far these feeds have come, in this order; how far the bus has; and where the log ends
SELECT
    ARRAY(
        SELECT coalesce(p.position, 0)
        FROM unnest(%(names)s::text[]) WITH ORDINALITY AS feed (name, place)
        LEFT JOIN views.positions AS p USING (name)
        ORDER BY feed.place
    ),
    coalesce((SELECT position FROM views.positions WHERE name = 'relay'), 0),
    (SELECT coalesce(max(notification_id), 0) FROM events.log);

-- name: expired_to
-- rows of a feed are deleted up to this position
INSERT INTO views.expired (reader, position) VALUES (%(reader)s, %(position)s)
ON CONFLICT (reader) DO UPDATE SET position = greatest(expired.position, excluded.position);
