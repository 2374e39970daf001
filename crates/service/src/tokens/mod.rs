//! Access tokens (RFC 9068): issue, authenticate, introspect (RFC 7662), revoke (RFC 7009), and the keys that sign them.

pub mod assertion;
mod authentication;
mod claims;
pub mod client_authentication;
pub mod introspection;
pub mod issuance;
pub mod opaque_token;
pub mod revocation;
pub mod signing_keys;
pub mod user_tokens;

pub use authentication::TokenRejection;
pub(crate) use authentication::{AuthenticatedToken, VerifiedTokens};
pub(crate) use claims::Claims;
