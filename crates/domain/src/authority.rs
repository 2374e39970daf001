//! Who asks, and what must still be true when a change takes effect.
//!
//! A [`Claim`] is what authentication proved: a signature or a cookie. It says who asks, not what they may do now. The
//! rules here turn it, with what the store reads inside a transaction, into a yes or a reason why not.

use crate::{
    Capability, KeyId, OrganisationId, Role, ScopeSet, SessionId, Timestamp, UserId,
    api_key::{CredentialState, TokenEnd},
    workload::WorkloadClaim,
};
use std::sync::Arc;

/// The claims of an access token that was verified (RFC 9068 §2.2), as far as they are checked at each use.
#[derive(Debug, Clone)]
pub struct TokenClaims {
    /// `sub`, with the client for a person.
    pub subject: TokenSubject,
    /// `org_id`
    pub organisation_id: OrganisationId,
    /// `jti`
    pub token_id: String,
    /// `kid` of the header.
    pub kid: String,
    /// `iat`, in Unix seconds.
    pub issued_at: i64,
    /// `exp`, in Unix seconds.
    pub expires_at: i64,
    /// The holder's number when the token was issued; ending tokens raises the holder's number.
    pub token_epoch: i64,
    /// `sid`: the session that a person's token came from; none for one that an operator made.
    pub session_id: Option<SessionId>,
    /// `scope`
    pub scopes: ScopeSet,
    /// `workload`: the run that a key's token was issued to, where its platform vouched for it.
    pub workload: Option<Box<WorkloadClaim>>,
}

impl TokenClaims {
    /// The client that it was issued to: an API key's own id, or a person's client.
    pub fn client_id(&self) -> &str {
        match &self.subject {
            TokenSubject::ApiKey(id) => id.as_str(),
            TokenSubject::User { client_id, .. } => client_id,
        }
    }

    /// `sub`
    pub fn subject(&self) -> &str {
        match &self.subject {
            TokenSubject::ApiKey(id) => id.as_str(),
            TokenSubject::User { id, .. } => id.as_str(),
        }
    }
}

/// Whose an access token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSubject {
    /// An API key.
    ApiKey(KeyId),
    /// A person, through a client.
    User {
        /// The person.
        id: UserId,
        /// `client_id`
        client_id: String,
    },
}

/// A session of a person, by its id: the cookie that was presented is the session's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionClaim {
    /// The session.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
}

/// Who asks, in which organisation.
#[derive(Debug, Clone)]
pub enum Claim {
    /// Whoever holds an access token.
    Token(Arc<TokenClaims>),
    /// A person in Viewport.
    Session(SessionClaim, OrganisationId),
    /// Somebody with access to the server's host, by `duku admin`.
    Operator(OrganisationId),
}

impl Claim {
    /// The organisation: nothing outside it exists for whoever makes this claim.
    pub fn organisation_id(&self) -> &OrganisationId {
        match self {
            Self::Token(claims) => &claims.organisation_id,
            Self::Session(_, organisation_id) | Self::Operator(organisation_id) => organisation_id,
        }
    }
}

/// What a use case may do, as a type: a transaction that was confirmed for one permission cannot be used for another.
pub trait CapabilityType: Send + Sync + 'static {
    /// The row of the permission table.
    const CAPABILITY: Capability;
}

macro_rules! permissions {
    ($($(#[$meta:meta])* $name:ident)*) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub enum $name {}

        impl CapabilityType for $name {
            const CAPABILITY: Capability = Capability::$name;
        }
    )*};
}

permissions! {
    /// [`Capability::ChangeProducts`]
    ChangeProducts
    /// [`Capability::ManageKeys`]
    ManageKeys
    /// [`Capability::ManageMembers`]
    ManageMembers
    /// [`Capability::ManageOrganisation`]
    ManageOrganisation
}

/// Why a credential that was good is not accepted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The API key was revoked.
    KeyRevoked,
    /// The API key expired then.
    KeyExpired(Timestamp),
    /// An Admin ended the key's tokens.
    KeyTokensEnded,
    /// This very token was revoked (RFC 7009).
    TokenRevoked,
    /// The key that signed the token is not published any more.
    SigningKeyWithdrawn,
    /// The person is no member of the organisation (any more).
    NoMember,
    /// The person's tokens were ended.
    UserTokensEnded,
    /// The session has ended.
    SessionEnded,
    /// The organisation requires a second factor that was not proved in the session.
    SecondFactorRequired,
    /// What proved the person's identity was changed or used up since.
    ProofOutdated,
}

impl Ended {
    /// One sentence for whoever presented the credential.
    pub fn message(self) -> String {
        match self {
            Self::KeyRevoked => "the API key of this token was revoked".to_owned(),
            Self::KeyExpired(at) => format!("the API key of this token expired at {at}"),
            Self::KeyTokensEnded => {
                "an Admin ended the tokens issued before the key's last rotation".to_owned()
            }
            Self::TokenRevoked => "the token was revoked".to_owned(),
            Self::SigningKeyWithdrawn => {
                "the token was signed by a key that was withdrawn: exchange the key for a new token"
                    .to_owned()
            }
            Self::NoMember => "the person of this token is no member of the organisation any more".to_owned(),
            Self::UserTokensEnded => "this person's tokens were ended".to_owned(),
            Self::SessionEnded => "the session that this token came from has ended: sign in again".to_owned(),
            Self::SecondFactorRequired => {
                "the organisation requires a second factor now: sign in again with one".to_owned()
            }
            Self::ProofOutdated => {
                "the proof of who you are has changed or was used meanwhile: sign in again".to_owned()
            }
        }
    }
}

/// Why somebody may not do what they ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorityRejection {
    /// The credential is not accepted any more.
    Ended(Ended),
    /// The role or the token does not allow it; a sentence that says who may.
    Forbidden(String),
    /// The password was proved too long ago for this.
    SignInAgain,
}

impl From<Ended> for AuthorityRejection {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// What is read of an API key and of one of its tokens.
#[derive(Debug, Clone, Copy)]
pub struct KeyFacts<'a> {
    /// What the key opens now.
    pub credential_state: &'a CredentialState,
    /// The key's organisation.
    pub organisation_id: &'a OrganisationId,
    /// Whether this very token was revoked.
    pub token_revoked: bool,
    /// Whether the key that signed the token is still published.
    pub signing_key_published: bool,
}

/// What is read of a person in an organisation, and of the session or token that the person presents.
#[derive(Debug, Clone)]
pub struct UserFacts {
    /// The person's role now.
    pub role: Role,
    /// Whether the organisation requires a second factor.
    pub second_factor_required: bool,
    /// The number that the person's tokens must carry; not asked of sessions.
    pub token_epoch: i64,
    /// Whether this very token was revoked; not asked of sessions.
    pub token_revoked: bool,
    /// Whether the key that signed the token is still published; not asked of sessions.
    pub signing_key_published: bool,
    /// The session; none if it has ended.
    pub session: Option<SessionFacts>,
}

/// What is read of a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionFacts {
    /// When the password was last proved in it.
    pub authenticated_at: Timestamp,
    /// Whether a second factor was proved in it.
    pub second_factor_proved: bool,
}

/// Whether a key's token is still accepted. `key` is none if the key is not there (any more).
pub fn check_key_token(claims: &TokenClaims, key: Option<KeyFacts<'_>>, now: Timestamp) -> Result<(), Ended> {
    let key = key.filter(|key| *key.organisation_id == claims.organisation_id).ok_or(Ended::KeyRevoked)?;
    check_token(key.token_revoked, key.signing_key_published)?;
    key.credential_state.check_token_epoch(claims.token_epoch, now).map_err(|end| match end {
        TokenEnd::KeyExpired(at) => Ended::KeyExpired(at),
        TokenEnd::Ended => Ended::KeyTokensEnded,
    })
}

/// Whether a person's token is still accepted. `user` is none if the person is no member (any more).
pub fn check_user_token(claims: &TokenClaims, user: Option<&UserFacts>) -> Result<(), Ended> {
    let user = user.ok_or(Ended::NoMember)?;
    check_token(user.token_revoked, user.signing_key_published)?;
    if user.token_epoch != claims.token_epoch {
        return Err(Ended::UserTokensEnded);
    }
    match claims.session_id {
        Some(_) => check_session(user),
        None => Ok(()),
    }
}

/// Whether a person's session still works in the organisation. `user` is none if the person is no member (any more).
pub fn check_user_session(user: Option<&UserFacts>) -> Result<(), Ended> {
    check_session(user.ok_or(Ended::NoMember)?)
}

fn check_session(user: &UserFacts) -> Result<(), Ended> {
    let session = user.session.ok_or(Ended::SessionEnded)?;
    if user.second_factor_required && !session.second_factor_proved {
        return Err(Ended::SecondFactorRequired);
    }
    Ok(())
}

const fn check_token(revoked: bool, signing_key_published: bool) -> Result<(), Ended> {
    match (revoked, signing_key_published) {
        (true, _) => Err(Ended::TokenRevoked),
        (false, false) => Err(Ended::SigningKeyWithdrawn),
        (false, true) => Ok(()),
    }
}

/// When a person who presents a token last proved the password: in the session that it came from, or when an operator
/// made the token.
pub fn proved_at(claims: &TokenClaims, user: &UserFacts) -> Timestamp {
    match (&claims.session_id, user.session) {
        (Some(_), Some(session)) => session.authenticated_at,
        (Some(_), None) => Timestamp::from_ms(0),
        (None, _) => Timestamp::from_seconds(claims.issued_at),
    }
}

/// Whoever asks, as the permission table knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// An API key.
    ApiKey,
    /// A person in a role.
    User(Role),
    /// Somebody with access to the server's host.
    Operator,
}

/// Whether `caller` has a capability, by role and by the token's scope.
///
/// # Errors
/// A sentence that says who may.
pub fn check_capability(caller: Caller, scopes: ScopeSet, capability: Capability) -> Result<(), String> {
    let what = capability.describe();
    match caller {
        Caller::ApiKey if !capability.of_api_key() => {
            Err(format!("an API key cannot {what}: sign in as an Admin"))
        }
        Caller::User(role) if !capability.of_person(role) => Err(format!("only Admins can {what}")),
        _ if capability != Capability::ViewProducts && !scopes.permits_changes() => Err(format!(
            "this access token may only read: to {what}, ask for one without scope platform:read"
        )),
        Caller::ApiKey | Caller::User(_) | Caller::Operator => Ok(()),
    }
}

#[cfg(test)]
mod tests;
