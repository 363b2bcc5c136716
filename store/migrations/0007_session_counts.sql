-- How many sessions are open: the room for another one is asked of a count and not of all that there are.

-- Who changes sessions waits here until this is committed, and what they have committed is seen below.
UPDATE meta SET head = head;

-- Below a session: its own children that were not revoked. Of a zone and of an application: those that have
-- not ended either, as far as that was noted. There is no CHECK: no count stands in the way of a revocation.
CREATE TABLE session_counts (
    zone TEXT   NOT NULL REFERENCES zones (name),
    kind TEXT   NOT NULL CHECK (kind IN ('zone', 'application', 'session')),
    name TEXT   NOT NULL,
    open BIGINT NOT NULL,
    PRIMARY KEY (zone, kind, name)
);

INSERT INTO session_counts (zone, kind, name, open)
    SELECT zone, 'zone', zone, count(*) FROM sessions
    WHERE revoked_seq IS NULL AND ended_seq IS NULL GROUP BY zone;
INSERT INTO session_counts (zone, kind, name, open)
    SELECT zone, 'application', application, count(*) FROM sessions
    WHERE revoked_seq IS NULL AND ended_seq IS NULL GROUP BY zone, application;
INSERT INTO session_counts (zone, kind, name, open)
    SELECT zone, 'session', parent, count(*) FROM sessions
    WHERE parent IS NOT NULL AND revoked_seq IS NULL GROUP BY zone, parent;

-- For counting anew, which is then bounded by the limits and not by all the sessions that there ever were.
DROP INDEX sessions_application;
CREATE INDEX sessions_open ON sessions (zone, application) WHERE revoked_seq IS NULL AND ended_seq IS NULL;
