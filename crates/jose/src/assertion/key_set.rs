//! The keys that verify somebody's assertions.

use super::{AssertionAlgorithm, AssertionError, AssertionKey, KeySetError};
use domain::workload::parse_claims;
use serde_json::Value;

/// The longest key set that is read, in bytes.
pub const MAXIMUM_KEY_SET_LENGTH: usize = 64 * 1024;
/// The most keys that a set may have, usable or not.
pub const MAXIMUM_KEYS: usize = 100;
/// How many keys are tried for an assertion that names none.
const TRIED_WITHOUT_KID: usize = 5;

/// The usable keys of a JWKS (RFC 7517 §5).
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<AssertionKey>,
}

impl KeySet {
    /// Reads a JWKS of somebody else. A key that cannot verify here (another kind, for encryption, private, broken) is left out, as
    /// RFC 7517 §5 asks.
    ///
    /// # Errors
    /// Too long, not a JWKS, a name that stands twice anywhere in it, too many keys, or none that can be used.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        if bytes.len() > MAXIMUM_KEY_SET_LENGTH {
            return Err(KeySetError::TooLong);
        }
        let set = parse_claims(bytes).map_err(|_| KeySetError::Malformed)?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::Malformed)?;
        if listed.len() > MAXIMUM_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut keys = Vec::new();
        let mut first = None;
        for jwk in listed {
            match AssertionKey::of_jwk(jwk) {
                Ok(key) => keys.push(key),
                Err(error) => first = first.or(Some(error)),
            }
        }
        match (keys.is_empty(), first) {
            (false, _) => Ok(Self { keys }),
            (true, Some(first)) => Err(KeySetError::NoUsableKey { count: listed.len(), first }),
            (true, None) => Err(KeySetError::Empty),
        }
    }

    pub(super) const fn of(keys: Vec<AssertionKey>) -> Self {
        Self { keys }
    }

    /// The usable keys, in the order of the set.
    pub fn keys(&self) -> &[AssertionKey] {
        &self.keys
    }

    /// Whether a key is called `kid`.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The keys to verify with: see [`super::Assertion::verify`].
    pub(super) fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: AssertionAlgorithm,
    ) -> Result<Vec<&AssertionKey>, AssertionError> {
        let mut candidates: Vec<&AssertionKey> = Vec::new();
        for key in &self.keys {
            let is_named = kid.is_none() || key.kid() == kid;
            if is_named && key.is_for(algorithm) && !candidates.iter().any(|other| other.is_same_key(key)) {
                candidates.push(key);
            }
        }
        match (kid, candidates.len()) {
            (Some(kid), 0) if self.has_kid(kid) => Err(AssertionError::WrongAlgorithm),
            (Some(_), 0) => Err(AssertionError::UnknownKey),
            (None, 0) => Err(AssertionError::NoFittingKey),
            (Some(_), 1) | (None, 1..=TRIED_WITHOUT_KID) => Ok(candidates),
            _ => Err(AssertionError::AmbiguousKey),
        }
    }
}
