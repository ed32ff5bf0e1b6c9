-- before deploy: the version before does not look at what is made here

-- Read models to be built anew once, under the version that they have: what programs of before made
-- of some events is not what is made of them now, and all may keep the same tables meanwhile. The
-- first workers that keep them do that, once no older program leads, and take the row away.
CREATE TABLE views.outdated (
    name text COLLATE "C" PRIMARY KEY,
    reason text NOT NULL
);

INSERT INTO views.outdated (name, reason)
SELECT known.name, known.reason
FROM (VALUES
    ('live_missions', 'programs of before told totals of the catalogue, where events say what was left'),
    ('sessions', 'programs of before did not follow a speaker whose id was replaced on erasure')
) AS known (name, reason)
WHERE EXISTS (SELECT FROM views.positions AS p WHERE p.name = known.name)
OR EXISTS (SELECT FROM views.set_aside AS s WHERE s.name = known.name);
