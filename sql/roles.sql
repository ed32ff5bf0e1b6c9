-- Roles that may do less than the owner of the database, who alone migrates, erases and restores. The
-- file is for psql as it is, and may run again at any time: it has to after a migration, and after a
-- rebuild by a version that knows none of these roles.

-- name: make_roles
-- three groups and two logins. None of them can change or take away what is recorded, nor the triggers
-- that refuse it.
--   rapport_reader     reads all that the product shows
--   rapport_writer     records what happens
--   rapport_projector  keeps the read models and leases; their tables are its own, as a rebuild makes
--                      them anew, and whatever one of its members makes there is its own again
--   rapport_api        the login of the web: reads and records
--   rapport_worker     the login of the workers: all three, and what upkeep deletes
-- A table that an earlier version rebuilds is the owner's, hence the default privileges; they are taken
-- back for the log, which stays out of reach
DO $$
DECLARE
    role text;
    statement text;
BEGIN
    PERFORM set_config('lock_timeout', '10s', true);
    FOREACH role IN ARRAY ARRAY[
        'rapport_reader', 'rapport_writer', 'rapport_projector', 'rapport_api', 'rapport_worker'
    ] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- it was made before, or is just being made
        END;
    END LOOP;
    ALTER ROLE rapport_api LOGIN;
    ALTER ROLE rapport_worker LOGIN;
    GRANT rapport_reader, rapport_writer TO rapport_api;
    GRANT rapport_reader TO rapport_projector;
    GRANT rapport_projector, rapport_writer TO rapport_worker;
    EXECUTE format('GRANT rapport_worker TO %I', current_user);  -- what is the workers' is the owner's

    GRANT USAGE ON SCHEMA events, views, work TO rapport_reader, rapport_writer;
    GRANT SELECT ON ALL TABLES IN SCHEMA events, views, work TO rapport_reader;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO rapport_reader;
    ALTER DEFAULT PRIVILEGES FOR ROLE rapport_projector GRANT SELECT ON TABLES TO rapport_reader;

    GRANT SELECT, INSERT ON events.log, events.command_keys, events.bulk_refusals, events.person_keys
    TO rapport_writer;
    GRANT SELECT, UPDATE (check_value) ON events.master_key TO rapport_writer;
    GRANT USAGE ON SEQUENCE events.log_notification_id_seq TO rapport_writer;

    EXECUTE format('GRANT CREATE ON DATABASE %I TO rapport_projector', current_database());
    GRANT CREATE ON SCHEMA views TO rapport_projector;
    ALTER DEFAULT PRIVILEGES GRANT INSERT, UPDATE, DELETE ON TABLES TO rapport_projector;
    REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA events FROM rapport_projector;
    GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA work TO rapport_projector;
    FOR statement IN
        SELECT format('ALTER SCHEMA %I OWNER TO rapport_projector', n.nspname)
        FROM pg_namespace AS n
        WHERE n.nspname ~ '^(rebuild|retired)_' AND n.nspowner <> 'rapport_projector'::regrole
        UNION ALL
        SELECT format('ALTER TABLE %s OWNER TO rapport_projector', c.oid::regclass)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname ~ '^(views$|rebuild_|retired_)'
        AND c.relowner <> 'rapport_projector'::regrole
    LOOP
        EXECUTE statement;
    END LOOP;

    GRANT DELETE ON events.command_keys, events.bulk_refusals TO rapport_worker;
    GRANT INSERT ON events.stamps TO rapport_worker;
    GRANT UPDATE (rewritten) ON events.master_key TO rapport_worker;
    REVOKE EXECUTE ON FUNCTION events.wrap_keys FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION events.wrap_keys TO rapport_worker;
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON events.person_keys TO rapport_worker';
    END IF;
END $$;
