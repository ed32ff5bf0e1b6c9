-- before deploy: the version before does not look at what is made here, and its keys stay plain

-- Keys of persons are wrapped with a master key that the database never sees. This says whether they
-- are, and with which: no row means that they are stored plain, as versions before this one need them.
-- Those that are plain are found by their length.

CREATE TABLE events.master_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),  -- there is one row at most
    check_value bytea,                                 -- none: the key of who makes the first one
    rewritten boolean NOT NULL DEFAULT true,           -- no file of person_keys has a plain one
    since timestamptz NOT NULL DEFAULT now()
);

-- A new database has them wrapped from the first one on: no earlier version has ever run on it.
INSERT INTO events.master_key (one)
SELECT true
WHERE NOT EXISTS (SELECT FROM events.log)
AND NOT EXISTS (SELECT FROM events.person_keys)
AND NOT EXISTS (SELECT FROM views.positions);
