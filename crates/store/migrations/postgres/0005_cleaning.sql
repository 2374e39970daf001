-- What is over is found by its time, a few rows at once, and no key has addresses without end.

-- How often an address was left out of the list of the newest ones.
ALTER TABLE key_usage ADD COLUMN other_addresses BIGINT NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS key_sources_by_last_use ON key_sources (key_id, last_used_at_ms);

CREATE INDEX invitations_by_expiry ON invitations (expires_at_ms);
CREATE INDEX IF NOT EXISTS key_notices_by_expiry ON key_notices (expires_at_ms);
CREATE INDEX IF NOT EXISTS sent_forms_by_sending ON sent_forms (sent_at_ms);
CREATE INDEX mails_by_creation ON mails (created_at_ms);
