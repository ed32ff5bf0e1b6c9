-- before deploy: the version before does not look at what is made here
--
-- How much people at an event do about each other, in each hour. Counts alone: nothing says of whom.

CREATE TABLE views.attendee_acts (
    event_id text COLLATE "C" NOT NULL,
    hour bigint NOT NULL,                      -- hours since 1970, in UTC
    views bigint NOT NULL,
    messages bigint NOT NULL,
    messages_reported bigint NOT NULL,         -- by telemetry: of messages elsewhere
    syncs bigint NOT NULL,
    syncs_accepted bigint NOT NULL,
    syncs_reported bigint NOT NULL,
    PRIMARY KEY (event_id, hour)
);
