-- What keys are authenticated with instead of a secret: a key without a row has a secret. Its secret's digest is of a value
-- that nobody ever saw.
CREATE TABLE key_identities (
  key_id TEXT NOT NULL PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  identity TEXT NOT NULL,
  version BIGINT NOT NULL,
  changed_at_ms BIGINT NOT NULL
);
CREATE INDEX key_identities_by_organisation ON key_identities (organisation_id);

-- Assertions that were exchanged, until they have expired: SHA-256 of issuer and jti.
CREATE TABLE used_assertions (
  digest BYTEA NOT NULL PRIMARY KEY,
  expires_at_ms BIGINT NOT NULL
);
CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at_ms);

-- Validly signed tokens that were rejected, the newest of each key, for its Admin.
CREATE TABLE key_attempts (
  key_id TEXT NOT NULL,
  id TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  times BIGINT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  claims TEXT NOT NULL,
  address TEXT,
  PRIMARY KEY (key_id, id)
);

-- The run that last fetched a token from an address; whether an organisation makes no more secrets.
ALTER TABLE key_sources ADD COLUMN run TEXT;
ALTER TABLE organisations ADD COLUMN secretless_only BIGINT NOT NULL DEFAULT 0;
