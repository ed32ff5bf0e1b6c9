-- Templates: {table} and what else is in braces is worded from a read model's Struct.

-- name: read
-- rows by their keys, to be folded; only the columns that we know
SELECT coalesce(json_agg(v), '[]')::text
FROM (
    SELECT {columns} FROM unnest({keys}) AS k ({key_columns})
    JOIN {table} AS t USING ({key_columns})
) AS v;

-- name: insert
-- rows that come once. Types are the table's; a column that we do not know gets its default
INSERT INTO {table} ({columns})
SELECT {columns} FROM json_populate_recordset(NULL::{table}, %(rows)s::json);

-- name: upsert
-- rows that were folded
INSERT INTO {table} ({columns})
SELECT {columns} FROM json_populate_recordset(NULL::{table}, %(rows)s::json)
ON CONFLICT ({key_columns}) DO UPDATE SET {others};

-- name: keep
-- rows that are nothing but their keys
INSERT INTO {table} ({columns})
SELECT {columns} FROM json_populate_recordset(NULL::{table}, %(rows)s::json)
ON CONFLICT ({key_columns}) DO NOTHING;

-- name: since
-- how far these feeds have come, in their order; and what they have said to each of some members,
-- each feed since a position of its own, in the order of the log: nulls where that is nothing
SELECT
    ask.n,
    ARRAY(
        SELECT coalesce(p.position, 0)
        FROM unnest(%(names)s::text[]) WITH ORDINALITY AS feed (name, place)
        LEFT JOIN views.positions AS p USING (name)
        ORDER BY feed.place
    ) AS shown,
    said.feed, said.position, said.type, said.data
FROM json_to_recordset(%(asks)s::json)
    AS ask (n integer, scope_id text, member_id text, after bigint [])
LEFT JOIN LATERAL (
    SELECT feed, position, type, data FROM ({feeds}) AS each
    ORDER BY position
    LIMIT %(most)s
) AS said ON true
ORDER BY ask.n, said.position;

-- name: since_of_one
-- of one of them, by its place among them
(
    SELECT {place} AS feed, position, type, data::text
    FROM {table}
    WHERE event_id = ask.scope_id AND member_id = ask.member_id
    AND position > ask.after[{place} + 1]
    ORDER BY position
    LIMIT %(most)s
)

-- name: told
-- the members that a feed has told something of events after a position, up to another
SELECT DISTINCT event_id, member_id FROM {table}
WHERE position > %(after)s AND position <= %(until)s;

-- name: said_at
-- what a feed says of each of these events; null where it is more than so many messages, which are
-- counted first, or where it is more than so many bytes with that of those before it
SELECT
    position,
    CASE
        WHEN coalesce(sum(octet_length(messages)) OVER (ORDER BY position), 0) <= %(bytes)s
        THEN messages ELSE 'null'
    END
FROM (
    SELECT
        at.position,
        CASE
            WHEN (
                SELECT count(*) FROM (
                    SELECT FROM {table} AS f WHERE f.position = at.position LIMIT %(most)s + 1
                ) AS counted
            ) > %(most)s
            THEN 'null'
            ELSE (
                SELECT json_agg(json_build_object(
                    'event_id', f.event_id, 'member_id', f.member_id, 'type', f.type, 'data', f.data
                ))::text
                FROM {table} AS f WHERE f.position = at.position
            )
        END AS messages
    FROM unnest(%(positions)s::bigint[]) AS at (position)
) AS said;

-- name: untell
-- what a feed says in a scope of events after a position, up to another: it is made again
DELETE FROM {table}
WHERE event_id = %(scope_id)s AND position > %(after)s AND position <= %(until)s;

-- name: aged
-- the last of a feed's oldest rows, so many at most, that is of an event of before a moment. An
-- event's own time is in its envelope
SELECT max(l.notification_id)
FROM (SELECT DISTINCT position FROM (
    SELECT position FROM {table} ORDER BY position LIMIT %(most)s
) AS rows) AS oldest
JOIN events.log AS l ON l.notification_id = oldest.position
WHERE (convert_from(l.state, 'UTF8')::json ->> 'at')::timestamptz < %(before)s;

-- name: expire
-- a feed's rows up to a position, so many at most
DELETE FROM {table}
WHERE (event_id, member_id, position) IN (
    SELECT event_id, member_id, position FROM {table}
    WHERE position <= %(position)s
    ORDER BY position
    LIMIT %(most)s
);
