-- name: shown
-- the position up to which the addresses are shown, as far as this version has kept them
SELECT coalesce(max(position), 0) FROM views.positions WHERE name = 'addresses';

-- name: by_email
-- who has one of these addresses
SELECT member_id, folded FROM views.addresses
WHERE event_id = %(event_id)s AND folded = ANY(%(emails)s::text[]);

-- name: registered
-- how many of these people were registered between two positions
SELECT count(DISTINCT l.originator_id)
FROM unnest(%(streams)s::text[]) AS s (stream)
JOIN events.log AS l ON l.originator_id = s.stream
WHERE l.topic = 'AttendeeRegistered'
AND l.notification_id > %(after)s AND l.notification_id <= %(until)s;

-- name: attendees
-- streams of everybody who was ever registered at an event, after one of them
SELECT DISTINCT originator_id FROM events.log
WHERE originator_id > %(after)s::text
AND originator_id >= 'attendee:' || %(event_id)s::text || ':'
AND originator_id < 'attendee:' || %(event_id)s::text || ';'
ORDER BY originator_id
LIMIT %(most)s;
