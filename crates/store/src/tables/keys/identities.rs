//! What keys are authenticated with instead of a secret, the assertions that were used up, and the attempts that were rejected.

use crate::{
    Engine, KeyForIssuance, OrganisationTransaction, Reader, Result, Store, StoreError, Transaction,
    engine::{
        Row,
        lookup::{Lookup, LookupSql},
        only_column, params, read, statements,
    },
    tables::keys::api_keys::{credential_state_columns, for_issuance},
};
use domain::{
    KeyId, OrganisationId, SecretDigest, Timestamp,
    authority::ManageKeys,
    workload::{ATTEMPTS_OF_A_KEY, ATTEMPTS_OF_AN_OWNER, Attempt, Identity, KeyIdentity},
};

statements! {
    FIND_FOR_ASSERTION = concat!(
        "SELECT ", credential_state_columns!("k."), ", \
         CASE WHEN EXISTS (SELECT 1 FROM signing_keys WHERE kid = $2) THEN 1 ELSE 0 END, i.identity, i.version \
         FROM api_keys k JOIN key_identities i ON i.key_id = k.id WHERE k.id = $1"
    );
    LIST = "SELECT key_id, organisation_id, identity, version, changed_at_ms FROM key_identities \
        WHERE organisation_id = $1 AND ($2 = '' OR key_id = $2)";
    PUT = "INSERT INTO key_identities (key_id, organisation_id, identity, version, changed_at_ms) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (key_id) DO UPDATE SET identity = excluded.identity, version = excluded.version, \
        changed_at_ms = excluded.changed_at_ms";
    FORGET_IDENTITY = "DELETE FROM key_identities WHERE key_id = $1";
    FORGET_ATTEMPTS = "DELETE FROM key_attempts WHERE key_id = $1";
    FORGET_ATTEMPT = "DELETE FROM key_attempts WHERE key_id = $1 AND id = $2";
    // Only while the key is what the assertion was checked against: whoever changes or ends it is done, or comes later.
    USE_UP = "INSERT INTO used_assertions (digest, expires_at_ms) SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM api_keys k \
        JOIN key_identities i ON i.key_id = k.id WHERE k.id = $3 AND i.version = $4 AND k.token_epoch = $5 \
        AND k.expires_at_ms > $6) ON CONFLICT (digest) DO NOTHING";
    IS_USED_UP = "SELECT expires_at_ms FROM used_assertions WHERE digest = $1";
    NOTE_ATTEMPT = "INSERT INTO key_attempts (key_id, id, at_ms, times, reason, message, claims, address) \
        SELECT key_id, $2, $3, $4, $5, $6, $7, $8 FROM key_identities WHERE key_id = $1 \
        ON CONFLICT (key_id, id) DO UPDATE SET at_ms = excluded.at_ms, times = key_attempts.times + excluded.times, \
        message = excluded.message, address = excluded.address";
    // The newest of each owner come first, then the second of each, and so on.
    FORGET_OTHER_ATTEMPTS = "DELETE FROM key_attempts WHERE key_id = $1 AND id NOT IN (SELECT ranked.id FROM \
        (SELECT a.id, a.at_ms, ROW_NUMBER() OVER (PARTITION BY substr(a.id, 1, 16) ORDER BY a.at_ms DESC, a.id) AS place \
        FROM key_attempts a WHERE a.key_id = $1) ranked WHERE ranked.place <= $3 \
        ORDER BY ranked.place, ranked.at_ms DESC, ranked.id LIMIT $2)";
    ATTEMPTS = "SELECT id, key_id, at_ms, times, reason, message, claims, address FROM key_attempts WHERE key_id = $1 \
        ORDER BY at_ms DESC, id";
}

/// On PostgreSQL many requests share a statement.
pub(crate) mod on_postgres {
    use crate::{engine::statements::statements, tables::keys::api_keys::credential_state_columns};

    statements! {
        KEYS_FOR_ASSERTION = concat!(
            "SELECT q.place, ", credential_state_columns!("k."), ", \
             CASE WHEN EXISTS (SELECT 1 FROM signing_keys s WHERE s.kid = q.kid) THEN 1::bigint ELSE 0 END, i.identity, i.version \
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS q (id, kid, place) JOIN api_keys k ON k.id = q.id \
             JOIN key_identities i ON i.key_id = k.id"
        );
    }
}
use on_postgres::KEYS_FOR_ASSERTION;

/// What an assertion is checked against.
#[derive(Debug)]
pub struct KeyForAssertion {
    /// What the key opens now.
    pub key: KeyForIssuance,
    /// What must be presented.
    pub identity: Identity,
    /// Which version of that it is.
    pub version: i64,
}

/// An assertion that can be exchanged once.
#[derive(Debug, Clone, Copy)]
pub struct SingleUse {
    /// SHA-256 of whose it is and its `jti`.
    pub digest: SecretDigest,
    /// From when on it is rejected for its age anyway.
    pub expires_at: Timestamp,
}

/// What became of an assertion that can be used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseUp {
    /// It is used up now, by whoever asked.
    Done,
    /// It had been used before.
    UsedBefore,
    /// The key ended or was changed after the assertion was checked.
    KeyChanged,
}

fn identity_of(text: &str) -> Result<Identity> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(format!("an identity: {error}")))
}

fn for_assertion(row: &Row<'_>) -> Result<KeyForAssertion> {
    Ok(KeyForAssertion {
        key: for_issuance(row)?,
        identity: identity_of(&row.next::<String>()?)?,
        version: row.next()?,
    })
}

/// The lookup of an exchange by assertion.
pub(crate) struct IdentityLookup(Lookup<2, KeyForAssertion>);

impl IdentityLookup {
    pub(crate) fn new(engine: &Engine) -> Self {
        let sql = LookupSql { one: FIND_FOR_ASSERTION, many: KEYS_FOR_ASSERTION };
        Self(Lookup::new(engine, &sql, for_assertion))
    }
}

impl Store {
    /// What the key with this id opens and must be presented, and whether the signing key `kid` is published. None also for a
    /// key that has a secret alone. As fresh as [`Self::find_key_for_issuance`].
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn find_key_for_assertion(&self, id: &KeyId, kid: &str) -> Result<Option<KeyForAssertion>> {
        self.identities.0.find([id.as_str().to_owned(), kid.to_owned()]).await
    }

    /// Uses an assertion up, on every node, if the key is still what it was checked against: of that version and epoch, and unexpired.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn use_up_assertion(
        &self,
        single_use: SingleUse,
        id: &KeyId,
        version: i64,
        token_epoch: i64,
        now: Timestamp,
    ) -> Result<UseUp> {
        let SingleUse { digest, expires_at } = single_use;
        let mut transaction = self.begin().await?;
        let inserted = transaction
            .execute(USE_UP, params![digest, expires_at, id.as_str(), version, token_epoch, now])
            .await?;
        if inserted == 1 {
            transaction.commit().await?;
            return Ok(UseUp::Done);
        }
        let used = transaction.is_assertion_used(single_use).await?;
        transaction.roll_back().await?;
        Ok(if used { UseUp::UsedBefore } else { UseUp::KeyChanged })
    }
}

impl Reader {
    /// What the organisation's keys without a secret are authenticated with, or only `id`.
    pub async fn identities(
        &mut self,
        organisation: &OrganisationId,
        id: Option<&KeyId>,
    ) -> Result<Vec<KeyIdentity>> {
        self.query(LIST, params![organisation.as_str(), id.map_or("", KeyId::as_str)], |row| {
            read!(row => KeyIdentity {
                key_id, organisation_id, identity: identity_of(&row.next::<String>()?)?, version, changed_at,
            })
        })
        .await
    }

    /// Whether an assertion was used up.
    pub async fn is_assertion_used(&mut self, single_use: SingleUse) -> Result<bool> {
        let found = self.find(IS_USED_UP, params![single_use.digest], only_column::<i64>).await?;
        Ok(found.is_some())
    }

    /// The runs that asked for a token of the key and were rejected, newest first.
    pub async fn attempts(&mut self, key: &KeyId) -> Result<Vec<Attempt>> {
        self.query(
            ATTEMPTS,
            params![key.as_str()],
            |row| read!(row => Attempt { id, key_id, at, times, reason, message, claims, address }),
        )
        .await
    }
}

impl Transaction {
    /// Notes an attempt, and forgets those of the key that are too many. Its claims stay those of the first time. For a key that is
    /// gone it does nothing.
    pub async fn note_attempt(&mut self, attempt: &Attempt) -> Result<()> {
        let key = attempt.key_id.as_str();
        let params = params![
            key,
            &attempt.id,
            attempt.at,
            attempt.times,
            &attempt.reason,
            &attempt.message,
            &attempt.claims,
            attempt.address.as_deref(),
        ];
        if self.execute(NOTE_ATTEMPT, params).await? > 0 {
            let params = params![key, ATTEMPTS_OF_A_KEY, ATTEMPTS_OF_AN_OWNER];
            self.execute(FORGET_OTHER_ATTEMPTS, params).await?;
        }
        Ok(())
    }
}

impl OrganisationTransaction<ManageKeys> {
    /// Decides what a key is authenticated with instead of a secret.
    pub async fn put_identity(&mut self, new: &KeyIdentity) -> Result<()> {
        self.require_own(&new.organisation_id)?;
        let identity = serde_json::to_string(&new.identity)
            .map_err(|error| StoreError::corrupt(format!("an identity: {error}")))?;
        let params =
            params![new.key_id.as_str(), new.organisation_id.as_str(), identity, new.version, new.changed_at];
        self.execute(PUT, params).await.map(drop)
    }

    /// Forgets an attempt that was decided.
    pub async fn forget_attempt(&mut self, key: &KeyId, id: &str) -> Result<()> {
        self.execute(FORGET_ATTEMPT, params![key.as_str(), id]).await.map(drop)
    }
}
