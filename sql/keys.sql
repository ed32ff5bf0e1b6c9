-- name: wrap_from_now_on
-- keys of persons are wrapped from here on: those that are plain, soon
INSERT INTO events.master_key (one, rewritten)
SELECT true, NOT EXISTS (SELECT FROM events.person_keys)
ON CONFLICT DO NOTHING;

-- name: wrap_no_more
-- keys of persons are made plain from here on, as the version before needs them
DELETE FROM events.master_key;

-- name: change_master_key
-- keys of persons are wrapped with this master key from here on
UPDATE events.master_key SET check_value = %(check)s, rewritten = false, since = now();

-- name: held_master_key
-- whether keys are wrapped, and with which: for as long as the transaction takes
SELECT check_value FROM events.master_key FOR NO KEY UPDATE;

-- name: keys_after
-- living keys of persons in their order, some at a time: all, or those that are plain
SELECT person, number, key
FROM events.person_keys
WHERE (person, number) > (%(person)s::text COLLATE "C", %(number)s)
AND key IS NOT NULL AND (%(all)s OR octet_length(key) = 32)
ORDER BY person, number
LIMIT %(most)s;

-- name: replace_keys
-- keys of persons in another form, those that have not been destroyed meanwhile
UPDATE events.person_keys AS k SET key = n.new
FROM unnest(
    %(persons)s::text[], %(numbers)s::integer[], %(old)s::bytea[], %(new)s::bytea[]
) AS n (person, number, old, new)
WHERE k.person = n.person AND k.number = n.number AND k.key = n.old;

-- name: wrap_keys
-- keys of persons that were plain, likewise: all that upkeep may do to them
SELECT events.wrap_keys(
    %(persons)s::text[], %(numbers)s::integer[], %(old)s::bytea[], %(new)s::bytea[]
);

-- name: to_be_rewritten
-- a file of the table of keys has one in a form that is not wanted any more. Each time the row gets
-- another version, by which whoever rewrites the file sees that it may have come after that
UPDATE events.master_key SET rewritten = false;

-- name: rewritten
-- no file of the table of keys has such a one, if nobody has changed one since it was found to be due
UPDATE events.master_key SET rewritten = true
WHERE NOT rewritten AND xmin::text = %(row_version)s;

-- name: plain_keys
-- whether a key of a person is stored plain
SELECT EXISTS (SELECT FROM events.person_keys WHERE octet_length(key) = 32);

-- name: due_to_be_rewritten
-- whether a file of the table of keys may have one in a form that is not wanted any more: the version
-- of the row that says so
SELECT xmin::text FROM events.master_key WHERE NOT rewritten;

-- name: no_lock_timeout
-- after that of a moment
RESET lock_timeout;
