-- before deploy: nothing here is read or written by the version before, and what is locked is small,
-- an index of one row for each member with points

-- For reads that cost too much.

-- How early the events of a stretch of the log are stamped. Positions follow the order of commits,
-- and stamps nearly do: clocks of two processes differ. So what was stamped by a moment ends in the
-- last stretch whose earliest stamp is not after it, and no event beyond that is looked at. Upkeep
-- adds a row once a stretch is complete, and it never changes: the log only grows. All of it can be
-- thrown away and made again.
CREATE TABLE events.stamps (
    until bigint PRIMARY KEY,                  -- of the stretch's positions, the last: a multiple
    earliest timestamptz NOT NULL              -- infinity: it has no events
);

-- Which conferences have gained points of late, for metrics.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX leaderboard_reached_idx ON views.leaderboard (event_id, reached_at DESC)
WHERE missions_completed > 0;
