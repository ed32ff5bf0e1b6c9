-- Read models: folds of events.log, one position each. All of this can be thrown away and
-- folded again.

CREATE SCHEMA views;

-- How far each reader of the log has come: read models, and the relay.
CREATE TABLE views.positions (
    name text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('read_model', 'relay')),
    position bigint NOT NULL DEFAULT 0,        -- everything up to here is applied
    seen bigint NOT NULL DEFAULT 0,            -- the end of the log, when last looked
    beat_at timestamptz NOT NULL DEFAULT now(),
    problem text                               -- why it does not go on, if it does not
) WITH (fillfactor = 50);

CREATE TABLE views.conferences (
    event_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    timezone text NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz
);

CREATE TABLE views.mission_catalogues (
    event_id text COLLATE "C" PRIMARY KEY,
    missions jsonb NOT NULL
);

CREATE TABLE views.member_missions (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    mission_id text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('not_started', 'in_progress', 'completed')),
    points_earned integer NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, member_id, mission_id)
) WITH (fillfactor = 80);

CREATE TABLE views.mission_ledger (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    mission_id text COLLATE "C" NOT NULL,
    cause text NOT NULL,
    points integer NOT NULL,
    PRIMARY KEY (event_id, member_id, position)
);

CREATE TABLE views.leaderboard (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    shown boolean NOT NULL,
    points_earned integer NOT NULL,
    missions_completed integer NOT NULL,
    reached_at timestamptz,
    reached_position bigint NOT NULL,
    PRIMARY KEY (event_id, member_id)
) WITH (fillfactor = 80);

CREATE INDEX leaderboard_rank_idx
    ON views.leaderboard (event_id, points_earned DESC, reached_position)
    WHERE shown AND missions_completed > 0;

-- What each member's live feed says, and has said. What it needs to say it is kept beside it.
CREATE TABLE views.live_feed (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    PRIMARY KEY (event_id, member_id, position)
);

CREATE INDEX live_feed_position_idx ON views.live_feed (position);

CREATE TABLE views.live_totals (
    event_id text COLLATE "C" PRIMARY KEY,
    missions_total integer NOT NULL,
    points_total integer NOT NULL
);

CREATE TABLE views.live_progress (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    points_earned integer NOT NULL,
    missions_completed integer NOT NULL,
    PRIMARY KEY (event_id, member_id)
) WITH (fillfactor = 80);
