-- A decision may stand on streams that it does not write to. All writers take one lock, so these
-- cannot move on meanwhile. For a writer without it, the primary key of the log tells for the streams
-- that are written to, and this tells for the others what that writer has committed by now. What it
-- has written and not yet committed is seen by nobody: only the lock makes a decision exact.

CREATE FUNCTION events.check_versions(streams text[], versions bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    moved text;
BEGIN
    SELECT s.stream INTO moved
    FROM unnest(streams, versions) AS s (stream, version)
    JOIN events.log AS l
        ON l.originator_id = s.stream AND l.originator_version = s.version + 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% has moved on', moved USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

-- Why commands of a bulk were refused. A refusal may name a person, and the log keeps everything for
-- ever: it has the index and the class alone, and what the refusal says is here for as long as replies
-- are kept.
CREATE TABLE events.bulk_refusals (
    originator_id text COLLATE "C" NOT NULL,   -- the bulk's stream
    command integer NOT NULL,                  -- its index among the bulk's commands, from 0
    principal text COLLATE "C" NOT NULL,       -- who sent the bulk
    problem text NOT NULL,                     -- the refusal's class
    reply bytea NOT NULL,                      -- the refusal's text, as in command_keys
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (originator_id, command)
);

CREATE INDEX bulk_refusals_recorded_at_idx ON events.bulk_refusals (recorded_at);
