-- name: live_feed_write
-- rows that were folded
INSERT INTO views.live_feed
SELECT * FROM json_populate_recordset(NULL::views.live_feed, %(rows)s::json);

-- name: since
-- what one member's feed has said since a position
SELECT position, type, data::text
FROM views.live_feed
WHERE event_id = %(event_id)s AND member_id = %(member_id)s AND position > %(after)s
ORDER BY position
LIMIT %(most)s;

-- name: end
-- the position up to which the feed is written
SELECT position FROM views.positions WHERE name = 'live_feed';
