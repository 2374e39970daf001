//! Assertions: JWTs that somebody else signed, read as strictly as RFC 8725 asks. They are a workload's token (RFC 7523 §2.1, RFC 8693) or a
//! client's own (`private_key_jwt`, RFC 7523 §2.2). Access tokens are ours alone and read in [`crate::jwt`].
//!
//! Here are form, keys and signature. What the payload must say is `domain::workload`'s.

mod algorithm;
mod error;
mod key;
mod key_set;
mod numbers;
pub(crate) mod pem;
mod public_keys;
#[cfg(any(test, feature = "assertion-signer"))]
mod signer;

pub use algorithm::AssertionAlgorithm;
pub use error::{AssertionError, AssertionKeyError, KeySetError};
pub use key::AssertionKey;
pub use key_set::{KeySet, MAXIMUM_KEY_SET_LENGTH, MAXIMUM_KEYS};
pub use public_keys::{MAXIMUM_PUBLIC_KEYS, PublicKeys, PublicKeysError};
#[cfg(any(test, feature = "assertion-signer"))]
pub use signer::AssertionSigner;

use crate::base64url;
use domain::workload::{Claims, parse_claims};
use key::is_kid;
use serde_json::Value;
use std::fmt;

/// The longest assertion that is read, in characters.
pub const MAXIMUM_LENGTH: usize = 16 * 1024;

/// The types that a client's own assertion may have: the one that RFC 7523's successor asks for, the general one (RFC 7519 §5.1), or
/// none.
pub const CLIENT_ASSERTION_TYPES: [Option<&str>; 3] = [Some("client-authentication+jwt"), Some("JWT"), None];

/// Headers that say where a key is to be found (RFC 7515 §4.1.2, 3, 5 and 6), change what is signed (RFC 7797 §3, RFC 7516 §4.1.2 and 3),
/// or must be understood (RFC 7515 §4.1.11). None is needed: the keys are those that we fetched or were given.
const FORBIDDEN_HEADERS: [&str; 8] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"];

/// An assertion in compact JWS form (RFC 7515 §7.1). Nothing in it is verified yet.
pub struct Assertion<'a> {
    /// What is signed: header, dot and payload (RFC 7515 §5.1, step 8).
    message: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    algorithm: AssertionAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
}

impl<'a> Assertion<'a> {
    /// Cuts `token` into its parts and reads its header. Headers that do no harm (`x5t`, `cty`, unknown ones) are ignored.
    ///
    /// # Errors
    /// Too long; malformed; a header that is not accepted; an algorithm that is not supported.
    pub fn parse(token: &'a str) -> Result<Self, AssertionError> {
        if token.len() > MAXIMUM_LENGTH {
            return Err(AssertionError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(AssertionError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(AssertionError::Malformed)?;
        // A fourth part leaves a dot in the payload, which is no base64url.
        let [header, payload, signature] = [header, payload, signature].map(base64url::decode);
        let (Some(header), Some(payload), Some(signature)) = (header, payload, signature) else {
            return Err(AssertionError::Malformed);
        };
        let header = parse_claims(&header).map_err(|_| AssertionError::Malformed)?;
        if let Some(name) = FORBIDDEN_HEADERS.into_iter().find(|name| header.contains_key(*name)) {
            return Err(AssertionError::ForbiddenHeader(name));
        }
        let algorithm = text(&header, "alg")?.ok_or(AssertionError::Malformed)?;
        let algorithm = AssertionAlgorithm::parse(&algorithm).ok_or(AssertionError::WrongAlgorithm)?;
        let kid = text(&header, "kid")?;
        if !kid.as_deref().is_none_or(is_kid) {
            return Err(AssertionError::Malformed);
        }
        Ok(Self { message, payload, signature, algorithm, kid, typ: text(&header, "typ")? })
    }

    /// The algorithm that the header names.
    pub const fn algorithm(&self) -> AssertionAlgorithm {
        self.algorithm
    }

    /// The key that the header names: 1 to 256 printable ASCII characters.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The type that the header names, as written.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Whether the header names this type. Media types have no case, and `application/` may be left out (RFC 7515 §4.1.9).
    pub fn has_type(&self, name: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| {
            let prefix = "application/";
            let short = match typ.split_at_checked(prefix.len()) {
                Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest,
                _ => typ,
            };
            short.eq_ignore_ascii_case(name)
        })
    }

    /// Checks that the header names one of the `accepted` types; `None` stands for no type.
    ///
    /// # Errors
    /// [`AssertionError::WrongType`].
    pub fn require_type(&self, accepted: &[Option<&str>]) -> Result<(), AssertionError> {
        let fits = |accepted: Option<&str>| match accepted {
            Some(name) => self.has_type(name),
            None => self.typ.is_none(),
        };
        if accepted.iter().copied().any(fits) { Ok(()) } else { Err(AssertionError::WrongType) }
    }

    /// Whether the payload says that it is of `issuer`, byte for byte. Nobody has verified that: a `false` can reject the assertion before
    /// any key is fetched, a `true` proves nothing.
    pub fn claims_issuer(&self, issuer: &str) -> bool {
        parse_claims(&self.payload)
            .is_ok_and(|claims| claims.get("iss").and_then(Value::as_str) == Some(issuer))
    }

    /// The issuer that the payload names, to be shown. Nobody has verified it.
    pub fn claimed_issuer(&self) -> Option<String> {
        Some(parse_claims(&self.payload).ok()?.get("iss")?.as_str()?.to_owned())
    }

    /// Whom the payload says that it speaks for, if `iss` and `sub` agree on it (RFC 7523 §3): the name of a client, which still has to
    /// prove that it is that one. Nobody has verified it.
    pub fn claimed_client(&self) -> Option<String> {
        let claims = parse_claims(&self.payload).ok()?;
        let (issuer, subject) = (claims.get("iss")?.as_str()?, claims.get("sub")?.as_str()?);
        (issuer == subject).then(|| subject.to_owned())
    }

    /// Checks the signature and gives the payload, which nobody sees before.
    ///
    /// The header's `kid` picks the key. Where two different keys have one `kid`, the algorithm picks between them; if both are for it, the
    /// assertion is rejected. Without `kid` every key that is for the algorithm is tried, five at most; where there are more, the assertion
    /// is rejected. A key is only ever used with an algorithm of its kind, and with its own `alg` if it has one (RFC 8725 §3.1).
    ///
    /// # Errors
    /// An algorithm that is not in `allowed` or not the key's; [`AssertionError::UnknownKey`] for a `kid` that no key has, after which it is
    /// worth fetching the keys again; no key or too many that could be meant; a wrong signature.
    pub fn verify(&self, keys: &KeySet, allowed: &[AssertionAlgorithm]) -> Result<Vec<u8>, AssertionError> {
        if !allowed.contains(&self.algorithm) {
            return Err(AssertionError::WrongAlgorithm);
        }
        let candidates = keys.candidates(self.kid(), self.algorithm)?;
        let message = self.message.as_bytes();
        if candidates.iter().any(|key| key.is_signed(self.algorithm, message, &self.signature)) {
            Ok(self.payload.clone())
        } else {
            Err(AssertionError::BadSignature)
        }
    }
}

impl fmt::Debug for Assertion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assertion({}, redacted)", self.algorithm)
    }
}

/// A member of the header that is a text if it is there.
fn text(header: &Claims, name: &str) -> Result<Option<String>, AssertionError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(AssertionError::Malformed),
    }
}

#[cfg(test)]
mod tests;
