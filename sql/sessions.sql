-- name: items_now
-- sessions that are on at a moment
SELECT * FROM views.agenda_items
WHERE
    event_id = %(event_id)s
    AND item_type = 'session' AND status IN ('scheduled', 'confirmed', 'tentative')
    AND %(at)s BETWEEN start_time AND end_time;

-- name: items_soon
-- sessions that start within 60 minutes of a moment
SELECT * FROM views.agenda_items
WHERE
    event_id = %(event_id)s
    AND item_type = 'session' AND status IN ('scheduled', 'confirmed', 'tentative')
    AND start_time BETWEEN %(at)s AND %(at)s + interval '60 minutes';

-- name: starred_items
-- what one member has starred
SELECT i.*
FROM views.member_stars AS m
JOIN views.agenda_items AS i USING (event_id, item_id)
WHERE m.event_id = %(event_id)s AND m.member_id = %(member_id)s AND m.starred;
