-- The life of a signing key. It is published before it signs, signs while it is active, is kept
-- until nothing that it signed is alive, and may be revoked at any time.

ALTER TABLE signing_keys ADD COLUMN state TEXT NOT NULL DEFAULT 'published'
    CHECK (state IN ('published', 'active', 'retired', 'dropped', 'revoked'));
ALTER TABLE signing_keys ADD COLUMN published_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN activated_ms BIGINT;
ALTER TABLE signing_keys ADD COLUMN retired_ms BIGINT; -- another one signs since
ALTER TABLE signing_keys ADD COLUMN ended_ms BIGINT;   -- dropped or revoked; `sealed` is empty since

CREATE UNIQUE INDEX signing_keys_active ON signing_keys (zone) WHERE state = 'active';
