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
