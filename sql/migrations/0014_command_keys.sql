-- before deploy: any version goes on writing meanwhile.
--
-- Replies to idempotency keys, and refusals in bulks, are deleted after two days. On a busy system that
-- is most of the table again and again: at its default, autovacuum begins once a fifth of the table is
-- dead, which is minutes of work on hundreds of millions of rows. Small portions cost less and keep the
-- table, and what is read of its indexes, short.
--
-- These are no partitions by day to be dropped: a key is unique for as long as it is kept, across
-- midnight too, and a unique index of a partitioned table must have the day in it; keys of a reaction
-- are kept for as long as its event may come again, which is no number of days; and the version before
-- writes to this table meanwhile, which could only be taken in as a partition behind its back.

ALTER TABLE events.command_keys SET (
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05
);

ALTER TABLE events.bulk_refusals SET (
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_analyze_scale_factor = 0.02
);

-- Live feeds, of which the oldest rows are deleted as well.
ALTER TABLE views.live_missions SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE views.live_sessions SET (autovacuum_vacuum_scale_factor = 0.02);
