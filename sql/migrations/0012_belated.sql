-- before deploy: the version before does not look at what is made here

-- Messages of live feeds that came belated: of events that were parked, so at positions that whoever
-- hears the feed had passed already. Open screens are told, and so is whoever resumes, by `seq`.
CREATE TABLE views.belated (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reader text COLLATE "C" NOT NULL,          -- the feed
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,                  -- of the event, and of its row in the feed
    said_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX belated_audience_idx ON views.belated (event_id, member_id, seq);
CREATE INDEX belated_said_at_idx ON views.belated (said_at);
