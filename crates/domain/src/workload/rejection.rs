//! Why an assertion is rejected.

words! {
    /// What was wrong with an assertion, in the order in which the checks are made.
    #[derive(PartialOrd, Ord, Hash)]
    pub enum RejectionReason {
        /// It is larger than a token may be.
        Size = "size",
        /// It is no signed token, or its header or payload cannot be read.
        Form = "form",
        /// Its algorithm is not one that the issuer may use.
        Algorithm = "algorithm",
        /// The key does not exist, is not Active or has another authentication method.
        Key = "key",
        /// `iss` is another issuer.
        Issuer = "issuer",
        /// No key of the issuer verifies its signature.
        Signature = "signature",
        /// `exp`, `nbf` or `iat` is missing where it is required, or no whole number of seconds.
        Times = "times",
        /// `exp` is past.
        Expired = "expired",
        /// `nbf` is yet to come.
        NotYetValid = "not_yet_valid",
        /// `iat` is yet to come.
        IssuedInFuture = "issued_in_future",
        /// It lives longer than its issuer's tokens do.
        Lifetime = "lifetime",
        /// `aud` does not name the audience.
        Audience = "audience",
        /// A pin does not match: it is another workload.
        Pins = "pins",
        /// Another condition does not match.
        Conditions = "conditions",
        /// `jti` is missing where it is required.
        TokenId = "token_id",
        /// Its `jti` was used before.
        Replay = "replay",
    }
}

impl RejectionReason {
    /// Every reason, in the order of the checks.
    pub const ALL: [Self; 16] = [
        Self::Size,
        Self::Form,
        Self::Algorithm,
        Self::Key,
        Self::Issuer,
        Self::Signature,
        Self::Times,
        Self::Expired,
        Self::NotYetValid,
        Self::IssuedInFuture,
        Self::Lifetime,
        Self::Audience,
        Self::Pins,
        Self::Conditions,
        Self::TokenId,
        Self::Replay,
    ];
}

/// An assertion that is rejected: one word for programs, one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AssertionRejection {
    /// Which check failed.
    pub reason: RejectionReason,
    /// What was expected and what came, as one sentence. What came is cut, and free of what nobody can see.
    pub message: String,
}

impl AssertionRejection {
    /// A rejection for `reason` that says what was expected and what came in `message`.
    pub fn new(reason: RejectionReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
