-- What of a target nobody reads back; which program used a key, and whether it fetched tokens or only used them.
ALTER TABLE targets ADD COLUMN sealed_secrets BLOB;
ALTER TABLE key_sources ADD COLUMN user_agent TEXT;
ALTER TABLE key_sources ADD COLUMN exchanged_at_ms BIGINT;
UPDATE key_sources SET exchanged_at_ms = last_used_at_ms;
