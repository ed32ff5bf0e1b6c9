-- before deploy: any version goes on writing the leaderboard meanwhile, and what it writes is counted

-- How many members are ranked in parts of a leaderboard: a rank is a sum of some of these, and not a
-- count of all who are ahead. It is to the leaderboard what an index would be, had an index numbers:
-- kept in the same transaction by whatever writes the table, whichever version that is, and of no
-- meaning of its own. Each who is ranked counts in a part of each level:
--     1: those with so many points, in blocks of 256
--     2: those with as many points
--     3, 4: those with as many points who reached them in the same stretch of the log, of 2^22 and
--        of 2^12 positions
CREATE TABLE views.leaderboard_counts (
    event_id text COLLATE "C" NOT NULL,
    level integer NOT NULL,
    points bigint NOT NULL,
    stretch bigint NOT NULL,
    members bigint NOT NULL,
    PRIMARY KEY (event_id, level, points, stretch)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- The part of each level that somebody with so many points, reached at this position, counts in.
CREATE FUNCTION views.parts_of_leaderboard(points bigint, reached bigint)
RETURNS TABLE (level integer, points bigint, stretch bigint) LANGUAGE sql IMMUTABLE AS $$
    VALUES
    (1, $1 >> 8, 0::bigint), (2, $1, 0), (3, $1, $2 >> 22), (4, $1, $2 >> 12)
$$;

CREATE FUNCTION views.count_ranked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_OP
        WHEN 'INSERT' THEN
            INSERT INTO views.leaderboard_counts AS counted
            SELECT r.event_id, p.level, p.points, p.stretch, count(*)
            FROM written AS r,
            views.parts_of_leaderboard(r.points_earned, r.reached_position) AS p
            WHERE r.shown AND r.missions_completed > 0
            GROUP BY 1, 2, 3, 4
            ORDER BY 1, 2, 3, 4
            ON CONFLICT (event_id, level, points, stretch) DO UPDATE
            SET members = counted.members + excluded.members;
        WHEN 'UPDATE' THEN
            INSERT INTO views.leaderboard_counts AS counted
            SELECT r.event_id, p.level, p.points, p.stretch, sum(r.members)
            FROM (
                SELECT event_id, points_earned, reached_position, sum(members) AS members
                FROM (
                    SELECT event_id, points_earned, reached_position, 1 AS members
                    FROM written WHERE shown AND missions_completed > 0
                    UNION ALL
                    SELECT event_id, points_earned, reached_position, -1
                    FROM overwritten WHERE shown AND missions_completed > 0
                ) AS each
                GROUP BY event_id, points_earned, reached_position
                HAVING sum(members) <> 0
            ) AS r,
            views.parts_of_leaderboard(r.points_earned, r.reached_position) AS p
            GROUP BY 1, 2, 3, 4
            HAVING sum(r.members) <> 0
            ORDER BY 1, 2, 3, 4
            ON CONFLICT (event_id, level, points, stretch) DO UPDATE
            SET members = counted.members + excluded.members;
        ELSE  -- nothing does, but who repairs something by hand
            PERFORM views.count_leaderboard_anew();
    END CASE;
    RETURN NULL;
END $$;

CREATE FUNCTION views.count_leaderboard_anew() RETURNS void LANGUAGE sql AS $$
    DELETE FROM views.leaderboard_counts;
    INSERT INTO views.leaderboard_counts
    SELECT r.event_id, p.level, p.points, p.stretch, count(*)
    FROM views.leaderboard AS r,
    views.parts_of_leaderboard(r.points_earned, r.reached_position) AS p
    WHERE r.shown AND r.missions_completed > 0
    GROUP BY 1, 2, 3, 4;
$$;

-- Counts, and from then on, if that is not done already. A rebuild puts a table in the place of the old
-- one, which nobody counts: then ranks are counted one by one until this is called, which upkeep does.
CREATE FUNCTION views.count_leaderboard() RETURNS void LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
BEGIN
    LOCK TABLE views.leaderboard IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'views.leaderboard'::regclass AND tgname = 'counted_when_inserted'
    ) THEN
        RETURN;
    END IF;
    PERFORM views.count_leaderboard_anew();
    CREATE TRIGGER counted_when_inserted AFTER INSERT ON views.leaderboard
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION views.count_ranked();
    CREATE TRIGGER counted_when_updated AFTER UPDATE ON views.leaderboard
    REFERENCING OLD TABLE AS overwritten NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION views.count_ranked();
    CREATE TRIGGER counted_when_deleted AFTER DELETE OR TRUNCATE ON views.leaderboard
    FOR EACH STATEMENT EXECUTE FUNCTION views.count_ranked();
END $$;

SELECT views.count_leaderboard();
