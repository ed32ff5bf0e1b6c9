-- One mission's points are bounded by the API, but a member keeps them when a catalogue is
-- replaced, so a sum of them is not. These tables are read models and small: to write them anew
-- takes a moment, in which their readers wait.

-- squawk-ignore changing-column-type
ALTER TABLE views.leaderboard ALTER COLUMN points_earned TYPE bigint;

-- squawk-ignore changing-column-type
ALTER TABLE views.live_progress ALTER COLUMN points_earned TYPE bigint;

-- squawk-ignore changing-column-type
ALTER TABLE views.live_totals ALTER COLUMN points_total TYPE bigint;
