-- name: now
-- what is on at a moment, what suits one member first: the position that this shows, the last that
-- concerns who asks, and the sessions
WITH suited AS (
    SELECT
        s.*,
        CASE WHEN shared.matches > 0 THEN 100 ELSE 50 END AS relevance_score,
        shared.matches AS focus_area_match_count
    FROM views.sessions(%(event_id)s) AS s
    CROSS JOIN LATERAL (
        SELECT count(*) AS matches FROM unnest(s.focus_areas) AS of_session (area)
        WHERE area = ANY((
            SELECT m.focus_areas FROM views.member_areas AS m
            WHERE m.event_id = %(event_id)s AND m.member_id = %(member_id)s
        )::text[])
    ) AS shared
    WHERE %(at)s BETWEEN s.session_time AND s.session_end
    ORDER BY relevance_score DESC, focus_area_match_count DESC, session_time, session_id
    LIMIT %(limit)s
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
    (SELECT coalesce(json_agg(v), '[]')::text FROM suited AS v);

-- name: next_60
-- what starts within 60 minutes of a moment, likewise: what is sooner and suits better first
WITH suited AS (
    SELECT
        s.*,
        extract(EPOCH FROM s.session_time - %(at)s)::double precision / 60 AS minutes_until_start,
        shared.matches AS match_count,
        CASE
            WHEN s.session_time < %(at)s + interval '15 minutes' THEN 100
            WHEN s.session_time < %(at)s + interval '30 minutes' THEN 75
            ELSE 50
        END + shared.matches * 10 AS priority_score
    FROM views.sessions(%(event_id)s) AS s
    CROSS JOIN LATERAL (
        SELECT count(*) AS matches FROM unnest(s.focus_areas) AS of_session (area)
        WHERE area = ANY((
            SELECT m.focus_areas FROM views.member_areas AS m
            WHERE m.event_id = %(event_id)s AND m.member_id = %(member_id)s
        )::text[])
    ) AS shared
    WHERE s.session_time BETWEEN %(at)s AND %(at)s + interval '60 minutes'
    ORDER BY priority_score DESC, match_count DESC, session_time, session_id
    LIMIT %(limit)s
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
    (SELECT coalesce(json_agg(v), '[]')::text FROM suited AS v);

-- name: starred
-- one member's personal agenda: the position that this shows, the last that concerns who asks, the
-- event, the sessions, who speaks there, what the member cares for, and what they have starred
WITH star AS (
    SELECT event_id, item_id FROM views.member_stars
    WHERE event_id = %(event_id)s AND member_id = %(member_id)s AND starred
),

item AS (
    SELECT i.* FROM star
    JOIN views.agenda_items AS i USING (event_id, item_id)
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
    ),
    coalesce((
        SELECT focus_areas FROM views.member_areas
        WHERE event_id = %(event_id)s AND member_id = %(member_id)s
    ), '{}'),
    (
        SELECT coalesce(array_agg(item_id ORDER BY item_id), '{}')
        FROM star JOIN item USING (event_id, item_id)
    );

-- name: schedule
-- the whole agenda as one member sees it, likewise
WITH star AS (
    SELECT event_id, item_id FROM views.member_stars
    WHERE event_id = %(event_id)s AND member_id = %(member_id)s AND starred
),

item AS (
    SELECT * FROM views.agenda_items WHERE event_id = %(event_id)s
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
    ),
    coalesce((
        SELECT focus_areas FROM views.member_areas
        WHERE event_id = %(event_id)s AND member_id = %(member_id)s
    ), '{}'),
    (
        SELECT coalesce(array_agg(item_id ORDER BY item_id), '{}')
        FROM star JOIN item USING (event_id, item_id)
    );
