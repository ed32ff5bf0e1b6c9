-- Work that takes time. What is due is a read model: a fold of the log, rebuilt like all. Who is at
-- it is in a schema of its own, which no rebuild touches, and is written in short transactions only.

CREATE TABLE views.due (
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,         -- what of: as in evt_1:usr_1
    wanted bigint NOT NULL,                    -- position of the last event that asks for it
    based_on bigint NOT NULL,                  -- that its last result is based on; due while it is less
    not_before timestamptz NOT NULL,           -- scheduled at
    latest timestamptz NOT NULL,               -- further events put it off no longer than this
    PRIMARY KEY (kind, subject)
) WITH (fillfactor = 80);

CREATE INDEX due_scheduled_idx ON views.due (kind, not_before) WHERE wanted > based_on;
CREATE INDEX due_wanted_idx ON views.due (kind, wanted) WHERE wanted > based_on;

CREATE SCHEMA work;

CREATE TABLE work.leases (
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    wanted bigint NOT NULL DEFAULT 0,          -- of the piece, when it was taken last
    worker text COLLATE "C",                   -- who is at it; NULL: nobody
    number bigint NOT NULL DEFAULT 0,          -- of times that it was taken
    beat_at timestamptz NOT NULL DEFAULT now(), -- its last heartbeat: long ago is stalled
    attempts integer NOT NULL DEFAULT 0,       -- since the last result
    problem text,                              -- why the last attempt failed
    retry_at timestamptz NOT NULL DEFAULT now(), -- infinity: see is_parked
    begun bigint NOT NULL DEFAULT 0,           -- at most once: the wanted of what may have been done
    settled bigint NOT NULL DEFAULT 0,         -- what is wanted up to here is done, or left out
    PRIMARY KEY (kind, subject)
) WITH (fillfactor = 50);

CREATE INDEX leases_parked_idx ON work.leases (kind) WHERE retry_at = 'infinity';
CREATE INDEX leases_held_idx ON work.leases (kind) WHERE worker IS NOT NULL;

-- Whether a piece waits for an operator. A worker that is taken for dead may hand a result in after
-- another has parked its piece; then nothing waits.
CREATE FUNCTION work.is_parked(lease work.leases, wanted bigint, based_on bigint) RETURNS boolean
LANGUAGE sql STABLE RETURN
    lease.retry_at = 'infinity' AND lease.wanted > based_on AND wanted > lease.settled;

-- What each kind has spent of its budget, by days in UTC.
CREATE TABLE work.budgets (
    kind text COLLATE "C" NOT NULL,
    day date NOT NULL,
    spent bigint NOT NULL,
    PRIMARY KEY (kind, day)
);

-- A reaction counts the attempts at what comes next, so that one at which processes end every time
-- is told from others.
ALTER TABLE views.positions ADD COLUMN attempts integer NOT NULL DEFAULT 0;

-- A handful of rows: to look at each takes no time.
-- squawk-ignore ban-drop-constraint
ALTER TABLE views.positions DROP CONSTRAINT positions_kind_check;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE views.positions ADD CONSTRAINT positions_kind_check
    CHECK (kind IN ('read_model', 'relay', 'worker', 'reaction', 'work'));
