//! Signing keys, JWT, JWKS, hashing and sealing: the only crate that knows cryptography libraries.
//!
//! Nothing here reads a clock. Randomness comes in as a value, except where the library takes none but
//! its own: new signing keys (see [`keys::SigningKey::generate`]) and ECDSA's nonces.

pub mod assertion;
mod base32;
pub mod base64url;
pub mod digest;
#[cfg(test)]
mod fixtures;
mod jwk;
pub mod jwt;
pub mod keys;
pub mod master;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod password;
pub mod random;
pub mod recovery;
pub mod totp;

pub use digest::{digest, hex, hmac_sha256, matches, sha256};
pub use jwt::JwtError;
pub use keys::{Algorithm, KeyError, SigningKey, VerifyingKey};
pub use master::{MasterKey, MasterKeyError};
pub use password::PasswordError;
pub use random::SystemEntropy;
pub use totp::TotpSecret;
