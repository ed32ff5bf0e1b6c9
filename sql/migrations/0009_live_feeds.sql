-- A live feed for each capability, each with a position of its own, in place of views.live_feed. What
-- that holds is copied with its position, so nothing is folded again: in one statement for each new
-- feed, and so as of one moment, while whoever keeps the old one goes on. The old one stays for the
-- version before, which may run beside this one. A database that is new has none, and what follows
-- copies nothing.
--
-- The version before is not ready while any row of views.positions has no projector. So a position
-- that was copied waits beside that table until the first projector of this version takes it up.

-- Positions of read models that nobody keeps at present: whoever enrols one goes on from there. Also
-- where a version sets its read models aside before an earlier one takes its place.
CREATE TABLE views.set_aside (
    name text PRIMARY KEY,
    version integer NOT NULL,
    position bigint NOT NULL
);

-- Where the log ended when a reader got its position: what it makes of events up to there was never
-- news to anybody.
ALTER TABLE views.positions ADD COLUMN began bigint NOT NULL DEFAULT 0;

-- Rows of a feed expire: up to this position they are deleted, and a rebuild does not look at them.
CREATE TABLE views.expired (
    reader text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE views.live_missions (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    PRIMARY KEY (event_id, member_id, position)
);

CREATE TABLE views.live_missions_totals (
    event_id text COLLATE "C" PRIMARY KEY,
    missions_total integer NOT NULL,
    points_total bigint NOT NULL
);

CREATE TABLE views.live_missions_progress (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    points_earned bigint NOT NULL,
    missions_completed integer NOT NULL,
    PRIMARY KEY (event_id, member_id)
) WITH (fillfactor = 80);

CREATE TABLE views.live_sessions (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    PRIMARY KEY (event_id, member_id, position)
);

CREATE TABLE views.live_sessions_followed (
    event_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    title text NOT NULL,
    start_time timestamptz,
    end_time timestamptz,
    location text NOT NULL,
    cancelled boolean NOT NULL,
    PRIMARY KEY (event_id, item_id)
);

CREATE TABLE views.live_sessions_followers (
    event_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    part integer NOT NULL,
    members text [] COLLATE "C" NOT NULL,
    PRIMARY KEY (event_id, item_id, part)
);

WITH old AS (
    SELECT position FROM views.positions WHERE name = 'live_feed' AND version = 1
),

feed AS (
    INSERT INTO views.live_missions (event_id, member_id, position, type, data)
    SELECT f.event_id, f.member_id, f.position, f.type, f.data
    FROM views.live_feed AS f, old
    WHERE f.type = 'MISSION_UPDATED' AND f.position <= old.position
),

totals AS (
    INSERT INTO views.live_missions_totals (event_id, missions_total, points_total)
    SELECT t.event_id, t.missions_total, t.points_total FROM views.live_totals AS t, old
),

progress AS (
    INSERT INTO views.live_missions_progress (
        event_id, member_id, points_earned, missions_completed
    )
    SELECT p.event_id, p.member_id, p.points_earned, p.missions_completed
    FROM views.live_progress AS p, old
),

parked AS (
    INSERT INTO views.parked (reader, stream, position, problem, parked_at)
    SELECT 'live_missions', k.stream, k.position, k.problem, k.parked_at
    FROM views.parked AS k, old
    WHERE k.reader = 'live_feed' AND split_part(k.stream, ':', 1) IN ('catalogue', 'missions')
    ON CONFLICT DO NOTHING
),

dropped AS (
    INSERT INTO views.dropped (reader, stream, position, until, problem, dropped_at)
    SELECT 'live_missions', d.stream, d.position, d.until, d.problem, d.dropped_at
    FROM views.dropped AS d, old
    WHERE d.reader = 'live_feed' AND split_part(d.stream, ':', 1) IN ('catalogue', 'missions')
    ON CONFLICT DO NOTHING
)

INSERT INTO views.set_aside (name, version, position)
SELECT 'live_missions', 1, position FROM old;

WITH old AS (
    SELECT position FROM views.positions WHERE name = 'live_feed' AND version = 1
),

feed AS (
    INSERT INTO views.live_sessions (event_id, member_id, position, type, data)
    SELECT f.event_id, f.member_id, f.position, f.type, f.data
    FROM views.live_feed AS f, old
    WHERE f.type = 'SESSIONS_UPDATED' AND f.position <= old.position
),

followed AS (
    INSERT INTO views.live_sessions_followed (
        event_id, item_id, title, start_time, end_time, location, cancelled
    )
    SELECT
        s.event_id, s.item_id, s.title, s.start_time, s.end_time, s.location, s.cancelled
    FROM views.followed_sessions AS s, old
),

followers AS (
    INSERT INTO views.live_sessions_followers (event_id, item_id, part, members)
    SELECT s.event_id, s.item_id, s.part, s.members FROM views.session_followers AS s, old
),

parked AS (
    INSERT INTO views.parked (reader, stream, position, problem, parked_at)
    SELECT 'live_sessions', k.stream, k.position, k.problem, k.parked_at
    FROM views.parked AS k, old
    WHERE k.reader = 'live_feed' AND split_part(k.stream, ':', 1) IN ('agenda', 'stars')
    ON CONFLICT DO NOTHING
),

dropped AS (
    INSERT INTO views.dropped (reader, stream, position, until, problem, dropped_at)
    SELECT 'live_sessions', d.stream, d.position, d.until, d.problem, d.dropped_at
    FROM views.dropped AS d, old
    WHERE d.reader = 'live_feed' AND split_part(d.stream, ':', 1) IN ('agenda', 'stars')
    ON CONFLICT DO NOTHING
)

INSERT INTO views.set_aside (name, version, position)
SELECT 'live_sessions', 1, position FROM old;

-- What the relay and upkeep look for. After the copy, which is faster without.

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX live_missions_position_idx ON views.live_missions (position);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX live_sessions_position_idx ON views.live_sessions (position);

ANALYZE views.live_missions;
ANALYZE views.live_missions_progress;
ANALYZE views.live_sessions;
ANALYZE views.live_sessions_followers;
