-- Passkeys (WebAuthn). The tables are there in every build, whether or not it can use them.

-- credential_id is the authenticator's name for it; credential its public key and counter, as JSON. Nothing here is secret.
CREATE TABLE passkeys (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  credential_id BYTEA NOT NULL UNIQUE,
  credential TEXT NOT NULL,
  created_at_ms BIGINT NOT NULL,
  last_used_at_ms BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- Challenges that wait for an authenticator's answer; each is taken once. One that adds a passkey says whose and its name.
CREATE TABLE passkey_ceremonies (
  digest BYTEA NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('add', 'sign_in')),
  user_id TEXT REFERENCES users (id),
  name TEXT,
  state TEXT NOT NULL,
  expires_at_ms BIGINT NOT NULL
);
CREATE INDEX passkey_ceremonies_by_expiry ON passkey_ceremonies (expires_at_ms);
