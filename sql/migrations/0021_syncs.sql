-- before deploy: the version before does not look at what is made here
--
-- Meetings of two. What people wrote is in views.sync_texts alone: one change erases it.

-- Each sync twice: as either of the two has it in their calendar.
CREATE TABLE views.member_syncs (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    sync_id text COLLATE "C" NOT NULL,
    other_id text COLLATE "C" NOT NULL,
    is_mine boolean NOT NULL,                  -- whether this member has asked
    position bigint NOT NULL,                  -- of the request
    minutes integer NOT NULL,
    proposals timestamptz [] NOT NULL,
    until timestamptz NOT NULL,                -- then it expires
    status text COLLATE "C" NOT NULL,
    changed_at timestamptz NOT NULL,
    start timestamptz,                         -- of what was accepted, cancelled since or not
    sequence integer NOT NULL,                 -- of changes, as calendars count them
    PRIMARY KEY (event_id, member_id, sync_id)
);

CREATE INDEX member_syncs_position_idx ON views.member_syncs (event_id, member_id, position);

CREATE TABLE views.sync_texts (
    event_id text COLLATE "C" NOT NULL,
    sync_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,       -- who has asked, and wrote the note
    note text NOT NULL,
    place text NOT NULL,
    place_by text COLLATE "C" NOT NULL,        -- who has named the place
    asked text NOT NULL DEFAULT '',            -- the place that the asker named
    PRIMARY KEY (event_id, sync_id)
);

-- How members are shown to each other in their syncs, and whether they are.
CREATE TABLE views.sync_people (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    headline text NOT NULL,
    company text NOT NULL,
    avatar_url text NOT NULL,
    listed boolean NOT NULL,
    erased boolean NOT NULL,
    PRIMARY KEY (event_id, member_id)
);

CREATE TABLE views.sync_blocks (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    blocked_id text COLLATE "C" NOT NULL,
    blocked boolean NOT NULL,
    PRIMARY KEY (event_id, member_id, blocked_id)
);

CREATE TABLE views.live_syncs (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    PRIMARY KEY (event_id, member_id, position)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX live_syncs_position_idx ON views.live_syncs (position);
