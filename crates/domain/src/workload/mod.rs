//! Workload identity: which tokens of which issuers an API key accepts instead of a secret.
//!
//! An **issuer** is who signs workloads' tokens. A **preset** is what is known of one kind of issuer. A **condition** is what a
//! claim must be, and a **pin** is a condition on a claim that never changes hands. Here are the rules alone: nothing is fetched, and no
//! signature is verified.

mod address;
mod claims;
mod condition;
mod conditions;
mod danger;
mod identity;
mod issuer_url;
mod known_claims;
mod look_alike;
mod preset;
mod rejection;
mod report;
mod run;
mod standard_claims;

pub use address::is_public_address;
pub use claims::{ClaimName, Claims, parse_claims};
pub use condition::{Condition, Pattern};
pub use conditions::{Conditions, MAXIMUM_CONDITIONS};
pub use danger::Danger;
pub use identity::{
    ATTEMPTS_OF_A_KEY, ATTEMPTS_OF_AN_OWNER, Accepts, Attempt, ClientKeys, Identity, KeyIdentity,
    WAITING_SECONDS, WorkloadClaim, WorkloadIdentity,
};
pub use issuer_url::IssuerUrl;
pub use known_claims::{KnownClaim, ValueForm};
pub use look_alike::looks_alike;
pub use preset::{KnownIssuer, Preset, RunClaims};
pub use rejection::{AssertionRejection, RejectionReason};
pub use report::{ClaimCheck, Report, check};
pub use run::{Run, RunLink};
pub use standard_claims::{
    ASSERTION_LIFETIME_SECONDS, TOLERANCE_SECONDS, TimeWindow, check_audience, check_only_audience,
};

words! {
    /// How whoever uses an API key proves at the token endpoint that it is theirs.
    pub enum AuthenticationMethod {
        /// A secret that both sides know (RFC 6749 §2.3.1).
        ClientSecret = "client_secret",
        /// An assertion signed with a key of the client's own (RFC 7523 §2.2).
        PrivateKeyJwt = "private_key_jwt",
        /// A token that the workload's platform signed.
        WorkloadIdentity = "workload_identity",
    }
}

impl AuthenticationMethod {
    /// Every method, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::WorkloadIdentity, Self::PrivateKeyJwt, Self::ClientSecret];
}

#[cfg(test)]
mod tests;
