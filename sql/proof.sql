-- name: end_a_writer
-- ends the connection of a writer, in the middle of whatever it does
SELECT pg_terminate_backend(pid)
FROM (
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'rapport writer'
    ORDER BY random()
    LIMIT 1
) AS one;

-- name: end_backends
-- ends every connection of the product to this database
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'rapport %%'
AND pid <> pg_backend_pid();

-- name: has_other_events
-- whether the log has events that no proof has written
SELECT EXISTS (
    SELECT FROM events.log
    WHERE split_part(originator_id, ':', 2) NOT LIKE 'proof-%%'
);

-- name: messages
-- how many messages after a position are in each member's live feeds
SELECT member_id, count(*)
FROM (
    SELECT event_id, member_id, position FROM views.live_missions
    UNION ALL
    SELECT event_id, member_id, position FROM views.live_sessions
) AS said
WHERE event_id = %(event_id)s AND position > %(after)s
GROUP BY member_id;

-- name: rows_of
-- gives the statement that selects the rows of an event in a table, as one JSON text
SELECT format(
    'SELECT coalesce(json_agg(t), ''[]'')::text FROM views.%%I AS t WHERE %%s = %%L',
    %(table)s::text, %(of_event)s::text, %(event_id)s::text
);

-- name: at_work
-- whether somebody is in the middle of a piece of work
SELECT EXISTS (SELECT FROM work.leases WHERE worker IS NOT NULL);

-- name: undone
-- how many pieces of work are due, and not parked
SELECT count(*) FROM views.due AS d LEFT JOIN work.leases AS l USING (kind, subject)
WHERE d.wanted > d.based_on AND l.retry_at IS DISTINCT FROM 'infinity';
