-- Sessions that an administrator declared, the place that a session takes, and heartbeats.

-- NULL in sessions that were opened before this.
ALTER TABLE sessions ADD COLUMN holder TEXT;
ALTER TABLE sessions ADD COLUMN declared BIGINT NOT NULL DEFAULT 0;

-- A workload is in one declared session at a time, for itself and for each session on whose behalf it acts.
CREATE UNIQUE INDEX sessions_declared ON sessions (zone, application, holder, COALESCE(parent, ''))
    WHERE declared = 1 AND revoked_seq IS NULL;
-- With the parent: a workload that acts on behalf of thousands is looked for in one place, not in all.
CREATE INDEX sessions_place ON sessions (zone, application, holder, COALESCE(parent, ''))
    WHERE revoked_seq IS NULL;

-- Renewed with each heartbeat and not in the log: mandates are bounded by what stands here when they are
-- issued, so nobody has to be told that a lease has run out.
CREATE TABLE session_leases (
    session  TEXT   NOT NULL PRIMARY KEY REFERENCES sessions (id),
    zone     TEXT   NOT NULL,
    lease_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL, -- Unix milliseconds; never earlier than it was
    ends_ms  BIGINT NOT NULL -- end of its lifetime, the latest that there is where it has none
);
