//! What an access token says (RFC 9068 §2.2).

use super::authentication::{TokenRejection, invalid};
use domain::{
    KeyId, OrganisationId, ScopeSet, SessionId, UserId,
    authority::{TokenClaims, TokenSubject},
    workload::WorkloadClaim,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};

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
    /// The holder's number when the token was issued; ending tokens raises the holder's number.
    pub(crate) token_epoch: i64,
    /// The session that a person's token came from: when it ends, the token does.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<Cow<'a, str>>,
    /// The run that a key's token was issued to, where its platform vouched for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workload: Option<Box<WorkloadClaim>>,
}

/// What is checked at each use of claims that the key `kid` signed.
pub(super) fn token_claims(claims: &Claims<'_>, kid: &str) -> Result<Arc<TokenClaims>, TokenRejection> {
    let subject = || invalid("the token's subject is unknown here");
    let session_id = claims.sid.as_deref().map(SessionId::parse).transpose();
    Ok(Arc::new(TokenClaims {
        subject: subject_of(claims).ok_or_else(subject)?,
        organisation_id: OrganisationId::parse(&claims.org_id).map_err(|_| subject())?,
        token_id: claims.jti.to_string(),
        kid: kid.to_owned(),
        issued_at: claims.iat,
        expires_at: claims.exp,
        token_epoch: claims.token_epoch,
        session_id: session_id.map_err(|_| invalid("the token's session is unknown here"))?,
        scopes: ScopeSet::parse(&claims.scope).map_err(|_| invalid("the token's scope is unknown here"))?,
        workload: claims.workload.clone(),
    }))
}

fn subject_of(claims: &Claims<'_>) -> Option<TokenSubject> {
    if let Ok(key) = KeyId::parse(&claims.sub) {
        return Some(TokenSubject::ApiKey(key));
    }
    let id = UserId::parse(&claims.sub).ok()?;
    Some(TokenSubject::User { id, client_id: claims.client_id.to_string() })
}
