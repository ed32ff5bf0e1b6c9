-- name: agendas_write
-- rows that were folded
INSERT INTO views.agendas
SELECT * FROM json_populate_recordset(NULL::views.agendas, %(rows)s::json)
ON CONFLICT (event_id) DO UPDATE SET
    event_name = excluded.event_name, event_timezone = excluded.event_timezone;

-- name: agenda_items_read
-- rows to be folded
SELECT coalesce(json_agg(v), '[]')::text
FROM unnest(%(event_id)s::text[], %(item_id)s::text[]) AS k (event_id, item_id)
JOIN views.agenda_items AS v USING (event_id, item_id);

-- name: agenda_items_write
-- rows that were folded
INSERT INTO views.agenda_items
SELECT * FROM json_populate_recordset(NULL::views.agenda_items, %(rows)s::json)
ON CONFLICT (event_id, item_id) DO UPDATE SET
    sequence = excluded.sequence, updated_at = excluded.updated_at, title = excluded.title,
    start_time = excluded.start_time, end_time = excluded.end_time,
    description = excluded.description, location = excluded.location, track = excluded.track,
    focus_areas = excluded.focus_areas, item_type = excluded.item_type, status = excluded.status,
    speaker_ids = excluded.speaker_ids, url = excluded.url, language = excluded.language;

-- name: agenda_speakers_write
-- rows that were folded
INSERT INTO views.agenda_speakers
SELECT * FROM json_populate_recordset(NULL::views.agenda_speakers, %(rows)s::json)
ON CONFLICT (event_id, speaker_id) DO UPDATE SET
    name = excluded.name, focus_areas = excluded.focus_areas, email = excluded.email;

-- name: member_areas_write
-- rows that were folded
INSERT INTO views.member_areas
SELECT * FROM json_populate_recordset(NULL::views.member_areas, %(rows)s::json)
ON CONFLICT (event_id, member_id) DO UPDATE SET focus_areas = excluded.focus_areas;

-- name: member_stars_write
-- rows that were folded
INSERT INTO views.member_stars
SELECT * FROM json_populate_recordset(NULL::views.member_stars, %(rows)s::json)
ON CONFLICT (event_id, member_id, item_id) DO UPDATE SET starred = excluded.starred;

-- name: followed_sessions_read
-- rows to be folded
SELECT coalesce(json_agg(v), '[]')::text
FROM unnest(%(event_id)s::text[], %(item_id)s::text[]) AS k (event_id, item_id)
JOIN views.followed_sessions AS v USING (event_id, item_id);

-- name: followed_sessions_write
-- rows that were folded
INSERT INTO views.followed_sessions
SELECT * FROM json_populate_recordset(NULL::views.followed_sessions, %(rows)s::json)
ON CONFLICT (event_id, item_id) DO UPDATE SET
    title = excluded.title, start_time = excluded.start_time, end_time = excluded.end_time,
    location = excluded.location, cancelled = excluded.cancelled;

-- name: session_followers_read
-- rows to be folded
SELECT coalesce(json_agg(v), '[]')::text
FROM
    unnest(%(event_id)s::text[], %(item_id)s::text[], %(part)s::integer[])
    AS k (event_id, item_id, part)
JOIN views.session_followers AS v USING (event_id, item_id, part);

-- name: session_followers_write
-- rows that were folded
INSERT INTO views.session_followers
SELECT * FROM json_populate_recordset(NULL::views.session_followers, %(rows)s::json)
ON CONFLICT (event_id, item_id, part) DO UPDATE SET members = excluded.members;

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
