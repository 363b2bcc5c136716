-- The upper levels of the trees, as tiles have them (C2SP tlog-tiles): `hash` of level L is the root of the
-- idx-th run of 256^L leaf hashes. So a proof reads a few hundred rows of a log of any length. The sequencer
-- writes them with the entries, 1 for 256 of them. They are a copy of what the leaf hashes say, and nothing
-- relies on them: a proof is given out only where it leads to the signed root.

CREATE TABLE tile_hashes (
    zone  TEXT   NOT NULL,
    level BIGINT NOT NULL, -- from 1 on; level 0 is `log_entries.leaf_hash`
    idx   BIGINT NOT NULL,
    hash  BYTEA  NOT NULL,
    PRIMARY KEY (zone, level, idx)
);
