-- The foundation: tenants, people, API keys and what they leave behind, products, signing keys, the audit log.
-- Times are Unix milliseconds, counters and durations BIGINT, ids and JSON TEXT. No secret is ever stored, only digests.

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Rows that exist to be locked: one writer at a time makes or withdraws signing keys.
INSERT INTO meta (name, value) VALUES ('lock.signing_keys', '');

CREATE TABLE organisations (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  default_lifetime_seconds BIGINT NOT NULL,
  maximum_lifetime_seconds BIGINT NOT NULL,
  created_at_ms BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  password_hash TEXT,
  token_epoch BIGINT NOT NULL,
  created_at_ms BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE memberships (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
  created_at_ms BIGINT NOT NULL,
  PRIMARY KEY (organisation_id, user_id)
) WITHOUT ROWID;
CREATE INDEX memberships_by_user ON memberships (user_id);

-- organisation_name repeats organisations.name so that an exchange is one primary-key read; a rename changes both at once.
CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  organisation_name TEXT NOT NULL,
  label TEXT NOT NULL,
  secret_digest BLOB NOT NULL,
  secret_hint TEXT NOT NULL,
  grace_digest BLOB,
  grace_until_ms BIGINT,
  lifetime_seconds BIGINT NOT NULL,
  created_at_ms BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  rotated_at_ms BIGINT,
  token_epoch BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX api_keys_by_organisation ON api_keys (organisation_id, expires_at_ms);

-- Digests of secrets that work no more. A row with cause 'revoked' is its key's tombstone and outlives the key.
CREATE TABLE retired_secrets (
  key_id TEXT NOT NULL,
  digest BLOB NOT NULL,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  retired_at_ms BIGINT NOT NULL,
  cause TEXT NOT NULL CHECK (cause IN ('rotated', 'revoked')),
  seen_count BIGINT NOT NULL,
  last_seen_at_ms BIGINT,
  last_seen_from TEXT,
  PRIMARY KEY (key_id, digest)
) WITHOUT ROWID;

CREATE TABLE key_usage (
  key_id TEXT NOT NULL,
  day BIGINT NOT NULL,
  exchanges BIGINT NOT NULL,
  grace_exchanges BIGINT NOT NULL,
  api_calls BIGINT NOT NULL,
  PRIMARY KEY (key_id, day)
) WITHOUT ROWID;

-- Where a key's secrets were last used from: the newest row is "last used".
CREATE TABLE key_sources (
  key_id TEXT NOT NULL,
  address TEXT NOT NULL,
  secret TEXT NOT NULL CHECK (secret IN ('current', 'previous')),
  last_used_at_ms BIGINT NOT NULL,
  PRIMARY KEY (key_id, address, secret)
) WITHOUT ROWID;

-- Access tokens that were revoked one by one (RFC 7009), until they would have expired anyway.
CREATE TABLE revoked_tokens (
  token_id TEXT NOT NULL PRIMARY KEY,
  expires_at_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at_ms);

CREATE TABLE signing_keys (
  kid TEXT NOT NULL PRIMARY KEY,
  algorithm TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed_private_key BLOB NOT NULL,
  created_at_ms BIGINT NOT NULL,
  signs_from_ms BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE subjects (
  id TEXT NOT NULL PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  name TEXT NOT NULL,
  description TEXT,
  base_url TEXT,
  created_at_ms BIGINT NOT NULL,
  updated_at_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX subjects_by_organisation ON subjects (organisation_id, id);

CREATE TABLE targets (
  id TEXT NOT NULL PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  subject_id TEXT NOT NULL REFERENCES subjects (id),
  build_key TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  version TEXT NOT NULL,
  environment TEXT NOT NULL,
  build_number BIGINT,
  build_url TEXT,
  metadata TEXT,
  created_at_ms BIGINT NOT NULL,
  updated_at_ms BIGINT NOT NULL,
  UNIQUE (subject_id, build_key)
) WITHOUT ROWID;
CREATE INDEX targets_by_organisation ON targets (organisation_id, id);
CREATE INDEX targets_by_subject ON targets (subject_id, id);

CREATE TABLE audit_events (
  chain TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  at_ms BIGINT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  action TEXT NOT NULL,
  object_id TEXT NOT NULL,
  object_name TEXT NOT NULL,
  details TEXT NOT NULL,
  address TEXT,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (chain, sequence)
) WITHOUT ROWID;

-- Each chain's end, sealed under the master key, so that a chain that was cut or rewritten is found out.
CREATE TABLE audit_heads (
  chain TEXT NOT NULL PRIMARY KEY,
  sequence BIGINT NOT NULL,
  hash TEXT NOT NULL,
  seal TEXT NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER audit_events_never_change BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_events_never_go BEFORE DELETE ON audit_events
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
