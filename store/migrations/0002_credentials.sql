-- How applications prove who they are, and whose tokens a zone takes.

CREATE TABLE credentials (
    id          TEXT   NOT NULL PRIMARY KEY,
    zone        TEXT   NOT NULL,
    application TEXT   NOT NULL,
    definition  TEXT   NOT NULL, -- of a secret it holds the hash only
    seq         BIGINT NOT NULL REFERENCES authority_log (seq),
    revoked_seq BIGINT REFERENCES authority_log (seq),
    FOREIGN KEY (zone, application) REFERENCES applications (zone, name)
);

CREATE INDEX credentials_application ON credentials (zone, application, seq);

-- What leads to one live credential: a key id of the application, a service account of the zone.
CREATE TABLE credential_marks (
    zone       TEXT NOT NULL,
    mark       TEXT NOT NULL,
    credential TEXT NOT NULL REFERENCES credentials (id),
    PRIMARY KEY (zone, mark)
);

CREATE INDEX credential_marks_credential ON credential_marks (credential);

-- A row stays when its credential is revoked: nobody comes back under the identity.
ALTER TABLE identities ADD COLUMN revoked_seq BIGINT REFERENCES authority_log (seq);

CREATE TABLE issuers (
    zone       TEXT   NOT NULL REFERENCES zones (name),
    name       TEXT   NOT NULL,
    issuer     TEXT   NOT NULL,
    definition TEXT   NOT NULL,
    seq        BIGINT NOT NULL REFERENCES authority_log (seq),
    PRIMARY KEY (zone, name),
    UNIQUE (zone, issuer)
);
