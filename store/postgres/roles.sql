-- Roles of the authority database: what each service may do, table by table. Run by the owner of the
-- tables, who may create roles, after each migration (`caracal db roles`); repeatable. The roles
-- cannot log in: grant them to the users that do.
--
-- caracal_control  the management API: makes everything but keys, and never sees the private half of
--                  one, not even sealed.
-- caracal_sts      the token service: follows the log, keeps keys and sessions, and revokes mandates,
--                  sessions and its own keys. Taken over, it can make no application, grant, policy
--                  or issuer. It takes single uses and forgets none that still counts.
--
-- The log is the truth that everybody follows, so the right to append to it is by kind of change.

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['caracal_control', 'caracal_sts'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), name);
    END LOOP;
END
$$;

-- From nothing, so that a right that an older version gave does not stay.
REVOKE ALL ON meta, authority_log, zones, applications, identities, credentials, credential_marks,
    issuers, resources, resource_hosts, grants, delegations, policies, signing_keys, points, sessions,
    session_counts, session_leases, revocations, suspensions, idempotency_keys, _sqlx_migrations
    FROM caracal_control, caracal_sts;

GRANT SELECT ON meta, authority_log, zones, applications, identities, credentials, credential_marks,
    issuers, resources, resource_hosts, grants, delegations, policies, points, sessions,
    session_counts, session_leases, revocations, suspensions, idempotency_keys, _sqlx_migrations
    TO caracal_control, caracal_sts;
GRANT UPDATE (head) ON meta TO caracal_control, caracal_sts;
GRANT INSERT ON authority_log, idempotency_keys, revocations TO caracal_control, caracal_sts;
GRANT UPDATE (seq, issued_until, expires) ON revocations TO caracal_control, caracal_sts;
GRANT UPDATE (revoked_seq) ON sessions TO caracal_control, caracal_sts;
GRANT UPDATE (open) ON session_counts TO caracal_control, caracal_sts;
GRANT UPDATE (ended_seq) ON sessions TO caracal_control, caracal_sts;
GRANT UPDATE (until_ms) ON session_leases TO caracal_control, caracal_sts;
GRANT INSERT ON sessions, session_counts TO caracal_control, caracal_sts;

GRANT INSERT ON zones, applications, identities, credentials, credential_marks, issuers, resources,
    resource_hosts, grants, delegations, policies, points, session_leases, suspensions
    TO caracal_control;
GRANT UPDATE (revoked_seq) ON applications, identities, credentials, grants, delegations
    TO caracal_control;
GRANT UPDATE (definition, seq) ON resources TO caracal_control;
GRANT UPDATE (seq) ON policies TO caracal_control;
GRANT DELETE ON credential_marks, issuers, resource_hosts, suspensions TO caracal_control;
GRANT SELECT (zone, kid, point, seq, state, published_ms, activated_ms, retired_ms, ended_ms)
    ON signing_keys TO caracal_control;

GRANT SELECT, INSERT ON signing_keys TO caracal_sts;
GRANT UPDATE (sealed, state, activated_ms, retired_ms, ended_ms) ON signing_keys TO caracal_sts;

ALTER TABLE authority_log ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS follow ON authority_log;
CREATE POLICY follow ON authority_log FOR SELECT TO caracal_control, caracal_sts USING (true);

-- The column is for people; followers read the payload. So they have to say the same.
DROP POLICY IF EXISTS control_appends ON authority_log;
CREATE POLICY control_appends ON authority_log FOR INSERT TO caracal_control WITH CHECK (
    kind = payload::jsonb ->> 'kind' AND kind NOT IN (
        'key_published', 'key_activated', 'key_dropped', 'key_revoked', 'session_opened'
    )
);

DROP POLICY IF EXISTS sts_appends ON authority_log;
CREATE POLICY sts_appends ON authority_log FOR INSERT TO caracal_sts WITH CHECK (
    kind = payload::jsonb ->> 'kind' AND (
        kind IN (
            'key_published', 'key_activated', 'key_dropped', 'key_revoked', 'session_opened'
        )
        OR (kind = 'revoked' AND payload::jsonb #>> '{value,target,kind}' IN ('mandate', 'session'))
    )
);

-- What has been appended is changed by nobody, the owner included.
CREATE OR REPLACE FUNCTION caracal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the authority log is append-only';
END
$$;

DROP TRIGGER IF EXISTS append_only ON authority_log;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON authority_log
    FOR EACH STATEMENT EXECUTE FUNCTION caracal_append_only();

-- Single uses are taken and, an hour after they stopped to matter, forgotten; by this clock, whatever
-- the token service's own says.
REVOKE ALL ON single_use FROM caracal_control, caracal_sts;
GRANT SELECT, INSERT, DELETE ON single_use TO caracal_sts;

ALTER TABLE single_use ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS sts_sees ON single_use;
CREATE POLICY sts_sees ON single_use FOR SELECT TO caracal_sts USING (true);

DROP POLICY IF EXISTS sts_takes ON single_use;
CREATE POLICY sts_takes ON single_use FOR INSERT TO caracal_sts WITH CHECK (true);

DROP POLICY IF EXISTS sts_forgets ON single_use;
CREATE POLICY sts_forgets ON single_use FOR DELETE TO caracal_sts
    USING (expires < extract(epoch FROM now()) - 3600);
