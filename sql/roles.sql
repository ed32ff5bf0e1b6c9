-- Roles that may do less than the owner of the database. The file is for psql as it is, and may run
-- again at any time: it has to after a migration.

-- name: make_roles
-- two groups, who may read all that the product shows and who may record what happens; and the login
-- of the web, which is in both. A rebuild makes tables anew, so what may be read is granted by default.
-- None of them can change or take away what is recorded, nor the triggers that refuse it
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['rapport_reader', 'rapport_writer', 'rapport_api'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- it was made before, or is just being made
        END;
    END LOOP;
END $$;
ALTER ROLE rapport_api LOGIN;
GRANT USAGE ON SCHEMA events, views, work TO rapport_reader, rapport_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA events, views, work TO rapport_reader;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO rapport_reader;
GRANT SELECT, INSERT ON events.log, events.command_keys, events.bulk_refusals, events.person_keys
TO rapport_writer;
GRANT SELECT, UPDATE (check_value) ON events.master_key TO rapport_writer;
GRANT USAGE ON SEQUENCE events.log_notification_id_seq TO rapport_writer;
GRANT rapport_reader, rapport_writer TO rapport_api;
