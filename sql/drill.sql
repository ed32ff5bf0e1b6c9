-- name: extent
-- where the log ends, and how many events it has
SELECT coalesce(max(notification_id), 0), count(*) FROM events.log;

-- name: changes
-- events of some streams, without what they say
SELECT notification_id, originator_id, topic FROM events.log
WHERE starts_with(originator_id, %(prefix)s)
ORDER BY notification_id;
