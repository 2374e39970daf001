-- What of a target nobody reads back; which program used a key, and with which secret it last fetched a token.
ALTER TABLE targets ADD COLUMN sealed_secrets BLOB;
ALTER TABLE key_sources ADD COLUMN user_agent TEXT;
ALTER TABLE key_sources ADD COLUMN exchanged_at_ms BIGINT;
ALTER TABLE key_sources ADD COLUMN exchanged_digest BLOB;
UPDATE key_sources SET exchanged_at_ms = last_used_at_ms, exchanged_digest =
  (SELECT k.secret_digest FROM api_keys k WHERE k.id = key_sources.key_id)
  WHERE secret = 'current' AND last_used_at_ms >=
  (SELECT COALESCE(k.rotated_at_ms, k.created_at_ms) FROM api_keys k WHERE k.id = key_sources.key_id);
