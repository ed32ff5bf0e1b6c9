-- name: threads
-- a member's threads before a position, the latest first, one more than are shown; and the latest of
-- those with something unread, wherever they are
WITH page AS (
    SELECT * FROM views.threads AS v
    WHERE v.event_id = %(event_id)s AND v.member_id = %(member_id)s
    AND v.position < %(before)s AND v.position > 0
    ORDER BY v.position DESC
    LIMIT %(limit)s + 1
),

unread AS (
    SELECT * FROM views.threads AS v
    WHERE v.event_id = %(event_id)s AND v.member_id = %(member_id)s AND v.unread > 0
    ORDER BY v.position DESC
    LIMIT %(counted)s
)

SELECT * FROM page
UNION
SELECT * FROM unread;

-- name: people
-- the asker and others, as they are shown
SELECT p.*
FROM unnest(string_to_array(%(others)s, ',') || %(member_id)s) AS one (member_id)
JOIN views.thread_people AS p ON p.event_id = %(event_id)s AND p.member_id = one.member_id;

-- name: blocks
-- whom of the others the asker blocks, and who of them the asker
SELECT b.*
FROM unnest(string_to_array(%(others)s, ',')) AS other (member_id)
CROSS JOIN LATERAL (
    SELECT * FROM views.thread_blocks AS v
    WHERE v.event_id = %(event_id)s
    AND v.member_id = %(member_id)s AND v.blocked_id = other.member_id
    UNION ALL
    SELECT * FROM views.thread_blocks AS v
    WHERE v.event_id = %(event_id)s
    AND v.member_id = other.member_id AND v.blocked_id = %(member_id)s
) AS b;

-- name: texts
-- some messages, by author and id
SELECT m.*
FROM unnest(string_to_array(%(authors)s, ','), string_to_array(%(messages)s, ','))
    AS one (member_id, message_id)
JOIN views.thread_messages AS m
    ON m.event_id = %(event_id)s
    AND m.member_id = one.member_id AND m.message_id = one.message_id;

-- name: thread
-- messages of two members before a position, the latest ones, one more than are shown
SELECT * FROM views.thread_messages AS v
WHERE v.event_id = %(event_id)s
AND v.low = least(%(member_id)s COLLATE "C", %(others)s COLLATE "C")
AND v.high = greatest(%(member_id)s COLLATE "C", %(others)s COLLATE "C")
AND v.position < %(before)s
ORDER BY v.position DESC
LIMIT %(limit)s + 1;

-- name: unread
-- the asker's side of a thread
SELECT * FROM views.threads AS v
WHERE v.event_id = %(event_id)s AND v.member_id = %(member_id)s AND v.other_id = %(others)s;

-- name: flagged
-- reports at an event before a position, the latest ones, one more than are shown
SELECT * FROM views.flagged_messages AS v
WHERE v.event_id = %(event_id)s AND v.position < %(before)s
ORDER BY v.position DESC
LIMIT %(limit)s + 1;
