-- name: whole
-- a conference's agenda: the position that this shows, the last that concerns it, the event, all
-- its items, and who speaks there
SELECT
    coalesce((SELECT position FROM views.positions WHERE name = 'sessions'), 0),
    coalesce((
        SELECT max(last.notification_id)
        FROM unnest(%(streams)s::text[]) AS k (stream)
        CROSS JOIN LATERAL (
            SELECT notification_id FROM events.log WHERE originator_id = k.stream
            ORDER BY originator_version DESC LIMIT 1
        ) AS last
    ), 0),
    (SELECT to_json(v)::text FROM views.agendas AS v WHERE event_id = %(event_id)s),
    (
        SELECT coalesce(json_agg(v), '[]')::text FROM views.agenda_items AS v
        WHERE event_id = %(event_id)s
    ),
    (
        SELECT coalesce(json_agg(v), '[]')::text FROM views.agenda_speakers AS v
        WHERE event_id = %(event_id)s
    );

-- name: starred
-- what one member has starred of it, likewise
WITH item AS (
    SELECT i.*
    FROM views.member_stars AS m
    JOIN views.agenda_items AS i USING (event_id, item_id)
    WHERE m.event_id = %(event_id)s AND m.member_id = %(member_id)s AND m.starred
)

SELECT
    coalesce((SELECT position FROM views.positions WHERE name = 'sessions'), 0),
    coalesce((
        SELECT max(last.notification_id)
        FROM unnest(%(streams)s::text[]) AS k (stream)
        CROSS JOIN LATERAL (
            SELECT notification_id FROM events.log WHERE originator_id = k.stream
            ORDER BY originator_version DESC LIMIT 1
        ) AS last
    ), 0),
    (SELECT to_json(v)::text FROM views.agendas AS v WHERE event_id = %(event_id)s),
    (SELECT coalesce(json_agg(v), '[]')::text FROM item AS v),
    (
        SELECT coalesce(json_agg(v), '[]')::text FROM views.agenda_speakers AS v
        WHERE event_id = %(event_id)s
        AND speaker_id IN (SELECT unnest(speaker_ids) FROM item)
    );
