-- Who may have whom act with what, sessions as a tree, and what is suspended until it is resumed.

CREATE TABLE delegations (
    id          TEXT   NOT NULL PRIMARY KEY,
    zone        TEXT   NOT NULL,
    delegator   TEXT   NOT NULL,
    delegate    TEXT   NOT NULL,
    resource    TEXT   NOT NULL,
    definition  TEXT   NOT NULL,
    seq         BIGINT NOT NULL REFERENCES authority_log (seq),
    revoked_seq BIGINT REFERENCES authority_log (seq),
    FOREIGN KEY (zone, delegator) REFERENCES applications (zone, name),
    FOREIGN KEY (zone, delegate) REFERENCES applications (zone, name),
    FOREIGN KEY (zone, resource) REFERENCES resources (zone, name)
);

CREATE INDEX delegations_zone ON delegations (zone, seq);

ALTER TABLE sessions ADD COLUMN parent TEXT REFERENCES sessions (id);
-- That something above it has ended, noted when room is needed: ending a session touches its own row only,
-- however many are below it.
ALTER TABLE sessions ADD COLUMN ended_seq BIGINT;

CREATE INDEX sessions_parent ON sessions (parent);
CREATE INDEX sessions_application ON sessions (zone, application);

CREATE TABLE suspensions (
    zone   TEXT   NOT NULL REFERENCES zones (name),
    target TEXT   NOT NULL, -- as people write it, such as session/ses_...
    hit_id BIGINT NOT NULL, -- the 64 bits of the revocation id, as a signed number
    seq    BIGINT NOT NULL REFERENCES authority_log (seq),
    PRIMARY KEY (zone, target)
);
