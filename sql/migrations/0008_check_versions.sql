-- A decision may stand on streams that it does not write to. All writers take one lock, so these
-- cannot move on meanwhile; where somebody writes without it, the primary key of the log tells for
-- the streams that are written to, and this tells for the others.

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
