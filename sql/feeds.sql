-- name: standing
-- how far these feeds have come, in this order, and where the log ended when each began (with one
-- that has not begun: where it ends); how far the bus has come; and where the log ends
SELECT
    array_agg(coalesce(p.position, 0) ORDER BY feed.place),
    array_agg(coalesce(p.began, log.log_end) ORDER BY feed.place),
    coalesce((SELECT position FROM views.positions WHERE name = 'relay'), 0),
    log.log_end
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS feed (name, place)
LEFT JOIN views.positions AS p USING (name)
CROSS JOIN (SELECT coalesce(max(notification_id), 0) AS log_end FROM events.log) AS log
GROUP BY log.log_end;

-- name: expired_to
-- rows of a feed are deleted up to this position
INSERT INTO views.expired (reader, position) VALUES (%(reader)s, %(position)s)
ON CONFLICT (reader) DO UPDATE SET position = greatest(expired.position, excluded.position);

-- name: expired
-- up to which position rows of a feed are deleted
SELECT position FROM views.expired WHERE reader = %(reader)s;

-- name: correct
-- whoever hears a feed has passed these positions, and is told what it says of them now
INSERT INTO views.belated (reader, event_id, member_id, position)
SELECT %(reader)s, one.scope_id, one.member_id, one.position
FROM unnest(%(scopes)s::text[], %(members)s::text[], %(positions)s::bigint[])
    AS one (scope_id, member_id, position)
ORDER BY one.position;
