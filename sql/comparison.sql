-- Templates: what is in braces is worded from a read model's Struct. `piece` are conditions, of those
-- behind it.

-- name: digest
-- counts the rows of a piece of a table, and sums two hashes of each row: sums do not depend on the
-- order. Of the columns that we know
SELECT
    count(*), coalesce(sum(hashtextextended(v::text, 0)), 0)::text,
    coalesce(sum(hashtextextended(v::text, 1)), 0)::text
FROM (SELECT {columns} FROM {table} WHERE {piece}) AS v;

-- name: ordered
-- the rows of a piece in the order of their keys, likewise
SELECT to_json(v)::text FROM (SELECT {columns} FROM {table} WHERE {piece}) AS v ORDER BY {key_columns};

-- name: piece_end
-- the key of the last of so many rows of a piece; none where it has fewer
SELECT {key_columns} FROM {table} WHERE {piece} ORDER BY {key_columns} OFFSET {most} - 1 LIMIT 1;

-- name: any_row
-- a piece without an end
true

-- name: unexpired
-- of rows that expire with time
position > {position}

-- name: behind
-- of rows behind a key
({key_columns}) > ({key})

-- name: up_to
-- of rows up to a key
({key_columns}) <= ({key})
