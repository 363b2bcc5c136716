-- Checkpoints as they are published when witnesses are asked: with the cosignatures that came.
-- At most two of one size: one that was published with too few, and one with enough.

CREATE TABLE witnessed (
    zone   TEXT   NOT NULL,
    size   BIGINT NOT NULL,
    quorum BIGINT NOT NULL CHECK (quorum IN (0, 1)), -- whether they were enough, by the policy of the time
    note   TEXT   NOT NULL,                          -- the note of the checkpoint, and cosignatures below it
    PRIMARY KEY (zone, size, quorum),
    FOREIGN KEY (zone, size) REFERENCES checkpoints (zone, size)
);
