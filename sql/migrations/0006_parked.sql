-- Keys that a reader of the log has parked: an event of the stream could not be applied, so it and
-- the stream's later events wait, in the log, until somebody says what is to become of them.

CREATE TABLE views.parked (
    reader text COLLATE "C" NOT NULL,          -- a read model or a worker: see views.positions
    stream text COLLATE "C" NOT NULL,
    position bigint NOT NULL,                  -- of the first event that waits
    problem text NOT NULL,                     -- why it could not be applied
    parked_at timestamptz NOT NULL DEFAULT now(),
    asked text CHECK (asked IN ('replay', 'drop')),  -- of whoever leads; NULL: nothing
    PRIMARY KEY (reader, stream)
);

-- What was dropped of them: left out up to a position, and in tables that are built anew as well, as
-- long as it cannot be applied.
CREATE TABLE views.dropped (
    reader text COLLATE "C" NOT NULL,
    stream text COLLATE "C" NOT NULL,
    position bigint NOT NULL,                  -- of the first event that is left out
    until bigint NOT NULL,                     -- what is later of the stream is applied
    problem text NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (reader, stream, position)
);

-- `turn` rises when what is parked is replayed or dropped: who does not know of it has lost the
-- lead, as who does not know the position.
ALTER TABLE views.positions
    ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now(),  -- when it last applied something
    ADD COLUMN turn bigint NOT NULL DEFAULT 0;

-- A handful of rows: to look at each takes no time.
-- squawk-ignore ban-drop-constraint
ALTER TABLE views.positions DROP CONSTRAINT positions_kind_check;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE views.positions ADD CONSTRAINT positions_kind_check
    CHECK (kind IN ('read_model', 'relay', 'worker'));
