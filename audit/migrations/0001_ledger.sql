-- The ledger: one log per zone. Bodies are the leaves; every other column of `log_entries` is a
-- copy of something in the body, kept for search, and compared with it by the verifier.

CREATE TABLE log_state (
    zone            TEXT   NOT NULL PRIMARY KEY,
    size            BIGINT NOT NULL,
    frontier        BLOB   NOT NULL, -- roots of the perfect subtrees, largest first, 32 bytes each
    root            BLOB   NOT NULL,
    checkpoint_size BIGINT NOT NULL  -- size of the newest signed checkpoint, 0 before the first
);

CREATE TABLE log_entries (
    zone        TEXT   NOT NULL REFERENCES log_state (zone),
    idx         BIGINT NOT NULL,
    leaf_hash   BLOB   NOT NULL,
    body        BLOB   NOT NULL,
    peer        TEXT   NOT NULL,
    emitter     TEXT   NOT NULL,
    boot        TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    request_id  TEXT,
    application TEXT,
    resource    TEXT,
    outcome     TEXT   NOT NULL,
    reason      TEXT,
    PRIMARY KEY (zone, idx),
    UNIQUE (peer, emitter, boot, seq)
);

CREATE INDEX log_entries_request ON log_entries (zone, request_id, idx);

CREATE TABLE checkpoints (
    zone          TEXT   NOT NULL REFERENCES log_state (zone),
    size          BIGINT NOT NULL,
    note          TEXT   NOT NULL,
    frontier      BLOB   NOT NULL, -- at `size`; its root is the signed one, so it needs no signature of its own
    previous_size BIGINT NOT NULL, -- size of the checkpoint before, so that a deleted one shows
    PRIMARY KEY (zone, size)
);
