-- The authority state. `authority_log` is the truth that others follow; the tables are its fold,
-- written in the same transaction. A `definition` is the JSON of the object as it stands in the
-- log; what has to be unique or looked up has columns or a table of its own.
--
-- The SQL is the common subset of SQLite and PostgreSQL. BYTEA is PostgreSQL's name; SQLite takes
-- it and stores the bytes as they are.

CREATE TABLE meta (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    term     BIGINT NOT NULL, -- incarnation of the log; raised when a backup is restored
    head     BIGINT NOT NULL  -- seq of the newest entry; updating it is what orders writers
);

INSERT INTO meta (only_row, term, head) VALUES (1, 1, 0);

CREATE TABLE authority_log (
    seq     BIGINT NOT NULL PRIMARY KEY, -- from 1, without gaps
    zone    TEXT   NOT NULL,
    at_ms   BIGINT NOT NULL,
    kind    TEXT   NOT NULL, -- of the change, for people who read the table
    payload TEXT   NOT NULL
);

CREATE TABLE zones (
    name   TEXT   NOT NULL PRIMARY KEY,
    issuer TEXT   NOT NULL,
    seq    BIGINT NOT NULL REFERENCES authority_log (seq)
);

CREATE TABLE applications (
    zone        TEXT   NOT NULL REFERENCES zones (name),
    name        TEXT   NOT NULL,
    definition  TEXT   NOT NULL,
    seq         BIGINT NOT NULL REFERENCES authority_log (seq),
    revoked_seq BIGINT REFERENCES authority_log (seq),
    PRIMARY KEY (zone, name)
);

-- One workload is one party: over all zones, applications and enforcement points.
CREATE TABLE identities (
    spiffe_id TEXT NOT NULL PRIMARY KEY,
    zone      TEXT NOT NULL REFERENCES zones (name),
    kind      TEXT NOT NULL CHECK (kind IN ('application', 'point')),
    name      TEXT NOT NULL
);

CREATE TABLE resources (
    zone       TEXT   NOT NULL REFERENCES zones (name),
    name       TEXT   NOT NULL,
    uri        TEXT   NOT NULL,
    definition TEXT   NOT NULL,
    seq        BIGINT NOT NULL REFERENCES authority_log (seq),
    PRIMARY KEY (zone, name),
    UNIQUE (zone, uri)
);

CREATE TABLE resource_hosts (
    zone     TEXT NOT NULL,
    host     TEXT NOT NULL,
    resource TEXT NOT NULL,
    PRIMARY KEY (zone, host),
    FOREIGN KEY (zone, resource) REFERENCES resources (zone, name)
);

CREATE TABLE grants (
    id          TEXT   NOT NULL PRIMARY KEY,
    zone        TEXT   NOT NULL,
    application TEXT   NOT NULL,
    resource    TEXT   NOT NULL,
    definition  TEXT   NOT NULL,
    seq         BIGINT NOT NULL REFERENCES authority_log (seq),
    revoked_seq BIGINT REFERENCES authority_log (seq),
    FOREIGN KEY (zone, application) REFERENCES applications (zone, name),
    FOREIGN KEY (zone, resource) REFERENCES resources (zone, name)
);

CREATE INDEX grants_zone ON grants (zone, seq);

-- A version never changes; activating it again only moves `seq`. The highest one is active.
CREATE TABLE policies (
    zone   TEXT   NOT NULL REFERENCES zones (name),
    digest TEXT   NOT NULL,
    source TEXT   NOT NULL,
    seq    BIGINT NOT NULL REFERENCES authority_log (seq),
    PRIMARY KEY (zone, digest)
);

CREATE TABLE signing_keys (
    zone   TEXT   NOT NULL REFERENCES zones (name),
    kid    TEXT   NOT NULL PRIMARY KEY,
    point  TEXT   NOT NULL,
    sealed BYTEA  NOT NULL, -- the private half under the key encryption key; never in the log
    seq    BIGINT NOT NULL REFERENCES authority_log (seq)
);

CREATE TABLE points (
    zone       TEXT   NOT NULL REFERENCES zones (name),
    name       TEXT   NOT NULL,
    definition TEXT   NOT NULL,
    seq        BIGINT NOT NULL REFERENCES authority_log (seq),
    PRIMARY KEY (zone, name)
);

CREATE TABLE sessions (
    id          TEXT   NOT NULL PRIMARY KEY,
    zone        TEXT   NOT NULL,
    application TEXT   NOT NULL,
    definition  TEXT   NOT NULL,
    seq         BIGINT NOT NULL REFERENCES authority_log (seq),
    revoked_seq BIGINT REFERENCES authority_log (seq),
    FOREIGN KEY (zone, application) REFERENCES applications (zone, name)
);

CREATE INDEX sessions_zone ON sessions (zone, seq);

CREATE TABLE revocations (
    zone         TEXT   NOT NULL REFERENCES zones (name),
    target       TEXT   NOT NULL, -- as people write it, such as grant/grt_...
    hit_id       BIGINT NOT NULL, -- the 64 bits of the revocation id, as a signed number
    issued_until BIGINT NOT NULL, -- 2^63 - 1 is "whenever issued"
    expires      BIGINT NOT NULL,
    seq          BIGINT NOT NULL REFERENCES authority_log (seq),
    PRIMARY KEY (zone, target)
);

-- Kept for good: an old key must never start a second change.
CREATE TABLE idempotency_keys (
    zone            TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    digest          TEXT   NOT NULL, -- SHA-256 of what was asked for
    seq             BIGINT NOT NULL REFERENCES authority_log (seq),
    PRIMARY KEY (zone, idempotency_key)
);
