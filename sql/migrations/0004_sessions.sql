-- The programme as members see it. What fits a member now is computed when they ask.

CREATE TABLE views.agendas (
    event_id text COLLATE "C" PRIMARY KEY,
    event_name text NOT NULL,
    event_timezone text NOT NULL
);

CREATE TABLE views.agenda_items (
    event_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    sequence integer NOT NULL,                 -- rises with every change
    updated_at timestamptz NOT NULL,
    title text NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    description text NOT NULL,
    location text NOT NULL,
    track text NOT NULL,
    focus_areas text [] COLLATE "C" NOT NULL,  -- its own; those of its speakers are with them
    item_type text NOT NULL,
    status text NOT NULL,
    speaker_ids text [] COLLATE "C" NOT NULL,
    url text NOT NULL,
    language text NOT NULL,
    PRIMARY KEY (event_id, item_id)
);

-- What may be on, or about to start: the end is looked at in the index too.
CREATE INDEX agenda_items_time_idx ON views.agenda_items (event_id, start_time, end_time)
    WHERE item_type = 'session' AND status IN ('scheduled', 'confirmed', 'tentative');

CREATE TABLE views.agenda_speakers (
    event_id text COLLATE "C" NOT NULL,
    speaker_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    focus_areas text [] COLLATE "C" NOT NULL,
    email text,                                -- for organizers
    PRIMARY KEY (event_id, speaker_id)
);

-- What is shown as a session, with those of its speakers who are known. An area counts once, whoever
-- of item and speakers has it. A function that is found by its text, and not a view: the tables may
-- be exchanged for others of their names.
CREATE FUNCTION views.sessions(of_event text) RETURNS TABLE (
    session_id text, event_id text, speaker_name text, session_title text,
    session_time timestamptz, session_end timestamptz, session_location text,
    session_description text, focus_areas text [], event_name text, event_timezone text
) LANGUAGE sql STABLE AS $$
    SELECT
        i.item_id, i.event_id, spoken.names, i.title, i.start_time, i.end_time, i.location,
        i.description, hybrid.areas, e.event_name, e.event_timezone
    FROM views.agenda_items AS i
    JOIN views.agendas AS e USING (event_id)
    CROSS JOIN LATERAL (
        SELECT string_agg(s.name, ', ' ORDER BY k.place) AS names
        FROM unnest(i.speaker_ids) WITH ORDINALITY AS k (speaker_id, place)
        JOIN views.agenda_speakers AS s
            ON s.event_id = i.event_id AND s.speaker_id = k.speaker_id
    ) AS spoken
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(area ORDER BY area), '{}') AS areas
        FROM (
            SELECT unnest(i.focus_areas)
            UNION
            SELECT unnest(s.focus_areas) FROM views.agenda_speakers AS s
            WHERE s.event_id = i.event_id AND s.speaker_id = ANY(i.speaker_ids)
        ) AS either (area)
    ) AS hybrid
    WHERE
        i.event_id = of_event
        AND i.item_type = 'session' AND i.status IN ('scheduled', 'confirmed', 'tentative')
$$;

CREATE TABLE views.member_areas (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    focus_areas text [] COLLATE "C" NOT NULL,
    PRIMARY KEY (event_id, member_id)
);

CREATE TABLE views.member_stars (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    starred boolean NOT NULL,
    PRIMARY KEY (event_id, member_id, item_id)
);

-- For the live feed: what the followers of a session know of it, and who they are, in parts.
CREATE TABLE views.followed_sessions (
    event_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    title text NOT NULL,
    start_time timestamptz,
    end_time timestamptz,
    location text NOT NULL,
    cancelled boolean NOT NULL,
    PRIMARY KEY (event_id, item_id)
);

CREATE TABLE views.session_followers (
    event_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    part integer NOT NULL,
    members text [] COLLATE "C" NOT NULL,
    PRIMARY KEY (event_id, item_id, part)
);
