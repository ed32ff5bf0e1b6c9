-- name: create_database
-- run once, in single-user mode, by whoever makes an embedded cluster; one line is one command there
CREATE DATABASE rapport;
