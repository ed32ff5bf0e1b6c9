-- before deploy: the version before neither reads nor writes these tables, and its leaderboard leaves
-- the new column at its default
--
-- Who is here, as others may find them: search looks for parts of words, and needs two extensions that
-- come with every PostgreSQL and that the owner of a database may create. Where CREATE EXTENSION is
-- refused, have a superuser run the next two statements once in this database, and migrate again.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE TABLE views.attendees (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,                  -- of the event that made the row what it is
    joined bigint NOT NULL,                    -- the position at which they registered
    listed boolean NOT NULL,                   -- neither hidden nor erased
    name text NOT NULL,
    headline text NOT NULL,
    company text NOT NULL,
    role text NOT NULL,
    avatar_url text NOT NULL,
    interests text [] NOT NULL,
    industries text [] NOT NULL,
    focus_areas text [] NOT NULL,
    goals text [] NOT NULL,
    offers text [] NOT NULL,
    seeks text [] NOT NULL,
    words text COLLATE "C" NOT NULL,           -- what search looks at; empty where not listed
    on_leaderboard boolean NOT NULL,
    PRIMARY KEY (event_id, member_id)
);

-- What has changed since somebody looked.
CREATE INDEX attendees_position_idx ON views.attendees (event_id, position);

-- A short list of what waits to be put into the index, since each search reads all of it.
CREATE INDEX attendees_words_idx ON views.attendees USING gin (event_id, words gin_trgm_ops)
WITH (gin_pending_list_limit = 256) WHERE listed;

-- The last thing that each did by themselves.
CREATE TABLE views.attendee_activity (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (event_id, member_id)
);

CREATE INDEX attendee_activity_position_idx ON views.attendee_activity (event_id, position);

-- Whom each member blocks, or once did. The two do not see each other.
CREATE TABLE views.blocks (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    blocked_member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    blocked boolean NOT NULL,
    PRIMARY KEY (event_id, member_id, blocked_member_id)
);

CREATE INDEX blocks_position_idx ON views.blocks (event_id, position);

-- On whose profile a member was, to whom they wrote, and with whom they have an appointment.
CREATE TABLE views.attendees_met (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    target_member_id text COLLATE "C" NOT NULL,
    viewed boolean NOT NULL,
    messaged boolean NOT NULL,
    synced boolean NOT NULL,
    PRIMARY KEY (event_id, member_id, target_member_id)
);

-- A leaderboard is shown without those whom the asker does not see: whom each member blocks is in
-- their row, and a few have any.
ALTER TABLE views.leaderboard ADD COLUMN blocks text [] COLLATE "C" NOT NULL DEFAULT '{}';
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX leaderboard_blocks_idx ON views.leaderboard USING gin (event_id, blocks)
WHERE blocks <> '{}';
