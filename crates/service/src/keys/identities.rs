//! Keys without a secret, as an Admin manages them: which workloads or public keys open them, who asked and was rejected, and what
//! a given token would come to.

use super::{find, log, parse_id, stored};
use crate::{
    Error, Keys, Principal, Rejection, RequestContext, Result,
    tokens::{assertion::TokenReport, client_authentication::ClientRejection},
    workloads::KeySetUnavailable,
};
use domain::{
    ApiKey, Capability, ClientSecret, Invalid, KeyId, KeyState, Label,
    api_key::{GracePeriod, NewKey, Rotated, Rotation},
    audit::Action,
    authority::ManageKeys,
    workload::{
        Accepts, Attempt, Claims, ClientKeys, Condition, Conditions, Danger, Identity, IssuerUrl,
        KeyIdentity, KnownIssuer, Preset, WAITING_SECONDS, WorkloadIdentity, check,
    },
};
use jose::assertion::{KeySet, PublicKeys};
use serde_json::json;
use std::collections::BTreeSet;
use store::OrganisationTransaction;

/// What a key is to be authenticated with instead of a secret, not yet checked.
#[derive(Debug, Clone)]
pub enum NewIdentity {
    /// Tokens that a workload's platform signs.
    Workload(NewWorkload),
    /// Assertions that the client signs itself.
    PublicKeys(NewPublicKeys),
}

/// Which tokens of which issuer, not yet checked.
#[derive(Debug, Clone)]
pub struct NewWorkload {
    /// The kind of issuer.
    pub preset: Preset,
    /// The issuer's URL; may be left out where the preset knows it.
    pub issuer: Option<String>,
    /// What `aud` must contain; none for this server's own issuer URL.
    pub audience: Option<String>,
    /// The issuer's public keys as a JWKS, where it cannot be reached.
    pub key_set: Option<String>,
    /// What the tokens must say; none to wait for the first run and decide then.
    pub conditions: Option<NewConditions>,
}

/// What tokens must say, not yet checked.
#[derive(Debug, Clone, Default)]
pub struct NewConditions {
    /// What names the workload.
    pub pins: Vec<Condition>,
    /// When and how it may run.
    pub others: Vec<Condition>,
    /// What the Admin accepts by name.
    pub accepted_dangers: BTreeSet<Danger>,
}

/// The public keys of a client, not yet checked.
#[derive(Debug, Clone)]
pub enum NewPublicKeys {
    /// A JWK, a JWKS or PEM.
    Pasted(String),
    /// Where the client publishes its JWKS.
    Url(String),
}

/// What an Admin asks for.
#[derive(Debug, Clone)]
pub struct GenerateSecretlessKey {
    /// The label, not yet checked.
    pub label: String,
    /// The lifetime in days; none for the organisation's default.
    pub expires_in_days: Option<i64>,
    /// What it is authenticated with.
    pub identity: NewIdentity,
}

impl Keys<'_> {
    /// Generates a key that has no secret. Its issuer's keys are fetched first, so that what is wrong with them is said here.
    ///
    /// # Errors
    /// The principal is no Admin, an input is wrong, the issuer's keys cannot be had, no place is free, or the store fails.
    pub async fn generate_without_secret(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        input: GenerateSecretlessKey,
    ) -> Result<ApiKey> {
        let label = Label::parse(&input.label)?;
        let identity = self.checked(ctx, principal, input.identity).await?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let organisation = transaction.organisation().clone();
        let new = NewKey {
            id: KeyId::generate(ctx.now, self.0.entropy()),
            label,
            secret: self.unknown_secret(),
            lifetime: organisation.key_policy.choose(input.expires_in_days)?,
            created_by: principal.actor().name,
        };
        let slot = self.claim_slot(&mut transaction, ctx, &organisation).await?;
        let key = ApiKey::generate(slot, &organisation, new, ctx.now);
        transaction.insert_key(&key).await?;
        self.put(&mut transaction, ctx, &key, identity.clone(), None).await?;
        let details = described(&identity, "expires_at", json!(key.expires_at.to_string()));
        self.audit_key(&mut transaction, ctx, principal, Action::ApiKeyGenerated, &key, details).await?;
        self.tell_of_key(&mut transaction, ctx, &key, "generated", &principal.actor().name).await?;
        transaction.commit().await?;
        log(&key, "generated an API key without a secret");
        Ok(key)
    }

    /// Changes what a key without a secret is authenticated with. When this answers, no node accepts by what was before.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there or has a secret, an input is wrong, the issuer's keys cannot be had, or the
    /// store fails.
    pub async fn change_identity(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        identity: NewIdentity,
        end_issued_tokens: bool,
    ) -> Result<ApiKey> {
        let id = parse_id(id)?;
        let identity = self.checked(ctx, principal, identity).await?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let key = find(&mut transaction, principal, &id).await?;
        let before = require_identity(&mut transaction, &key).await?;
        if before.identity.method() != identity.method() {
            return Err(Rejection::Conflict(
                "this key has another authentication method: generate a key for this one".to_owned(),
            )
            .into());
        }
        self.change(&mut transaction, ctx, principal, key, &before, identity, end_issued_tokens)
            .await
            .map(drop)?;
        let key = find(&mut transaction, principal, &id).await?;
        transaction.commit().await?;
        log(&key, "changed what an API key is authenticated with");
        Ok(key)
    }

    /// Shows the runs that ask for a waiting key for another hour.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there or does not wait for its first run, or the store fails.
    pub async fn wait_again(self, ctx: &RequestContext, principal: &Principal, id: &str) -> Result<()> {
        let id = parse_id(id)?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let key = find(&mut transaction, principal, &id).await?;
        let before = require_identity(&mut transaction, &key).await?;
        let waiting = before.identity.workload().filter(|workload| workload.conditions().is_none());
        let Some(waiting) = waiting else {
            return Err(Rejection::Conflict("this key does not wait for its first run".to_owned()).into());
        };
        let identity =
            Identity::WorkloadIdentity(WorkloadIdentity { accepts: waiting_from(ctx), ..waiting.clone() });
        self.change(&mut transaction, ctx, principal, key, &before, identity, false).await?;
        Ok(transaction.commit().await?)
    }

    /// The runs that asked for a token of the key and were rejected, newest first.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, or the store fails.
    pub async fn attempts(self, principal: &Principal, id: &str) -> Result<Vec<Attempt>> {
        principal.authorise(Capability::ManageKeys)?;
        let id = parse_id(id)?;
        let mut reader = self.0.store.reader().await?;
        find(&mut reader, principal, &id).await?;
        let identity = reader.identities(&principal.organisation_id, Some(&id)).await?.into_iter().next();
        let Some(workload) = identity.as_ref().and_then(|identity| identity.identity.workload()) else {
            return Ok(Vec::new());
        };
        let mut attempts = reader.attempts(&id).await?;
        attempts.retain(|attempt| is_of(attempt, workload));
        Ok(attempts)
    }

    /// Lets the workload of an attempt use the key. A key that waits is pinned to exactly what that run was. A key with conditions
    /// takes what differed into them; its pins stay. `expected_version` is the [version](domain::workload::KeyIdentity::version) of what
    /// the key accepted when the Admin decided.
    ///
    /// # Errors
    /// The principal is no Admin, the key or the attempt is not there, the attempt was made by another workload, the key was changed since,
    /// a danger was not accepted, or the store fails.
    pub async fn allow_attempt(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        attempt: &str,
        expected_version: Option<i64>,
        accepted_dangers: &BTreeSet<Danger>,
    ) -> Result<ApiKey> {
        let id = parse_id(id)?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let key = find(&mut transaction, principal, &id).await?;
        let before = require_identity(&mut transaction, &key).await?;
        if expected_version.is_some_and(|expected| expected != before.version) {
            let changed =
                "what the key accepts was changed meanwhile: read the page again, then allow the run";
            return Err(Rejection::Conflict(changed.to_owned()).into());
        }
        let workload = before.identity.workload().ok_or_else(no_attempts)?;
        let attempts = transaction.attempts(&id).await?;
        let found = attempts.into_iter().find(|known| known.id == attempt && is_of(known, workload));
        let found = found.ok_or_else(|| Rejection::NotFound { kind: "attempt", id: attempt.to_owned() })?;
        let claims = claims_of(&found);
        let conditions = match workload.conditions() {
            None => Conditions::exactly(workload.preset, &claims)?,
            Some(conditions) => conditions.widened(&claims, &workload.accepted_dangers())?,
        };
        let mut accepted = workload.accepted_dangers();
        accepted.extend(accepted_dangers);
        conditions.require_accepted(&accepted)?;
        let report = check(&conditions, &claims, &accepted);
        if let Some(failure) = report.first_failure() {
            return Err(match failure.danger {
                Some(danger) => Invalid::new(
                    "acceptedDangers",
                    format!("accept `{}`: {}", danger.as_str(), danger.describe()),
                ),
                None => Invalid::new("conditions", failure.to_string()),
            }
            .into());
        }
        let accepts = Accepts::Workloads { conditions, accepted_dangers: accepted };
        let identity = Identity::WorkloadIdentity(WorkloadIdentity { accepts, ..workload.clone() });
        self.change(&mut transaction, ctx, principal, key, &before, identity, false).await?;
        transaction.forget_attempt(&id, attempt).await?;
        let key = find(&mut transaction, principal, &id).await?;
        transaction.commit().await?;
        log(&key, "allowed a workload to use an API key");
        Ok(key)
    }

    /// Checks a token against a key as an exchange would, check by check, and issues nothing. It is not used up.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there or has a secret, the issuer's keys cannot be had, or the store fails.
    pub async fn check_token(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        token: &str,
    ) -> Result<TokenReport> {
        principal.authorise(Capability::ManageKeys)?;
        let id = parse_id(id)?;
        let mut reader = self.0.store.reader().await?;
        let key = find(&mut reader, principal, &id).await?;
        let identity = reader.identities(&principal.organisation_id, Some(&id)).await?.into_iter().next();
        let identity = identity.ok_or_else(has_secret)?;
        drop(reader);
        match self.0.tokens().report(ctx, &key, &identity.identity, token).await {
            Ok(report) => Ok(report),
            Err(ClientRejection::Error(error)) => Err(error),
            Err(_) => Err(Error::internal("a report was rejected")),
        }
    }

    /// Gives a key that has a secret an identity instead. The secret works on for `grace_seconds`, so that pipelines can be changed one
    /// by one; it is never replaced by another.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, has no secret or has expired, an input is wrong, or the store fails.
    pub async fn replace_secret(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        identity: NewIdentity,
        grace_seconds: i64,
    ) -> Result<ApiKey> {
        let id = parse_id(id)?;
        let grace = GracePeriod::from_seconds(grace_seconds)?;
        let identity = self.checked(ctx, principal, identity).await?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let key = find(&mut transaction, principal, &id).await?;
        if identity_of(&mut transaction, &key).await?.is_some() {
            return Err(Rejection::Conflict(
                "this key has no secret already: change what it is authenticated with".to_owned(),
            )
            .into());
        }
        let policy = transaction.organisation().key_policy;
        let KeyState::Active(active) = key.at(ctx.now) else {
            return Err(Rejection::Conflict(
                "this key has expired: generate one without a secret instead".to_owned(),
            )
            .into());
        };
        let rotation = Rotation { secret: self.unknown_secret(), grace, end_issued_tokens: false };
        let Rotated { key, retired } = active.rotate(rotation, policy, ctx.now);
        transaction.update_key(&key).await?;
        transaction.retire_secret(&retired).await?;
        self.put(&mut transaction, ctx, &key, identity.clone(), None).await?;
        let grace_until = json!(key.grace.map(|grace| grace.until.to_string()));
        let details = described(&identity, "grace_until", grace_until);
        self.audit_key(&mut transaction, ctx, principal, Action::ApiKeySecretReplaced, &key, details).await?;
        self.tell_of_key(&mut transaction, ctx, &key, "changed", &principal.actor().name).await?;
        transaction.commit().await?;
        log(&key, "replaced the secret of an API key by an identity");
        Ok(key)
    }

    /// Renews the expiry of a key that has no secret, by the lifetime that it was generated with.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there or has a secret, an expired key finds no free place, or the store fails.
    pub async fn renew(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        end_issued_tokens: bool,
    ) -> Result<ApiKey> {
        let id = parse_id(id)?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let key = find(&mut transaction, principal, &id).await?;
        require_identity(&mut transaction, &key).await?;
        let organisation = transaction.organisation().clone();
        let policy = organisation.key_policy;
        let key = match key.at(ctx.now) {
            KeyState::Active(active) => active.renew(policy, ctx.now, end_issued_tokens),
            KeyState::Expired(expired) => {
                let slot = self.claim_slot(&mut transaction, ctx, &organisation).await?;
                expired.renew(slot, policy, ctx.now, end_issued_tokens)
            }
        };
        transaction.update_key(&key).await?;
        let details = json!({
            "expires_at": key.expires_at.to_string(), "ended_issued_tokens": end_issued_tokens,
        });
        self.audit_key(&mut transaction, ctx, principal, Action::ApiKeyRenewed, &key, details).await?;
        self.tell_of_key(&mut transaction, ctx, &key, "renewed", &principal.actor().name).await?;
        transaction.commit().await?;
        log(&key, "renewed an API key");
        Ok(key)
    }

    /// Stores a new identity of a key, and the key if its tokens are ended.
    #[expect(clippy::too_many_arguments, reason = "one step of three use cases, inside their transaction")]
    async fn change(
        self,
        transaction: &mut OrganisationTransaction<ManageKeys>,
        ctx: &RequestContext,
        principal: &Principal,
        mut key: ApiKey,
        before: &KeyIdentity,
        identity: Identity,
        end_issued_tokens: bool,
    ) -> Result<()> {
        if end_issued_tokens {
            key.token_epoch += 1;
            transaction.update_key(&key).await?;
        }
        self.put(transaction, ctx, &key, identity.clone(), Some(before)).await?;
        let details = described(&identity, "ended_issued_tokens", json!(end_issued_tokens));
        self.audit_key(transaction, ctx, principal, Action::ApiKeyIdentityChanged, &key, details).await?;
        self.tell_of_key(transaction, ctx, &key, "changed", &principal.actor().name).await
    }

    async fn put(
        self,
        transaction: &mut OrganisationTransaction<ManageKeys>,
        ctx: &RequestContext,
        key: &ApiKey,
        identity: Identity,
        before: Option<&KeyIdentity>,
    ) -> Result<()> {
        let new = KeyIdentity {
            key_id: key.id.clone(),
            organisation_id: key.organisation_id.clone(),
            identity,
            version: before.map_or(1, |before| before.version + 1),
            changed_at: ctx.now,
        };
        Ok(transaction.put_identity(&new).await?)
    }

    /// A secret's digest for a key that has no secret: nobody ever sees what it is of.
    fn unknown_secret(self) -> domain::api_key::StoredSecret {
        let secret = ClientSecret::generate(self.0.entropy());
        domain::api_key::StoredSecret { hint: String::new(), ..stored(&secret) }
    }

    /// Checks what an Admin entered, and that the keys that verify it can be had. No lock is held meanwhile.
    async fn checked(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        new: NewIdentity,
    ) -> Result<Identity> {
        // Whoever may not change keys now makes us ask nobody. The transaction that changes something asks again.
        drop(self.0.begin_as::<ManageKeys>(ctx, principal).await?);
        let identity = match new {
            NewIdentity::Workload(new) => Identity::WorkloadIdentity(workload(ctx, new)?),
            NewIdentity::PublicKeys(NewPublicKeys::Pasted(text)) => {
                let keys = PublicKeys::parse(&text)
                    .map_err(|error| Invalid::new("publicKeys", error.to_string()))?;
                let jwks = serde_json::Value::Object(keys.jwks()).to_string();
                Identity::PrivateKeyJwt(ClientKeys::KeySet(jwks))
            }
            NewIdentity::PublicKeys(NewPublicKeys::Url(url)) => {
                let url = IssuerUrl::parse(&url)
                    .map_err(|invalid| Invalid::new("publicKeysUrl", invalid.message))?;
                Identity::PrivateKeyJwt(ClientKeys::Url(url))
            }
        };
        if let Ok(place) = crate::tokens::assertion::place_of(&identity)
            && let Err(KeySetUnavailable(why)) = self.0.issuers.check(ctx, &place).await
        {
            if let Some(seconds) = self.0.limits.failed(None, ctx.address) {
                return Err(Rejection::TooMany(seconds).into());
            }
            let message = format!("its keys cannot be fetched: {why}");
            return Err(if identity.workload().is_some() {
                let instead =
                    "if it cannot be reached from here, paste them under “The issuer's public keys” (`keySet`)";
                Invalid::new("issuer", format!("{message}; {instead}"))
            } else {
                Invalid::new("publicKeysUrl", message)
            }
            .into());
        }
        Ok(identity)
    }
}

/// Checks which tokens of which issuer an Admin wants.
fn workload(ctx: &RequestContext, new: NewWorkload) -> Result<WorkloadIdentity> {
    let preset = new.preset;
    let known = match preset.issuer() {
        KnownIssuer::Fixed(url) | KnownIssuer::Default(url) => Some(url),
        KnownIssuer::Pattern(_) | KnownIssuer::Given => None,
    };
    let issuer = new.issuer.as_deref().map(str::trim).filter(|issuer| !issuer.is_empty()).or(known);
    let issuer = issuer
        .ok_or_else(|| Invalid::new("issuer", "write the issuer's URL, as its tokens have it in `iss`"))?;
    let issuer = IssuerUrl::parse(issuer)?;
    preset.check_issuer(&issuer)?;
    let audience = new.audience.as_deref().map(str::trim).filter(|audience| !audience.is_empty());
    let audience = audience.map(WorkloadIdentity::check_audience).transpose()?;
    let key_set = new.key_set.as_deref().map(str::trim).filter(|pasted| !pasted.is_empty());
    let key_set = key_set.map(pasted_key_set).transpose()?;
    let accepts = match new.conditions {
        None => waiting_from(ctx),
        Some(NewConditions { pins, others, accepted_dangers }) => {
            let conditions = Conditions::new(preset, pins, others)?;
            conditions.require_accepted(&accepted_dangers)?;
            Accepts::Workloads { conditions, accepted_dangers }
        }
    };
    Ok(WorkloadIdentity { preset, issuer, audience, key_set, accepts })
}

/// An issuer's keys as they were pasted. A private one is refused with what to do about it.
fn pasted_key_set(text: &str) -> Result<String, Invalid> {
    let holds_private = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => {
            let keys = value.get("keys").and_then(serde_json::Value::as_array);
            keys.is_some_and(|keys| keys.iter().any(|key| key.get("d").is_some()))
        }
        Err(_) => text.contains("PRIVATE KEY"),
    };
    if holds_private {
        return Err(Invalid::new(
            "keySet",
            "this holds a private key, which must never leave its issuer: replace that key there, and paste public keys alone",
        ));
    }
    KeySet::parse(text.as_bytes()).map_err(|error| Invalid::new("keySet", error.to_string()))?;
    Ok(text.to_owned())
}

fn waiting_from(ctx: &RequestContext) -> Accepts {
    Accepts::Waiting { until_ms: ctx.now.plus_seconds(WAITING_SECONDS).ms() }
}

/// The claims of an attempt.
fn claims_of(attempt: &Attempt) -> Claims {
    serde_json::from_str(&attempt.claims).unwrap_or_default()
}

/// Whether an attempt was made with a token of the issuer that the key has now.
fn is_of(attempt: &Attempt, workload: &WorkloadIdentity) -> bool {
    claims_of(attempt).get("iss").and_then(serde_json::Value::as_str) == Some(workload.issuer.as_str())
}

/// What the audit log says of an identity, and one thing besides.
fn described(identity: &Identity, name: &str, value: serde_json::Value) -> serde_json::Value {
    let method = identity.method().as_str();
    let mut details = match identity {
        Identity::PrivateKeyJwt(ClientKeys::Url(url)) => {
            json!({ "authentication_method": method, "public_keys_url": url.as_str() })
        }
        Identity::PrivateKeyJwt(keys) => {
            json!({ "authentication_method": method, "public_keys": keys.key_ids() })
        }
        Identity::WorkloadIdentity(workload) => {
            // Every value and pattern, whole: what is saved is what is noted.
            let lines = |condition: &Condition| -> Vec<String> {
                condition.texts().map(|text| format!("{} = {text}", condition.claim())).collect()
            };
            let listed = |of: fn(&Conditions) -> &[Condition]| {
                workload.conditions().map(|all| of(all).iter().flat_map(lines).collect::<Vec<_>>())
            };
            let dangers: Vec<_> = workload.accepted_dangers().iter().map(|danger| danger.as_str()).collect();
            json!({
                "authentication_method": method,
                "issuer": workload.issuer.as_str(),
                "audience": workload.audience,
                "pins": listed(Conditions::pins),
                "conditions": listed(Conditions::others),
                "accepted_dangers": Some(dangers).filter(|dangers| !dangers.is_empty()),
            })
        }
    };
    if let Some(members) = details.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    details
}

fn has_secret() -> Error {
    Rejection::Conflict("this key has a secret: replace that by an identity first".to_owned()).into()
}

fn no_attempts() -> Error {
    Rejection::Conflict("only a key with workload identity has attempts to allow".to_owned()).into()
}

pub(super) async fn identity_of(
    transaction: &mut OrganisationTransaction<ManageKeys>,
    key: &ApiKey,
) -> Result<Option<KeyIdentity>> {
    Ok(transaction.identities(&key.organisation_id, Some(&key.id)).await?.into_iter().next())
}

async fn require_identity(
    transaction: &mut OrganisationTransaction<ManageKeys>,
    key: &ApiKey,
) -> Result<KeyIdentity> {
    identity_of(transaction, key).await?.ok_or_else(has_secret)
}
