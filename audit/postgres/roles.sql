-- The role of whoever writes the ledger. Run by the owner of the tables, who may create roles, after
-- each migration; repeatable. The role cannot log in: grant it to the user that does.
--
-- caracal_ledger  appends entries and signed checkpoints, and moves the state of a log. It deletes
--                 and changes nothing that was written.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'caracal_ledger') THEN
        CREATE ROLE caracal_ledger NOLOGIN;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO caracal_ledger', current_schema());
END
$$;

-- From nothing, so that a right that an older version gave does not stay.
REVOKE ALL
    ON sequencer, log_state, emitters, log_entries, checkpoints, witnessed, tile_hashes,
       ledger_migrations, ledger_postgres_migrations
    FROM caracal_ledger;

GRANT SELECT
    ON sequencer, log_state, emitters, log_entries, checkpoints, witnessed, tile_hashes,
       ledger_migrations, ledger_postgres_migrations
    TO caracal_ledger;
GRANT INSERT ON log_state, emitters, log_entries, checkpoints, witnessed, tile_hashes TO caracal_ledger;
GRANT UPDATE (size, frontier, root, checkpoint_size) ON log_state TO caracal_ledger;
-- Locking a row asks for this right; the one value that the column takes is the one it has.
GRANT UPDATE (turn) ON sequencer TO caracal_ledger;

-- What has been appended is changed by nobody, the owner included.
CREATE OR REPLACE FUNCTION caracal_ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END
$$;

DROP TRIGGER IF EXISTS append_only ON log_entries;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_entries
    FOR EACH STATEMENT EXECUTE FUNCTION caracal_ledger_append_only();
DROP TRIGGER IF EXISTS append_only ON checkpoints;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION caracal_ledger_append_only();
DROP TRIGGER IF EXISTS append_only ON emitters;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON emitters
    FOR EACH STATEMENT EXECUTE FUNCTION caracal_ledger_append_only();
DROP TRIGGER IF EXISTS append_only ON witnessed;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON witnessed
    FOR EACH STATEMENT EXECUTE FUNCTION caracal_ledger_append_only();

DROP TRIGGER IF EXISTS append_only ON tile_hashes;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tile_hashes
    FOR EACH STATEMENT EXECUTE FUNCTION caracal_ledger_append_only();
