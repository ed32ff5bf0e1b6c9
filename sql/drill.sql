-- name: extent
-- the position of the last event, and the number of events
SELECT coalesce(max(notification_id), 0), count(*) FROM events.log;

-- name: changes
-- position, stream and topic of the events of some streams
SELECT notification_id, originator_id, topic FROM events.log
WHERE starts_with(originator_id, %(prefix)s)
ORDER BY notification_id;
