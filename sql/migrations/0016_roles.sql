-- before deploy: nothing of the version before looks at what is made here

-- Wraps keys of persons that are stored plain, for upkeep, which may not change them otherwise: what is
-- wrapped already, or destroyed, stays as it is. Gives how many there were. With the rights of the owner,
-- so nobody may call it but who is named in sql/roles.sql.
CREATE FUNCTION events.wrap_keys(
    persons text[], numbers integer[], plain bytea[], wrapped bytea[]
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH changed AS (
        UPDATE events.person_keys AS k SET key = n.new
        FROM unnest(persons, numbers, plain, wrapped) AS n (person, number, old, new)
        WHERE k.person = n.person AND k.number = n.number AND k.key = n.old
        AND octet_length(n.old) = 32 AND octet_length(n.new) = 40
        RETURNING k.number
    )

    SELECT count(*) FROM changed
$$;

REVOKE EXECUTE ON FUNCTION events.wrap_keys FROM PUBLIC;
