-- What may be used once and was used: ids of client assertions (RFC 7523 section 3, no. 7).

CREATE TABLE single_use (
    used    BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of purpose, zone, client and id
    expires BIGINT NOT NULL -- the second after which what was used is worth nothing
);

CREATE INDEX single_use_expires ON single_use (expires);
