-- name: page
-- a member's syncs before a position, those asked for last first, one more than are shown
SELECT * FROM views.member_syncs AS v
WHERE v.event_id = %(event_id)s AND v.member_id = %(member_id)s AND v.position < %(before)s
AND %(status)s IN (
    '',
    CASE WHEN v.status = 'requested' AND v.until <= %(at)s THEN 'expired' ELSE v.status END
)
ORDER BY v.position DESC
LIMIT %(limit)s + 1;

-- name: appointments
-- those of a member that were accepted, cancelled since or not, between two times
SELECT * FROM views.member_syncs AS v
WHERE v.event_id = %(event_id)s AND v.member_id = %(member_id)s
AND v.start < %(until)s AND v.start + v.minutes * interval '1 minute' > %(since)s;

-- name: texts
-- what was written in some syncs
SELECT t.*
FROM unnest(string_to_array(%(syncs)s, ',')) AS one (sync_id)
JOIN views.sync_texts AS t ON t.event_id = %(event_id)s AND t.sync_id = one.sync_id;

-- name: people
-- others, as they are shown
SELECT p.*
FROM unnest(string_to_array(%(others)s, ',')) AS one (member_id)
JOIN views.sync_people AS p ON p.event_id = %(event_id)s AND p.member_id = one.member_id;

-- name: blocks
-- whom of the others the asker blocks, and who of them the asker
SELECT b.*
FROM unnest(string_to_array(%(others)s, ',')) AS other (member_id)
CROSS JOIN LATERAL (
    SELECT * FROM views.sync_blocks AS v
    WHERE v.event_id = %(event_id)s
    AND v.member_id = %(member_id)s AND v.blocked_id = other.member_id
    UNION ALL
    SELECT * FROM views.sync_blocks AS v
    WHERE v.event_id = %(event_id)s
    AND v.member_id = other.member_id AND v.blocked_id = %(member_id)s
) AS b;
