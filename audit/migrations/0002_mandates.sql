-- Which entry issued a mandate: entries of requests name theirs, and the chain that it stands at the
-- end of is in the entry of its issue. Issues alone have these columns, and only since they tell the
-- chain (version 3 of events).

ALTER TABLE log_entries ADD COLUMN mandate TEXT;
ALTER TABLE log_entries ADD COLUMN mandate_key BIGINT; -- as request_key, of mandate and idx

CREATE INDEX log_entries_mandate ON log_entries (mandate_key) WHERE mandate_key IS NOT NULL;
