-- What is personal in events is sealed with a key of the person it is about. The log only grows;
-- a key can be destroyed, and then nobody can read what it sealed, in no backup of the log either.
-- Who comes back after that gets another key.

CREATE TABLE events.person_keys (
    person text COLLATE "C" NOT NULL,          -- a member, or evt_1:p1: a speaker of a conference
    number integer NOT NULL,                   -- 1, 2, 3 ... of this person
    key bytea,                                 -- none: destroyed
    created_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    PRIMARY KEY (person, number),
    CHECK ((key IS NULL) = (erased_at IS NOT NULL))
);
