-- Each entry was held against both, one statement each: a third of what an append took. The transaction that
-- appends writes what its entries refer to, and the verifier follows every reference. (A SQLite file is
-- told when it is opened.)
ALTER TABLE log_entries
    DROP CONSTRAINT log_entries_zone_fkey,
    DROP CONSTRAINT log_entries_emitter_id_fkey;
