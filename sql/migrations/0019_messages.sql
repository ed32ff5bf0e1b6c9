-- before deploy: the version before does not look at what is made here
--
-- Messages between members, the threads that each has, and reports of them. What people wrote is in
-- views.thread_messages alone: all else names a message by its id, so one change erases it.

CREATE TABLE views.thread_messages (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,       -- who wrote it
    message_id text COLLATE "C" NOT NULL,
    low text COLLATE "C" NOT NULL,             -- the two whose thread it is in, in this order
    high text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    text text NOT NULL,
    erased boolean NOT NULL,
    PRIMARY KEY (event_id, member_id, message_id)
);

CREATE INDEX thread_messages_pair_idx ON views.thread_messages (event_id, low, high, position);

-- Each thread twice: as either of the two has it.
CREATE TABLE views.threads (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    other_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,                  -- of its last message, of whom that is and when
    message_id text COLLATE "C" NOT NULL,
    author_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    unread bigint NOT NULL,
    PRIMARY KEY (event_id, member_id, other_id)
);

-- All positions are above 0. It is said so that this index is looked at by who asks for a page alone:
-- for one thread it seems to cost as much as the key, since few have many.
CREATE INDEX threads_last_idx ON views.threads (event_id, member_id, position) WHERE position > 0;
CREATE INDEX threads_unread_idx ON views.threads (event_id, member_id, position) WHERE unread > 0;

-- How members are shown to each other in their threads, and whether they are.
CREATE TABLE views.thread_people (
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

CREATE TABLE views.thread_blocks (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    blocked_id text COLLATE "C" NOT NULL,
    blocked boolean NOT NULL,
    PRIMARY KEY (event_id, member_id, blocked_id)
);

CREATE TABLE views.flagged_messages (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,       -- who reported it
    message_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    author_id text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (event_id, member_id, message_id)
);

CREATE INDEX flagged_messages_position_idx ON views.flagged_messages (event_id, position);

CREATE TABLE views.live_messages (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    PRIMARY KEY (event_id, member_id, position)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX live_messages_position_idx ON views.live_messages (position);
