-- People sign in: sessions, second factors, links, codes of the authorization server, mail on its way.
-- Cookies, refresh tokens, codes and links are stored as SHA-256 digests; what must be read again is sealed under the master key.

ALTER TABLE organisations ADD COLUMN require_second_factor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN last_organisation_id TEXT;
-- Keys are looked through every minute for those that expire soon.
CREATE INDEX IF NOT EXISTS api_keys_by_expiry ON api_keys (expires_at_ms);
-- A row that exists to be locked: one setup at a time makes the first organisation.
INSERT INTO meta (name, value) VALUES ('lock.setup', '');

-- kind: 'pending' knows the password and waits for the second factor; 'sign_in' is the browser's session at the
-- authorization server; 'viewport' is the dashboard's, a child of it; 'command_line' is one that a device was let in with.
-- family_digest: all refresh tokens of a command line begin alike, so that a former one is known however old it is.
CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  digest BYTEA NOT NULL UNIQUE,
  family_digest BYTEA,
  kind TEXT NOT NULL CHECK (kind IN ('pending', 'sign_in', 'viewport', 'command_line')),
  parent_id TEXT,
  user_id TEXT NOT NULL REFERENCES users (id),
  organisation_id TEXT,
  device TEXT NOT NULL,
  address TEXT,
  created_at_ms BIGINT NOT NULL,
  authenticated_at_ms BIGINT NOT NULL,
  second_factor_at_ms BIGINT,
  last_seen_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_parent ON sessions (parent_id);
CREATE INDEX sessions_by_family ON sessions (family_digest);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE second_factors (
  user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
  sealed_secret BYTEA NOT NULL,
  created_at_ms BIGINT NOT NULL,
  confirmed_at_ms BIGINT,
  last_step BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
  user_id TEXT NOT NULL REFERENCES users (id),
  digest BYTEA NOT NULL,
  used_at_ms BIGINT,
  PRIMARY KEY (user_id, digest)
);

CREATE TABLE invitations (
  id TEXT NOT NULL PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  email TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
  digest BYTEA NOT NULL UNIQUE,
  created_at_ms BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  ended_at_ms BIGINT,
  outcome TEXT CHECK (outcome IN ('accepted', 'revoked', 'replaced'))
);
CREATE INDEX invitations_by_organisation ON invitations (organisation_id, id);

-- Links that set a password ('reset') or make the first organisation ('setup').
CREATE TABLE one_time_links (
  digest BYTEA NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('reset', 'setup')),
  user_id TEXT REFERENCES users (id),
  created_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  consumed_at_ms BIGINT
);
CREATE INDEX one_time_links_by_expiry ON one_time_links (expires_at_ms);
CREATE INDEX one_time_links_by_user ON one_time_links (user_id);

-- Authorization codes (RFC 6749 §4.1.2), bound to client, redirect URI and PKCE challenge (RFC 7636).
CREATE TABLE authorization_codes (
  digest BYTEA NOT NULL PRIMARY KEY,
  client_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,
  scope TEXT NOT NULL,
  nonce TEXT,
  session_id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  expires_at_ms BIGINT NOT NULL,
  consumed_at_ms BIGINT
);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at_ms);

-- Device authorizations (RFC 8628).
CREATE TABLE device_authorizations (
  digest BYTEA NOT NULL PRIMARY KEY,
  user_code TEXT NOT NULL UNIQUE,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  device TEXT NOT NULL,
  address TEXT,
  created_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  next_poll_at_ms BIGINT NOT NULL,
  interval_seconds BIGINT NOT NULL,
  decision TEXT CHECK (decision IN ('approved', 'denied')),
  user_id TEXT REFERENCES users (id),
  organisation_id TEXT,
  authenticated_at_ms BIGINT,
  second_factor_at_ms BIGINT,
  consumed_at_ms BIGINT
);
CREATE INDEX device_authorizations_by_expiry ON device_authorizations (expires_at_ms);
CREATE INDEX device_authorizations_by_user ON device_authorizations (user_id);

-- Mail on its way. Recipient, subject and text are sealed, because a link in it is as good as a password.
CREATE TABLE mails (
  id TEXT NOT NULL PRIMARY KEY,
  sealed BYTEA NOT NULL,
  created_at_ms BIGINT NOT NULL,
  next_attempt_at_ms BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  last_error TEXT
);
CREATE INDEX mails_by_next_attempt ON mails (next_attempt_at_ms);

-- Which warnings of a key's expiry have been mailed, so that each is mailed once, whichever node does it.
CREATE TABLE key_notices (
  key_id TEXT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  days BIGINT NOT NULL,
  PRIMARY KEY (key_id, expires_at_ms, days)
);

-- Forms that have been carried out, so that a double click makes one key.
CREATE TABLE sent_forms (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL,
  object_id TEXT NOT NULL,
  sent_at_ms BIGINT NOT NULL
);
