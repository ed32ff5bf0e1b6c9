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
-- how far these feeds have come, in their order; and for each of some members, the last number of what
-- they said belated to them, and what they have said to them: first that since a number, up to
-- positions that were heard, then all since a position of each feed, in the order of the log: nulls
-- where that is nothing
SELECT
    ask.n,
    ARRAY(
        SELECT coalesce(p.position, 0)
        FROM unnest(%(names)s::text[]) WITH ORDINALITY AS feed (name, place)
        LEFT JOIN views.positions AS p USING (name)
        ORDER BY feed.place
    ) AS shown,
    coalesce((
        SELECT max(b.seq) FROM views.belated AS b
        WHERE b.event_id = ask.scope_id AND b.member_id = ask.member_id
    ), 0) AS newest,
    said.feed, said.position, said.type, said.data, said.seq
FROM json_to_recordset(%(asks)s::json)
    AS ask (n integer, scope_id text, member_id text, after bigint [], belated bigint)
LEFT JOIN LATERAL (
    SELECT feed, position, type, data, seq FROM ({feeds}) AS each
    ORDER BY seq NULLS LAST, position
    LIMIT %(most)s
) AS said ON true
ORDER BY ask.n, said.seq NULLS LAST, said.position;

-- name: since_of_one
-- of one of them, by its place among them
(
    SELECT {place} AS feed, position, type, data::text, NULL::bigint AS seq
    FROM {table}
    WHERE event_id = ask.scope_id AND member_id = ask.member_id
    AND position > ask.after[{place} + 1]
    ORDER BY position
    LIMIT %(most)s
) UNION ALL (
    SELECT {place}, f.position, f.type, f.data::text, b.seq
    FROM views.belated AS b JOIN {table} AS f USING (event_id, member_id, position)
    WHERE b.event_id = ask.scope_id AND b.member_id = ask.member_id
    AND b.reader = {name} AND b.seq > ask.belated
    AND b.position <= ask.after[{place} + 1]
    ORDER BY b.seq
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

-- name: belated
-- a feed has told this of events that were parked: whoever hears it has passed their positions
INSERT INTO views.belated (reader, event_id, member_id, position)
SELECT %(reader)s, event_id, member_id, position FROM {table}
WHERE position = ANY(%(positions)s::bigint[])
ORDER BY position;

-- name: otherwise
-- which of these messages a feed says otherwise so far, or not at all
SELECT new.member_id, new.position
FROM json_to_recordset(%(messages)s::json)
    AS new (event_id text, member_id text, position bigint, type text, data json)
LEFT JOIN {table} AS old USING (event_id, member_id, position)
WHERE old.type IS DISTINCT FROM new.type OR old.data::text <> new.data::text;

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

-- name: answers
-- of a question to each ask: its number, the position that its tables show, the last position of the
-- streams that concern it, and the rows
SELECT
    ask.n,
    coalesce((SELECT position FROM views.positions WHERE name = {read_model}), 0),
    coalesce((
        SELECT max(tail.notification_id)
        FROM unnest(ask.concerns) AS own (stream)
        CROSS JOIN LATERAL (
            SELECT notification_id FROM events.log WHERE originator_id = own.stream
            ORDER BY originator_version DESC LIMIT 1
        ) AS tail
    ), 0),
    found.*
FROM json_to_recordset(%(asks)s::json) AS ask (n integer, concerns text[], refolded json, {columns})
LEFT JOIN LATERAL ({found}) AS found ON true;
