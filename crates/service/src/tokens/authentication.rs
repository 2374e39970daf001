//! An access token that is presented: whose it is, and whether it is still accepted (RFC 6750).
//!
//! A token is a JWT that is stored nowhere. Its signature is checked once and remembered; whether its key
//! still accepts it is asked of the store at every use, so nothing that was ended lives on in a cache.

use super::claims::{Claims, token_claims};
use crate::{Error, Principal, PrincipalKind, RequestContext, Tokens, keys::usage_recorder::Use};
use domain::{
    Claim, Ended, KeyId, Timestamp, UserId,
    authority::{KeyFacts, TokenClaims, TokenSubject, check_key_token, check_user_token, proved_at},
};
use jose::{JwtError, jwt::Unverified};
use std::sync::Arc;
use store::{KeyForTokenCheck, StoreError};

/// A verified token that its holder still honours.
pub(crate) struct AuthenticatedToken {
    pub(crate) claims: Arc<TokenClaims>,
    pub(crate) principal: Principal,
}

/// Signatures that were checked, by the token's SHA-256. Only what never changes is remembered.
pub(crate) struct VerifiedTokens(quick_cache::sync::Cache<[u8; 32], Arc<TokenClaims>>);

impl VerifiedTokens {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(quick_cache::sync::Cache::new(capacity))
    }

    /// Remembers what this node signed itself.
    pub(super) fn remember(&self, token: &str, claims: Arc<TokenClaims>) {
        self.0.insert(jose::sha256(token.as_bytes()), claims);
    }
}

/// Why a token is not accepted.
#[derive(Debug)]
pub enum TokenRejection {
    /// It is not good, or too old; one sentence says why.
    Invalid(String),
    /// It was good, and what it stands on has ended.
    Ended(Ended),
    /// There were too many failures from the address; wait so many seconds.
    TooManyFailures(u64),
    /// The store failed.
    Error(Error),
}

impl From<StoreError> for TokenRejection {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<JwtError> for TokenRejection {
    fn from(error: JwtError) -> Self {
        Self::Invalid(error.to_string())
    }
}

pub(super) fn invalid(why: impl Into<String>) -> TokenRejection {
    TokenRejection::Invalid(why.into())
}

impl Tokens<'_> {
    /// Accepts a bearer token and says whose it is.
    ///
    /// # Errors
    /// The token is not good, or its holder does not accept it any more, or the store fails.
    pub async fn authenticate(self, ctx: &RequestContext, token: &str) -> Result<Principal, TokenRejection> {
        let claims = self.verify(ctx, token).await?;
        self.authenticate_verified(ctx, &claims).await
    }

    /// Checks what never changes of a bearer token: that it was signed here, for this API. It does not say yet whether the
    /// token counts.
    ///
    /// # Errors
    /// The token is not ours, or the store fails.
    pub async fn verify(self, ctx: &RequestContext, token: &str) -> Result<Arc<TokenClaims>, TokenRejection> {
        self.verify_uncounted(token).await.map_err(|rejection| self.count_failure(ctx, rejection))
    }

    /// Accepts a token that was proved, and says whose it is.
    ///
    /// # Errors
    /// The token is too old, or what it stands on has ended, or the store fails.
    pub async fn authenticate_verified(
        self,
        ctx: &RequestContext,
        claims: &Arc<TokenClaims>,
    ) -> Result<Principal, TokenRejection> {
        let accepted = self.check_claims(ctx, claims).await;
        let principal = accepted.map_err(|rejection| self.count_failure(ctx, rejection))?;
        store::attribute_work_to(&principal.organisation_id);
        if let PrincipalKind::ApiKey { id, .. } = &principal.holder {
            self.0.usage.note(id, ctx, Use::ApiCall);
        }
        Ok(principal)
    }

    fn count_failure(self, ctx: &RequestContext, rejection: TokenRejection) -> TokenRejection {
        match rejection {
            TokenRejection::Invalid(_) | TokenRejection::Ended(_) => {
                let limited = self.0.limits.failed(None, ctx.address);
                limited.map_or(rejection, TokenRejection::TooManyFailures)
            }
            other => other,
        }
    }

    pub(crate) async fn authenticate_uncounted(
        self,
        ctx: &RequestContext,
        token: &str,
    ) -> Result<AuthenticatedToken, TokenRejection> {
        let claims = self.verify_uncounted(token).await?;
        let principal = self.check_claims(ctx, &claims).await?;
        Ok(AuthenticatedToken { claims, principal })
    }

    /// Whether verified claims are accepted now, and whose they are.
    pub(crate) async fn check_claims(
        self,
        ctx: &RequestContext,
        claims: &Arc<TokenClaims>,
    ) -> Result<Principal, TokenRejection> {
        self.check_times(ctx, claims)?;
        match &claims.subject {
            TokenSubject::ApiKey(id) => self.check_key(ctx, claims, id).await,
            TokenSubject::User { id, .. } => Box::pin(self.check_user(ctx, claims, id)).await,
        }
    }

    async fn verify_uncounted(self, token: &str) -> Result<Arc<TokenClaims>, TokenRejection> {
        let name = jose::sha256(token.as_bytes());
        if let Some(verified) = self.0.verified.0.get(&name) {
            return Ok(verified);
        }
        let unverified = Unverified::parse(token)?;
        let key =
            Box::pin(self.verifying_key(&unverified.header().kid)).await.map_err(TokenRejection::Error)?;
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
        let verified = token_claims(&claims, key.kid())?;
        self.0.verified.0.insert(name, Arc::clone(&verified));
        Ok(verified)
    }

    fn check_times(self, ctx: &RequestContext, claims: &TokenClaims) -> Result<(), TokenRejection> {
        let now = ctx.now.seconds();
        if claims.expires_at <= now {
            let at = Timestamp::from_seconds(claims.expires_at);
            return Err(invalid(format!("the token expired at {at}: exchange the key for a new one")));
        }
        if claims.issued_at > now.saturating_add(self.0.policy.clock_skew_seconds) {
            return Err(invalid("the token was issued in the future: check the servers' clocks"));
        }
        Ok(())
    }

    async fn check_key(
        self,
        ctx: &RequestContext,
        claims: &Arc<TokenClaims>,
        id: &KeyId,
    ) -> Result<Principal, TokenRejection> {
        let found = self.0.store.find_key_for_token_check(id, &claims.token_id, &claims.kid).await?;
        let facts = found.as_ref().map(|found| KeyFacts {
            credential_state: &found.key.credential_state,
            organisation_id: &found.key.organisation_id,
            token_revoked: found.token_revoked(Timestamp::from_seconds(claims.expires_at)),
            signing_key_published: found.key.signing_key_published,
        });
        check_key_token(claims, facts, ctx.now)?;
        let KeyForTokenCheck { key, label, .. } = found.ok_or(Ended::KeyRevoked)?;
        Ok(Principal {
            claim: Claim::Token(Arc::clone(claims)),
            organisation_id: key.organisation_id,
            organisation_name: key.organisation_name,
            holder: PrincipalKind::ApiKey { id: id.clone(), label },
            scopes: claims.scopes,
            fresh_until: None,
        })
    }

    async fn check_user(
        self,
        ctx: &RequestContext,
        claims: &Arc<TokenClaims>,
        id: &UserId,
    ) -> Result<Principal, TokenRejection> {
        let mut reader = self.0.store.reader().await?;
        let found = reader.find_user_for_token_check(id, claims, ctx.now).await?;
        check_user_token(claims, found.as_ref().map(|found| &found.facts))?;
        let found = found.ok_or(Ended::NoMember)?;
        let fresh_seconds = self.0.policy.sign_in_fresh_seconds;
        Ok(Principal {
            claim: Claim::Token(Arc::clone(claims)),
            organisation_id: claims.organisation_id.clone(),
            organisation_name: found.organisation_name,
            holder: PrincipalKind::User { id: id.clone(), email: found.email, role: found.facts.role },
            scopes: claims.scopes,
            fresh_until: Some(proved_at(claims, &found.facts).plus_seconds(fresh_seconds)),
        })
    }
}

impl From<Ended> for TokenRejection {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}
