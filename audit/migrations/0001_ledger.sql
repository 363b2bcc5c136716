-- The ledger: one log per zone. Bodies are the leaves; every other column of `log_entries` is a
-- copy of something in the body, kept for search, and compared with it by the verifier.
--
-- The SQL is the common subset of SQLite and PostgreSQL.

-- One row: whoever locks it has the turn to write. Only PostgreSQL needs it; a SQLite file has one
-- writer at a time anyway.
CREATE TABLE sequencer (
    turn INTEGER NOT NULL PRIMARY KEY CHECK (turn = 1)
);
INSERT INTO sequencer (turn) VALUES (1);

CREATE TABLE log_state (
    zone            TEXT   NOT NULL PRIMARY KEY,
    size            BIGINT NOT NULL,
    frontier        BYTEA  NOT NULL, -- roots of the perfect subtrees, largest first, 32 bytes each
    root            BYTEA  NOT NULL,
    checkpoint_size BIGINT NOT NULL  -- size of the newest signed checkpoint, 0 before the first
);

-- One run of one emitter: what its numbers are counted in. Apart from the entries, so that their
-- unique index holds two small integers instead of three names.
CREATE TABLE emitters (
    id      INTEGER NOT NULL PRIMARY KEY,
    peer    TEXT    NOT NULL,
    emitter TEXT    NOT NULL,
    boot    TEXT    NOT NULL,
    UNIQUE (peer, emitter, boot)
);

-- References are deferred: one that is checked at once makes every statement of many rows keep a
-- journal of its own, to undo half of itself.
CREATE TABLE log_entries (
    zone        TEXT   NOT NULL REFERENCES log_state (zone) DEFERRABLE INITIALLY DEFERRED,
    idx         BIGINT NOT NULL,
    emitter_id  BIGINT NOT NULL REFERENCES emitters (id) DEFERRABLE INITIALLY DEFERRED,
    seq         BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    request_id  TEXT,
    request_key BIGINT, -- of request_id and idx, see src/record/request_key.rs
    application TEXT,
    resource    TEXT,
    outcome     TEXT   NOT NULL,
    reason      TEXT,
    leaf_hash   BYTEA  NOT NULL,
    body        BYTEA  NOT NULL, -- last: what stands before it is read without it
    PRIMARY KEY (zone, idx),
    UNIQUE (emitter_id, seq)
);

CREATE INDEX log_entries_request ON log_entries (request_key) WHERE request_key IS NOT NULL;

CREATE TABLE checkpoints (
    zone          TEXT   NOT NULL REFERENCES log_state (zone),
    size          BIGINT NOT NULL,
    note          TEXT   NOT NULL,
    frontier      BYTEA  NOT NULL, -- at `size`; its root is the signed one, so it needs no signature of its own
    previous_size BIGINT NOT NULL, -- size of the checkpoint before, so that a deleted one shows
    PRIMARY KEY (zone, size)
);
