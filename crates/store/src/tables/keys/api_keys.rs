//! API keys and the digests of their former secrets.

use crate::{
    Engine, OrganisationTransaction, Reader, Result, Store, StoreError, Transaction,
    engine::{
        Row,
        lookup::{Lookup, LookupSql},
        only_column, params, read, statements,
    },
    tables::keys::identities::{FORGET_ATTEMPTS, FORGET_IDENTITY},
};
use domain::{
    ApiKey, KeyId, KeyOverview, OrganisationId, SecretDigest, Timestamp,
    api_key::{CredentialState, Grace, RetiredSecret, StoredSecret},
    authority::ManageKeys,
};
use std::collections::HashMap;

macro_rules! key_columns {
    () => {
        "id, organisation_id, organisation_name, label, secret_digest, secret_hint, grace_digest, grace_until_ms, \
         lifetime_seconds, created_at_ms, created_by, expires_at_ms, rotated_at_ms, token_epoch"
    };
}

/// What [`for_issuance`] reads first, in its order; signing key, label and token follow.
macro_rules! credential_state_columns {
    () => {
        "secret_digest, grace_digest, grace_until_ms, expires_at_ms, token_epoch, organisation_id, organisation_name"
    };
    ($of:literal) => {
        concat!(
            $of, "secret_digest, ", $of, "grace_digest, ", $of, "grace_until_ms, ", $of, "expires_at_ms, ", $of, "token_epoch, ",
            $of, "organisation_id, ", $of, "organisation_name"
        )
    };
}
pub(super) use credential_state_columns;

statements! {
    FIND = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE id = $1");
    FIND_FOR_ISSUANCE = concat!(
        "SELECT ", credential_state_columns!(), ", \
         CASE WHEN EXISTS (SELECT 1 FROM signing_keys WHERE kid = $2) THEN 1 ELSE 0 END FROM api_keys WHERE id = $1"
    );
    FIND_FOR_TOKEN_CHECK = concat!(
        "SELECT ", credential_state_columns!(), ", \
         CASE WHEN EXISTS (SELECT 1 FROM signing_keys WHERE kid = $3) THEN 1 ELSE 0 END, label, \
         CASE WHEN EXISTS (SELECT 1 FROM revoked_tokens WHERE token_id = $2) THEN 1 ELSE 0 END, \
         (SELECT expires_at_ms FROM revoked_tokens WHERE token_id = '') FROM api_keys WHERE id = $1"
    );
    // The columns of FIND_FOR_TOKEN_CHECK, as numbers of one kind on both engines: read under a lock, where no request waits.
    FIND_FOR_TOKEN = concat!(
        "SELECT ", credential_state_columns!(), ", \
         (SELECT COUNT(*) FROM signing_keys WHERE kid = $3), label, \
         (SELECT COUNT(*) FROM revoked_tokens WHERE token_id = $2), \
         (SELECT expires_at_ms FROM revoked_tokens WHERE token_id = '') FROM api_keys WHERE id = $1"
    );
    INSERT = concat!(
        "INSERT INTO api_keys (", key_columns!(), ") \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 \
         WHERE NOT EXISTS (SELECT 1 FROM retired_secrets WHERE key_id = $1)"
    );
    UPDATE = "UPDATE api_keys SET secret_digest = $2, secret_hint = $3, grace_digest = $4, grace_until_ms = $5, \
        lifetime_seconds = $6, expires_at_ms = $7, rotated_at_ms = $8, token_epoch = $9 WHERE id = $1";
    RENAME = "UPDATE api_keys SET label = $2 WHERE id = $1";
    LOCK = "UPDATE api_keys SET token_epoch = token_epoch WHERE id = $1";
    DELETE = "DELETE FROM api_keys WHERE id = $1";
    COUNT_ACTIVE = "SELECT COUNT(*) FROM api_keys WHERE organisation_id = $1 AND expires_at_ms > $2";
    COUNT_ALL_ACTIVE = "SELECT COUNT(*) FROM api_keys WHERE expires_at_ms > $1";
    LIST = "SELECT k.id, k.organisation_id, k.organisation_name, k.label, k.secret_digest, k.secret_hint, \
        k.grace_digest, k.grace_until_ms, k.lifetime_seconds, k.created_at_ms, k.created_by, k.expires_at_ms, \
        k.rotated_at_ms, k.token_epoch, \
        (SELECT s.last_used_at_ms FROM key_sources s WHERE s.key_id = k.id ORDER BY s.last_used_at_ms DESC LIMIT 1), \
        (SELECT s.address FROM key_sources s WHERE s.key_id = k.id ORDER BY s.last_used_at_ms DESC LIMIT 1), \
        (SELECT s.exchanged_at_ms FROM key_sources s WHERE s.key_id = k.id AND s.exchanged_digest = k.secret_digest \
         ORDER BY s.exchanged_at_ms DESC LIMIT 1), \
        (SELECT s.address FROM key_sources s WHERE s.key_id = k.id AND s.exchanged_digest = k.secret_digest \
         ORDER BY s.exchanged_at_ms DESC LIMIT 1), \
        (SELECT s.run FROM key_sources s WHERE s.key_id = k.id AND s.run IS NOT NULL ORDER BY s.exchanged_at_ms DESC LIMIT 1), \
        (SELECT CAST(COALESCE(SUM(r.seen_count), 0) AS BIGINT) FROM retired_secrets r WHERE r.key_id = k.id), \
        (SELECT MAX(r.last_seen_at_ms) FROM retired_secrets r WHERE r.key_id = k.id) \
        FROM api_keys k WHERE k.organisation_id = $1 AND ($2 = '' OR k.id = $2) ORDER BY k.id";
    RETIRE = "INSERT INTO retired_secrets (key_id, digest, organisation_id, retired_at_ms, cause, seen_count) \
        VALUES ($1, $2, $3, $4, $5, 0)";
    END_GRACE = "UPDATE retired_secrets SET retired_at_ms = $3 WHERE key_id = $1 AND digest = $2";
    FORGET_RETIRED = "DELETE FROM retired_secrets WHERE key_id = $1";
    FORGET_USAGE = "DELETE FROM key_usage WHERE key_id = $1";
    FORGET_SOURCES = "DELETE FROM key_sources WHERE key_id = $1";
    RETIRED = "SELECT key_id, organisation_id, digest, retired_at_ms, cause FROM retired_secrets WHERE key_id = $1";
}

/// On PostgreSQL many requests share a statement.
pub(crate) mod on_postgres {
    use crate::engine::statements::statements;

    statements! {
        KEYS_FOR_ISSUANCE = concat!(
            "SELECT q.place, ", credential_state_columns!(), ", \
             CASE WHEN EXISTS (SELECT 1 FROM signing_keys s WHERE s.kid = q.kid) THEN 1::bigint ELSE 0 END \
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS q (id, kid, place) JOIN api_keys k ON k.id = q.id"
        );
        KEYS_FOR_TOKEN_CHECK = concat!(
            "SELECT q.place, ", credential_state_columns!(), ", \
             CASE WHEN EXISTS (SELECT 1 FROM signing_keys s WHERE s.kid = q.kid) THEN 1::bigint ELSE 0 END, label, \
             CASE WHEN EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.token_id = q.token) THEN 1::bigint ELSE 0 END, \
             (SELECT expires_at_ms FROM revoked_tokens WHERE token_id = '') \
             FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS q (id, token, kid, place) \
             JOIN api_keys k ON k.id = q.id"
        );
    }
}
use on_postgres::{KEYS_FOR_ISSUANCE, KEYS_FOR_TOKEN_CHECK};

/// What a client's pair is checked against.
#[derive(Debug)]
pub struct KeyForIssuance {
    /// What the key opens now.
    pub credential_state: CredentialState,
    /// The organisation that it opens.
    pub organisation_id: OrganisationId,
    /// That organisation's name.
    pub organisation_name: String,
    /// Whether the key that would sign the token is still published.
    pub signing_key_published: bool,
}

/// What an access token's holder is checked against at each request.
#[derive(Debug)]
pub struct KeyForTokenCheck {
    /// What the token's key opens now, and whether the key that signed the token is still published.
    pub key: KeyForIssuance,
    /// What an Admin called the key.
    pub label: String,
    token_revoked: bool,
    revocations_forgotten_until: Option<Timestamp>,
}

impl KeyForTokenCheck {
    /// Whether a token of the key that expires then was revoked, or is so old that its revocation may have been forgotten.
    pub fn token_revoked(&self, expires_at: Timestamp) -> bool {
        self.token_revoked || self.revocations_forgotten_until.is_some_and(|until| expires_at <= until)
    }
}

pub(crate) fn key(row: &Row<'_>) -> Result<ApiKey> {
    read!(row => ApiKey {
        id, organisation_id, organisation_name, label,
        secret: StoredSecret { digest: row.next()?, hint: row.next()? },
        grace: grace(row.next()?, row.next()?), lifetime, created_at, created_by, expires_at, rotated_at,
        token_epoch,
    })
}

fn grace(digest: Option<SecretDigest>, until: Option<Timestamp>) -> Option<Grace> {
    digest.zip(until).map(|(digest, until)| Grace { digest, until })
}

pub(crate) fn for_issuance(row: &Row<'_>) -> Result<KeyForIssuance> {
    Ok(KeyForIssuance {
        credential_state: CredentialState {
            secret: row.next()?,
            grace: grace(row.next()?, row.next()?),
            expires_at: row.next()?,
            token_epoch: row.next()?,
        },
        organisation_id: row.next()?,
        organisation_name: row.next()?,
        signing_key_published: row.next()?,
    })
}

pub(crate) fn for_token_check(row: &Row<'_>) -> Result<KeyForTokenCheck> {
    read!(row => KeyForTokenCheck {
        key: for_issuance(row)?, label, token_revoked, revocations_forgotten_until,
    })
}

/// The two lookups that every request of a machine makes.
pub(crate) struct KeyLookups {
    issuance: Lookup<2, KeyForIssuance>,
    token_check: Lookup<3, KeyForTokenCheck>,
}

impl KeyLookups {
    pub(crate) fn new(engine: &Engine) -> Self {
        let issuance = LookupSql { one: FIND_FOR_ISSUANCE, many: KEYS_FOR_ISSUANCE };
        let token_check = LookupSql { one: FIND_FOR_TOKEN_CHECK, many: KEYS_FOR_TOKEN_CHECK };
        Self {
            issuance: Lookup::new(engine, &issuance, for_issuance),
            token_check: Lookup::new(engine, &token_check, for_token_check),
        }
    }
}

impl Store {
    /// What the key with this id opens, and whether the signing key `kid` is published: the one read of a token request.
    ///
    /// Requests that come together share a read transaction on SQLite and a statement on PostgreSQL. It begins after the last
    /// of them came, so each sees every commit that was answered before it asked.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn find_key_for_issuance(&self, id: &KeyId, kid: &str) -> Result<Option<KeyForIssuance>> {
        self.keys.issuance.find([id.as_str().to_owned(), kid.to_owned()]).await
    }

    /// What the key with this id opens, and whether one of its tokens is still good: the one read of an API call. As fresh as
    /// [`Self::find_key_for_issuance`].
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn find_key_for_token_check(
        &self,
        id: &KeyId,
        token_id: &str,
        kid: &str,
    ) -> Result<Option<KeyForTokenCheck>> {
        self.keys.token_check.find([id.as_str().to_owned(), token_id.to_owned(), kid.to_owned()]).await
    }
}

impl Reader {
    /// The key with this id.
    pub async fn find_key(&mut self, id: &KeyId) -> Result<Option<ApiKey>> {
        self.find(FIND, params![id.as_str()], key).await
    }

    /// Every digest that once belonged to the key, whether it still exists or not.
    pub async fn retired_secrets(&mut self, id: &KeyId) -> Result<Vec<RetiredSecret>> {
        self.query(
            RETIRED,
            params![id.as_str()],
            |row| read!(row => RetiredSecret { key_id, organisation_id, digest, at, cause }),
        )
        .await
    }

    /// How many of the organisation's keys are Active at `now`.
    pub async fn count_active_keys(&mut self, id: &OrganisationId, now: Timestamp) -> Result<usize> {
        let count = self.find(COUNT_ACTIVE, params![id.as_str(), now], only_column::<i64>).await?;
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
    }

    /// How many keys of all organisations are Active at `now`.
    pub async fn count_all_active_keys(&mut self, now: Timestamp) -> Result<i64> {
        Ok(self.find(COUNT_ALL_ACTIVE, params![now], only_column).await?.unwrap_or(0))
    }

    /// The organisation's keys in the order in which they were made, or only `id`, with their use.
    pub async fn keys(
        &mut self,
        organisation: &OrganisationId,
        id: Option<&KeyId>,
    ) -> Result<Vec<KeyOverview>> {
        let params = params![organisation.as_str(), id.map_or("", KeyId::as_str)];
        let mut keys = self
            .query(LIST, params, |row| {
                read!(row => KeyOverview {
                    key: key(row)?, last_used_at, last_used_from, secret_used_at, secret_used_from,
                    last_run: row.next::<Option<String>>()?.and_then(|run| serde_json::from_str(&run).ok()),
                    dead_secret_uses, dead_secret_seen_at, identity: None,
                })
            })
            .await?;
        let mut identities: HashMap<_, _> = self
            .identities(organisation, id)
            .await?
            .into_iter()
            .map(|identity| (identity.key_id.clone(), identity))
            .collect();
        for overview in &mut keys {
            overview.identity = identities.remove(&overview.key.id);
        }
        Ok(keys)
    }
}

impl Transaction {
    /// Waits for every transaction that rests on one of the key's tokens, and keeps others from beginning.
    pub async fn lock_key(&mut self, id: &KeyId) -> Result<()> {
        self.execute(LOCK, params![id.as_str()]).await.map(drop)
    }
}

impl OrganisationTransaction<ManageKeys> {
    /// Adds a key. [`StoreError::Taken`] if its id is or ever was in use.
    pub async fn insert_key(&mut self, new: &ApiKey) -> Result<()> {
        self.require_own(&new.organisation_id)?;
        let params = params![new =>
            id, organisation_id, organisation_name, label, (new.secret.digest), (&new.secret.hint),
            (new.grace.map(|grace| grace.digest)), (new.grace.map(|grace| grace.until)), lifetime,
            created_at, created_by, expires_at, rotated_at, token_epoch,
        ];
        match self.execute(INSERT, params).await? {
            1 => Ok(()),
            _ => Err(StoreError::Taken),
        }
    }

    /// Stores what a rotation or the end of a grace changed.
    pub async fn update_key(&mut self, key: &ApiKey) -> Result<()> {
        self.require_own(&key.organisation_id)?;
        let params = params![key =>
            id, (key.secret.digest), (&key.secret.hint), (key.grace.map(|grace| grace.digest)),
            (key.grace.map(|grace| grace.until)), lifetime, expires_at, rotated_at, token_epoch,
        ];
        self.execute(UPDATE, params).await.map(drop)
    }

    /// Stores another label.
    pub async fn rename_key(&mut self, key: &ApiKey) -> Result<()> {
        self.require_own(&key.organisation_id)?;
        self.execute(RENAME, params![key => id, label]).await.map(drop)
    }

    /// Remembers a secret that was rotated out.
    pub async fn retire_secret(&mut self, retired: &RetiredSecret) -> Result<()> {
        self.require_own(&retired.organisation_id)?;
        let params = params![retired => key_id, digest, organisation_id, at, cause];
        self.execute(RETIRE, params).await.map(drop)
    }

    /// Notes that the grace of the secret that `key` had before ends at `now`, earlier than was said when it was rotated out.
    pub async fn end_grace(&mut self, key: &ApiKey, grace: Grace, now: Timestamp) -> Result<()> {
        self.require_own(&key.organisation_id)?;
        self.execute(END_GRACE, params![key.id.as_str(), grace.digest, now]).await.map(drop)
    }

    /// Deletes a key and all that belongs to it, leaving its tombstone.
    pub async fn delete_key(&mut self, tombstone: &RetiredSecret) -> Result<()> {
        self.require_own(&tombstone.organisation_id)?;
        let id = tombstone.key_id.as_str();
        self.execute(DELETE, params![id]).await?;
        self.execute(FORGET_RETIRED, params![id]).await?;
        self.execute(FORGET_USAGE, params![id]).await?;
        self.execute(FORGET_SOURCES, params![id]).await?;
        self.execute(FORGET_IDENTITY, params![id]).await?;
        self.execute(FORGET_ATTEMPTS, params![id]).await?;
        self.retire_secret(tombstone).await
    }
}
