-- A read model whose `project` has changed gets a new version. Who is of another version than its
-- tables leaves them alone.
ALTER TABLE views.positions ADD COLUMN version integer NOT NULL DEFAULT 1;
