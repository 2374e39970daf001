//! The pure rules of Duku: ids, organisations, roles, scopes, the secret's format, an API key's life and
//! workloads' identities.
//!
//! Nothing here reads a clock, draws a random number, awaits or touches a file: time and randomness
//! come in as values, so every rule can be tested by travelling in time.

/// Declares a type of which each variant has a word in storage.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word in storage.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the stored word.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub mod api_key;
pub mod audit;
pub mod authority;
pub mod capability;
pub mod entropy;
pub mod id;
pub mod organisation;
pub mod product;
mod request_context;
pub mod role;
pub mod scope;
pub mod secret;
pub mod text;
pub mod time;
pub mod users;
pub mod workload;

pub use api_key::{
    ApiKey, KeyState,
    usage::{KeyOverview, KeyUse, RecentSource},
};
pub use authority::{AuthorityRejection, Claim, Ended, SessionClaim};
pub use capability::Capability;
pub use entropy::Entropy;
pub use id::{
    EventId, InvitationId, KeyId, OrganisationId, PasskeyId, SessionId, SubjectId, TargetId, TokenId, UserId,
};
pub use organisation::{KeyPolicy, Organisation};
pub use product::{Subject, Target};
pub use request_context::RequestContext;
pub use role::Role;
pub use scope::{Scope, ScopeSet};
pub use secret::{ClientSecret, SecretDigest};
pub use text::{Email, Label, Name};
pub use time::{Clock, Lifetime, Timestamp};
pub use users::{
    authorization_code::AuthorizationCode,
    device_grant::{DeviceGrant, DeviceState},
    invitation::{Invitation, InvitationEnd},
    mail::QueuedMail,
    membership::{Member, Membership},
    one_time_link::{LinkPurpose, LinkState, OneTimeLink},
    passkey::{CeremonyPurpose, Passkey, PasskeyCeremony},
    password::{PASSWORD_MAXIMUM, PASSWORD_MINIMUM, check_password},
    second_factor::SecondFactor,
    session::{Session, SessionKind, SignedInUser},
    user::{User, UserForTokenCheck},
};

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
