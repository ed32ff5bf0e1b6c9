-- The event store. Columns and type are those that the eventsourcing library's Postgres
-- recorder reads and writes, with text stream names.

CREATE SCHEMA events;

CREATE TABLE events.log (
    originator_id text COLLATE "C" NOT NULL,   -- the stream, as in missions:evt_1:usr_1
    originator_version bigint NOT NULL,        -- 1, 2, 3 ... within the stream
    topic text NOT NULL,                       -- the event's name
    state bytea NOT NULL,                      -- envelope and facts, as JSON
    notification_id bigserial NOT NULL,        -- the position: the one number everywhere
    PRIMARY KEY (originator_id, originator_version)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

CREATE UNIQUE INDEX log_notification_id_idx ON events.log (notification_id);

CREATE TYPE events.stored_event_text AS (
    originator_id text, originator_version bigint, topic text, state bytea
);

-- History is not rewritten, by anyone.
CREATE FUNCTION events.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events.log only grows: % is refused', tg_op
        USING ERRCODE = 'raise_exception', HINT = 'Record an event that corrects instead.';
END $$;

CREATE TRIGGER log_only_grows BEFORE UPDATE OR DELETE ON events.log
    FOR EACH ROW EXECUTE FUNCTION events.refuse();
CREATE TRIGGER log_is_never_emptied BEFORE TRUNCATE ON events.log
    FOR EACH STATEMENT EXECUTE FUNCTION events.refuse();

-- The first reply to each Idempotency-Key, written in the transaction of its events.
CREATE TABLE events.command_keys (
    principal text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,                -- of method, path and body
    problem text,                              -- the refusal's class, where a rule said no
    reply bytea NOT NULL,                      -- the reply's body, or the refusal's text
    originator_id text COLLATE "C" NOT NULL,   -- with the version: the event the reply stands on
    originator_version bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);

CREATE INDEX command_keys_recorded_at_idx ON events.command_keys (recorded_at);
