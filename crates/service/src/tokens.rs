//! Access tokens after they were bought: whose they are, and whether they are still honoured (RFC 6750, RFC 9068).
//!
//! A token is a JWT (RFC 9068) that is stored nowhere. Its signature is checked once and remembered; whether its key
//! still honours it is asked of the store at every use, so nothing that was ended lives on in a cache.

use crate::{Ctx, Failure, Holder, Principal, Service, usage::Use};
use domain::{KeyId, OrganisationId, ScopeSet, Timestamp, UserId, api_key::TokenEnd};
use jose::{JwtError, VerifyingKey, jwt::Unverified};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};
use store::{KeyAtDoor, PersonToken, StoreError};

/// The claims of every access token, in the order of RFC 9068 §2.2 and then ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims<'a> {
    #[serde(borrow)]
    pub(crate) iss: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) sub: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) client_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) azp: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) aud: Cow<'a, str>,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    #[serde(borrow)]
    pub(crate) jti: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) scope: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) org_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) org_name: Cow<'a, str>,
    /// The holder's number when the token was bought; ending tokens raises the holder's number.
    pub(crate) token_epoch: i64,
    /// The session that a person's token came from: when it ends, the token does.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<Cow<'a, str>>,
}

/// A token whose signature, issuer, audience and form are good: what of it is asked at each use.
#[derive(Debug)]
pub(crate) struct Verified {
    key: Arc<VerifyingKey>,
    subject: Subject,
    organisation_id: OrganisationId,
    pub(crate) token_id: String,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    token_epoch: i64,
    session_id: Option<String>,
    pub(crate) scopes: ScopeSet,
}

/// A verified token that its holder still honours.
pub(crate) struct Accepted {
    pub(crate) verified: Arc<Verified>,
    pub(crate) principal: Principal,
}

#[derive(Debug)]
enum Subject {
    ApiKey(KeyId),
    Person { id: UserId, client_id: String },
}

impl Verified {
    /// What is asked of claims that `key` signed.
    fn of(claims: &Claims<'_>, key: Arc<VerifyingKey>) -> Result<Self, TokenRefusal> {
        let subject = || invalid("the token's subject is unknown here");
        Ok(Self {
            key,
            subject: Subject::of(claims).ok_or_else(subject)?,
            organisation_id: OrganisationId::parse(&claims.org_id).map_err(|_| subject())?,
            token_id: claims.jti.to_string(),
            issued_at: claims.iat,
            expires_at: claims.exp,
            token_epoch: claims.token_epoch,
            session_id: claims.sid.as_deref().map(str::to_owned),
            scopes: ScopeSet::parse(&claims.scope)
                .map_err(|_| invalid("the token's scope is unknown here"))?,
        })
    }

    /// Whom it was issued to.
    pub(crate) fn client_id(&self) -> &str {
        match &self.subject {
            Subject::ApiKey(id) => id.as_str(),
            Subject::Person { client_id, .. } => client_id,
        }
    }

    /// Whose it is.
    pub(crate) fn subject(&self) -> &str {
        match &self.subject {
            Subject::ApiKey(id) => id.as_str(),
            Subject::Person { id, .. } => id.as_str(),
        }
    }
}

impl Subject {
    fn of(claims: &Claims<'_>) -> Option<Self> {
        if let Ok(key) = KeyId::parse(&claims.sub) {
            return Some(Self::ApiKey(key));
        }
        let id = UserId::parse(&claims.sub).ok()?;
        Some(Self::Person { id, client_id: claims.client_id.to_string() })
    }
}

/// Signatures that were checked, by the token's SHA-256. Only what never changes is remembered.
pub(crate) struct VerifiedTokens(quick_cache::sync::Cache<[u8; 32], Arc<Verified>>);

impl VerifiedTokens {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(quick_cache::sync::Cache::new(capacity))
    }
}

/// Why a token is not accepted.
#[derive(Debug)]
pub enum TokenRefusal {
    /// It is not, or no longer, good; one sentence says why.
    Invalid(String),
    /// There were too many failures from the address; wait so many seconds.
    TooManyFailures(u64),
    /// The store failed.
    Failure(Failure),
}

impl From<StoreError> for TokenRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<JwtError> for TokenRefusal {
    fn from(error: JwtError) -> Self {
        Self::Invalid(error.to_string())
    }
}

fn invalid(why: impl Into<String>) -> TokenRefusal {
    TokenRefusal::Invalid(why.into())
}

impl Service {
    /// Accepts a bearer token and says whose it is.
    ///
    /// # Errors
    /// The token is not good, or its holder does not honour it any more, or the store fails.
    pub async fn authenticate(&self, ctx: &Ctx, token: &str) -> Result<Principal, TokenRefusal> {
        match self.accept(ctx, token).await {
            Ok(Accepted { principal, .. }) => {
                if let Holder::ApiKey { id, .. } = &principal.holder {
                    self.0.usage.note(id, ctx, Use::ApiCall);
                }
                Ok(principal)
            }
            Err(TokenRefusal::Invalid(why)) => {
                let limited = self.0.limits.failed(None, ctx.address);
                Err(limited.map_or(TokenRefusal::Invalid(why), TokenRefusal::TooManyFailures))
            }
            Err(refusal) => Err(refusal),
        }
    }

    pub(crate) async fn accept(&self, ctx: &Ctx, token: &str) -> Result<Accepted, TokenRefusal> {
        let verified = self.verify(token).await?;
        self.check_times(ctx, &verified)?;
        let principal = match &verified.subject {
            Subject::ApiKey(id) => self.accept_key(ctx, &verified, id).await?,
            Subject::Person { id, .. } => Box::pin(self.accept_person(ctx, &verified, id)).await?,
        };
        Ok(Accepted { verified, principal })
    }

    async fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenRefusal> {
        let name = jose::sha256(token.as_bytes());
        if let Some(verified) = self.0.verified.0.get(&name) {
            return Ok(verified);
        }
        let unverified = Unverified::parse(token)?;
        let key =
            Box::pin(self.verifying_key(&unverified.header().kid)).await.map_err(TokenRefusal::Failure)?;
        let key =
            key.ok_or_else(|| invalid("the token was signed by a key that is not ours, or no longer"))?;
        let payload = unverified.verify(&key)?;
        let claims: Claims<'_> = jose::jwt::claims(&payload)?;
        if claims.iss != self.0.policy.issuer {
            return Err(invalid("the token is from another issuer"));
        }
        if claims.aud != self.0.policy.audience {
            return Err(invalid("the token is for another audience"));
        }
        let verified = Arc::new(Verified::of(&claims, key)?);
        self.0.verified.0.insert(name, Arc::clone(&verified));
        Ok(verified)
    }

    /// Signs a token's claims, and remembers that it did: what this node signed, it need not check.
    pub(crate) fn issue(&self, ctx: &Ctx, claims: &Claims<'_>) -> Result<String, Failure> {
        let (token, key) = self.signing_ring().sign(ctx.now, claims)?;
        if let Some(key) = key
            && let Ok(verified) = Verified::of(claims, key)
        {
            self.0.verified.0.insert(jose::sha256(token.as_bytes()), Arc::new(verified));
        }
        Ok(token)
    }

    fn check_times(&self, ctx: &Ctx, verified: &Verified) -> Result<(), TokenRefusal> {
        let now = ctx.now.seconds();
        if verified.expires_at <= now {
            let at = Timestamp::from_seconds(verified.expires_at);
            return Err(invalid(format!("the token expired at {at}: exchange the key for a new one")));
        }
        if verified.issued_at > now.saturating_add(self.0.policy.clock_skew_seconds) {
            return Err(invalid("the token was issued in the future: check the servers' clocks"));
        }
        Ok(())
    }

    async fn accept_key(
        &self,
        ctx: &Ctx,
        verified: &Verified,
        id: &KeyId,
    ) -> Result<Principal, TokenRefusal> {
        let door = self.0.store.find_key_at_door(id, &verified.token_id, verified.key.kid()).await?;
        let KeyAtDoor { key, label, token_revoked } = door
            .filter(|door| door.key.organisation_id == verified.organisation_id)
            .ok_or_else(|| invalid("the API key of this token was revoked"))?;
        refuse_ended(token_revoked, key.signing_key_alive)?;
        key.standing.honour(verified.token_epoch, ctx.now).map_err(|end| match end {
            TokenEnd::KeyExpired(at) => invalid(format!("the API key of this token expired at {at}")),
            TokenEnd::Ended => invalid("an Admin ended the tokens issued before the key's last rotation"),
        })?;
        Ok(Principal {
            organisation_id: key.organisation_id,
            organisation_name: key.organisation_name,
            holder: Holder::ApiKey { id: id.clone(), label },
            scopes: verified.scopes,
            fresh_until: None,
        })
    }

    async fn accept_person(
        &self,
        ctx: &Ctx,
        verified: &Verified,
        id: &UserId,
    ) -> Result<Principal, TokenRefusal> {
        let mut session = self.0.store.reader().await?;
        let session_id = verified.session_id.as_deref();
        let token = PersonToken {
            token_id: &verified.token_id,
            kid: verified.key.kid(),
            session_id: session_id.unwrap_or_default(),
        };
        let door = session.find_person_at_door(&verified.organisation_id, id, token, ctx.now).await?;
        let door = door
            .ok_or_else(|| invalid("the person of this token is no member of the organisation any more"))?;
        refuse_ended(door.token_revoked, door.signing_key_alive)?;
        if door.token_epoch != verified.token_epoch {
            return Err(invalid("this person's tokens were ended"));
        }
        if session_id.is_some() && !door.session_alive {
            return Err(invalid("the session that this token came from has ended: sign in again"));
        }
        if session_id.is_some() && door.second_factor_required && !door.session_has_second_factor {
            return Err(invalid("the organisation requires a second factor now: sign in again with one"));
        }
        Ok(Principal {
            organisation_id: door.organisation_id,
            organisation_name: door.organisation_name,
            holder: Holder::Person { id: door.id, email: door.email, role: door.role },
            scopes: verified.scopes,
            fresh_until: None,
        })
    }
}

fn refuse_ended(token_revoked: bool, signing_key_alive: bool) -> Result<(), TokenRefusal> {
    if token_revoked {
        return Err(invalid("the token was revoked"));
    }
    if !signing_key_alive {
        return Err(invalid(
            "the token was signed by a key that was withdrawn: exchange the key for a new token",
        ));
    }
    Ok(())
}
