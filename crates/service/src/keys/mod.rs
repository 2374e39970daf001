//! Use cases of an API key's life that an Admin starts: list, generate, rotate, end a grace, revoke.

pub mod identities;
mod labels;
pub mod notices;
pub mod sent_forms;
pub mod usage_recorder;
pub mod usage_report;

use crate::{Keys, Principal, Rejection, RequestContext, Result, audit::Entry, errors::Candidate};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    ApiKey, Capability, ClientSecret, KeyId, KeyOverview, KeyState, Label, Organisation, OrganisationId,
    api_key::{self, FreeSlot, GracePeriod, NewKey, NoFreeSlot, Rotated, Rotation, StoredSecret},
    audit::Action,
    authority::ManageKeys,
};
use serde_json::json;
use store::{OrganisationTransaction, Reader, Transaction};

/// Why an organisation makes no secret.
const SECRETLESS: &str =
    "this organisation makes no more secrets: generate the key with workload identity or public keys";

/// What an Admin asks for.
#[derive(Debug, Clone)]
pub struct GenerateKey {
    /// The label, not yet checked.
    pub label: String,
    /// The lifetime in days; none for the organisation's default.
    pub expires_in_days: Option<i64>,
}

/// How an Admin wants a key rotated.
#[derive(Debug, Clone, Copy, Default)]
pub struct RotateKey {
    /// For how long the previous secret works on, in seconds.
    pub grace_seconds: i64,
    /// Whether tokens issued before are rejected at once.
    pub end_issued_tokens: bool,
}

/// A key with its secret: the one and only time that the secret is anywhere in the clear.
#[derive(Debug)]
pub struct GeneratedKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: ClientSecret,
}

impl GeneratedKey {
    /// The pair as one value, for CI actions with a single `api-key` input: base64 of `client_id:client_secret`.
    pub fn combined(&self) -> String {
        BASE64_STANDARD.encode(format!("{}:{}", self.key.id, self.secret.expose()))
    }
}

impl Keys<'_> {
    /// The organisation's keys, oldest first, with their use.
    ///
    /// # Errors
    /// The principal is no Admin, or the store fails.
    pub async fn list(self, principal: &Principal) -> Result<Vec<KeyOverview>> {
        principal.authorise(Capability::ManageKeys)?;
        let mut reader = self.0.store.reader().await?;
        self.overviews(&mut reader, &principal.organisation_id, None).await
    }

    /// One key of the organisation, with its use.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, or the store fails.
    pub async fn get(self, principal: &Principal, id: &str) -> Result<KeyOverview> {
        principal.authorise(Capability::ManageKeys)?;
        let id = parse_id(id)?;
        let mut reader = self.0.store.reader().await?;
        let found = self.overviews(&mut reader, &principal.organisation_id, Some(&id)).await?;
        Ok(found.into_iter().next().ok_or_else(|| not_found(&id))?)
    }

    /// Keys with their use, the use that is not written yet included.
    async fn overviews(
        self,
        reader: &mut Reader,
        organisation: &OrganisationId,
        id: Option<&KeyId>,
    ) -> Result<Vec<KeyOverview>> {
        let mut keys = reader.keys(organisation, id).await?;
        for key in &mut keys {
            self.0.usage.add_pending(key);
        }
        Ok(keys)
    }

    /// Generates a key. However many requests race, the organisation never has more Active keys than its limit.
    ///
    /// # Errors
    /// The principal is no Admin, an input is wrong, no place is free, or the store fails.
    pub async fn generate(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        input: &GenerateKey,
    ) -> Result<GeneratedKey> {
        let mut transaction = self.0.begin_as(ctx, principal).await?;
        let generated = self.generate_in(&mut transaction, ctx, principal, input).await?;
        transaction.commit().await?;
        log(&generated.key, "generated an API key");
        Ok(generated)
    }

    pub(crate) async fn generate_in(
        self,
        transaction: &mut OrganisationTransaction<ManageKeys>,
        ctx: &RequestContext,
        principal: &Principal,
        input: &GenerateKey,
    ) -> Result<GeneratedKey> {
        let label = Label::parse(&input.label)?;
        let secret = ClientSecret::generate(self.0.entropy());
        let organisation = transaction.organisation().clone();
        if organisation.secretless_only {
            return Err(Rejection::Conflict(SECRETLESS.to_owned()).into());
        }
        let new = NewKey {
            id: KeyId::generate(ctx.now, self.0.entropy()),
            label,
            secret: stored(&secret),
            lifetime: organisation.key_policy.choose(input.expires_in_days)?,
            created_by: principal.actor().name,
        };
        let slot = self.claim_slot(transaction, ctx, &organisation).await?;
        let key = ApiKey::generate(slot, &organisation, new, ctx.now);
        transaction.insert_key(&key).await?;
        let details = json!({ "expires_at": key.expires_at.to_string() });
        self.audit_key(transaction, ctx, principal, Action::ApiKeyGenerated, &key, details).await?;
        self.tell_of_key(transaction, ctx, &key, "generated", &principal.actor().name).await?;
        Ok(GeneratedKey { key, secret })
    }

    /// Replaces a key's secret. When this answers, no node takes the previous one, unless a grace was asked for.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, an expired key finds no free place, or the store fails.
    pub async fn rotate(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        input: RotateKey,
    ) -> Result<GeneratedKey> {
        let mut transaction = self.0.begin_as(ctx, principal).await?;
        let generated = self.rotate_in(&mut transaction, ctx, principal, id, input).await?;
        transaction.commit().await?;
        log(&generated.key, "rotated an API key");
        Ok(generated)
    }

    pub(crate) async fn rotate_in(
        self,
        transaction: &mut OrganisationTransaction<ManageKeys>,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        input: RotateKey,
    ) -> Result<GeneratedKey> {
        let id = parse_id(id)?;
        let secret = ClientSecret::generate(self.0.entropy());
        let rotation = Rotation {
            secret: stored(&secret),
            grace: GracePeriod::from_seconds(input.grace_seconds)?,
            end_issued_tokens: input.end_issued_tokens,
        };
        let organisation = transaction.organisation().clone();
        let policy = organisation.key_policy;
        let before = find(transaction, principal, &id).await?;
        if identities::identity_of(transaction, &before).await?.is_some() {
            return Err(Rejection::Conflict(
                "this key has no secret to rotate: renew it, or change what it is authenticated with"
                    .to_owned(),
            )
            .into());
        }
        if let Some(grace) = before.running_grace(ctx.now) {
            transaction.end_grace(&before, grace, ctx.now).await?;
        }
        let Rotated { key, retired } = match before.at(ctx.now) {
            KeyState::Active(active) => active.rotate(rotation, policy, ctx.now),
            KeyState::Expired(_) if organisation.secretless_only => {
                return Err(Rejection::Conflict(SECRETLESS.to_owned()).into());
            }
            KeyState::Expired(expired) => {
                let slot = self.claim_slot(transaction, ctx, &organisation).await?;
                expired.revive(slot, rotation, policy, ctx.now)
            }
        };
        transaction.update_key(&key).await?;
        transaction.retire_secret(&retired).await?;
        let details = json!({
            "expires_at": key.expires_at.to_string(),
            "grace_until": key.grace.map(|grace| grace.until.to_string()),
            "ended_issued_tokens": input.end_issued_tokens,
        });
        self.audit_key(transaction, ctx, principal, Action::ApiKeyRotated, &key, details).await?;
        self.tell_of_key(transaction, ctx, &key, "rotated", &principal.actor().name).await?;
        Ok(GeneratedKey { key, secret })
    }

    /// Ends a rotation's grace now.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, no grace runs, or the store fails.
    pub async fn end_grace(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
    ) -> Result<KeyOverview> {
        principal.authorise(Capability::ManageKeys)?;
        let parsed = parse_id(id)?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let key = find(&mut transaction, principal, &parsed).await?;
        let Some(grace) = key.running_grace(ctx.now) else {
            return Err(Rejection::Conflict(
                "no grace runs: the previous secret does not work already".into(),
            )
            .into());
        };
        transaction.end_grace(&key, grace, ctx.now).await?;
        let key = key.end_grace();
        transaction.update_key(&key).await?;
        self.audit_key(&mut transaction, ctx, principal, Action::ApiKeyGraceEnded, &key, json!({})).await?;
        transaction.commit().await?;
        self.get(principal, id).await
    }

    /// Deletes a key, permanently. When this answers, no node takes its secret or any of its tokens.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, or the store fails.
    pub async fn revoke(self, ctx: &RequestContext, principal: &Principal, id: &str) -> Result<KeyId> {
        principal.authorise(Capability::ManageKeys)?;
        let id = parse_id(id)?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let key = find(&mut transaction, principal, &id).await?;
        // Deleted first: whoever counts a dead secret takes the same locks in the same order.
        transaction.delete_key(&key.clone().revoke(ctx.now)).await?;
        self.audit_key(&mut transaction, ctx, principal, Action::ApiKeyRevoked, &key, json!({})).await?;
        self.tell_of_key(&mut transaction, ctx, &key, "revoked", &principal.actor().name).await?;
        transaction.commit().await?;
        tracing::info!(key = %id, organisation = %principal.organisation_id, "revoked an API key");
        Ok(id)
    }

    /// Takes a free place inside the caller's transaction, which holds the organisation's lock.
    async fn claim_slot(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        organisation: &Organisation,
    ) -> Result<FreeSlot> {
        let active = transaction.count_active_keys(&organisation.id, ctx.now).await?;
        match api_key::claim_slot(active, self.0.policy.active_keys) {
            Ok(slot) => Ok(slot),
            Err(NoFreeSlot { limit }) => {
                let keys = self.overviews(transaction, &organisation.id, None).await?;
                Err(Rejection::LimitReached { limit, candidates: candidates(keys, ctx) }.into())
            }
        }
    }

    async fn audit_key(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        principal: &Principal,
        action: Action,
        key: &ApiKey,
        details: serde_json::Value,
    ) -> Result<()> {
        let entry = Entry { action, object_id: key.id.as_str(), object_name: key.label.as_str(), details };
        self.0.audit(transaction, ctx, principal, entry).await
    }
}

pub(crate) fn log(key: &ApiKey, what: &'static str) {
    tracing::info!(key = %key.id, organisation = %key.organisation_id, "{what}");
}

/// Active keys that could go: never used first, then those unused for longest.
fn candidates(keys: Vec<KeyOverview>, ctx: &RequestContext) -> Vec<Candidate> {
    let mut candidates: Vec<_> = keys
        .into_iter()
        .filter(|overview| overview.key.is_active(ctx.now))
        .map(|overview| Candidate {
            id: overview.key.id,
            label: overview.key.label.as_str().to_owned(),
            last_used_at: overview.last_used_at,
        })
        .collect();
    candidates.sort_by_key(|candidate| candidate.last_used_at);
    candidates
}

fn stored(secret: &ClientSecret) -> StoredSecret {
    StoredSecret { digest: jose::digest(secret.expose()), hint: secret.hint() }
}

fn parse_id(id: &str) -> Result<KeyId, Rejection> {
    KeyId::parse(id).map_err(|_| Rejection::NotFound { kind: "API key", id: id.to_owned() })
}

fn not_found(id: &KeyId) -> Rejection {
    Rejection::NotFound { kind: "API key", id: id.as_str().to_owned() }
}

async fn find(reader: &mut Reader, principal: &Principal, id: &KeyId) -> Result<ApiKey> {
    let key = reader.find_key(id).await?;
    key.filter(|key| key.organisation_id == principal.organisation_id).ok_or_else(|| not_found(id).into())
}
