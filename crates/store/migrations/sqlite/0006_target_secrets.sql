-- What of a target nobody reads back, and which program used a key.
ALTER TABLE targets ADD COLUMN sealed_secrets BLOB;
ALTER TABLE key_sources ADD COLUMN user_agent TEXT;
