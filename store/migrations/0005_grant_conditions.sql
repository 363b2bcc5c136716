-- What has to hold for a grant to be good, beside scopes and expiry: JSON, for people who read the
-- table; NULL is nothing. A build that does not know this step does not start on the database, so
-- none reads past a condition.

ALTER TABLE grants ADD COLUMN conditions TEXT;
