//! The pure rules of Duku: ids, organisations, roles, scopes, the secret's format and an API key's life.
//!
//! Nothing here reads a clock, draws a random number, awaits or touches a file: time and randomness
//! come in as values, so every rule can be tested by travelling in time.

pub mod api_key;
pub mod audit;
pub mod authority;
pub mod entropy;
pub mod id;
pub mod organisation;
pub mod password;
pub mod permission;
pub mod product;
mod request_context;
pub mod role;
pub mod scope;
pub mod secret;
pub mod text;
pub mod time;

pub use api_key::{ApiKey, KeyState};
pub use authority::{AuthorityRejection, Claim, Ended, SessionClaim};
pub use entropy::Entropy;
pub use id::{
    EventId, InvitationId, KeyId, OrganisationId, PasskeyId, SessionId, SubjectId, TargetId, TokenId, UserId,
};
pub use organisation::{KeyPolicy, Organisation};
pub use password::{PASSWORD_MAXIMUM, PASSWORD_MINIMUM, check_password};
pub use permission::Capability;
pub use product::{Subject, Target};
pub use request_context::RequestContext;
pub use role::Role;
pub use scope::{Scope, ScopeSet};
pub use secret::{ClientSecret, SecretDigest};
pub use text::{Email, Label, Name};
pub use time::{Clock, Lifetime, Timestamp};

/// An input that breaks a rule: which field, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field's name as the contract spells it (`label`, `buildUrl`).
    pub field: &'static str,
    /// What is wrong and what would be right, as one sentence for a person.
    pub message: String,
}

impl Invalid {
    /// A rejection of `field` that says why in `message`.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}
