//! Reading access tokens: JWT in compact JWS form (RFC 7519, RFC 7515 §5.2) with the type of RFC 9068, read as
//! strictly as RFC 8725 asks: one type, one algorithm per key, no header that tells us where to find a key.
//!
//! Times are claims like any other: the caller compares them with its own `now`.

use crate::{
    base64url,
    jwk::is_kid,
    keys::{Algorithm, VerifyingKey},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::borrow::Cow;

/// The longest token that is read, and signed, in characters.
pub const MAXIMUM_LENGTH: usize = 8 * 1024;

/// Why a token is rejected. No message contains the token, or anything of it before its signature was checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not three base64url parts with a JSON object in each of the first two, too long, or with a header that
    /// has members of its own (`crit`, `jku`, `jwk`, one twice).
    #[error("the token is malformed")]
    Malformed,
    /// A JWT, but not an access token: an ID token, for example.
    #[error("the token is not an access token: its typ must be at+jwt")]
    WrongType,
    /// An algorithm that is not supported or not the key's own.
    #[error("the token is signed with an algorithm that is not accepted")]
    WrongAlgorithm,
    /// The header names no key, or another one than was given.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// The signature is not the key's for this token.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Signed by us, but the claims are not those that were asked for.
    #[error("the token's claims are unusable: {0}")]
    Claims(String),
}

/// A token's header, as far as it says which key to fetch. Nothing in it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// One of the supported algorithms.
    pub algorithm: Algorithm,
    /// The key's name: 1 to 128 visible ASCII characters.
    pub kid: String,
}

/// The header's members as written. Ours has these three and no others, so whatever else stands there is
/// an attempt (`crit`, `jku`, `x5u`, `jwk`) or an accident.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
}

impl Header {
    fn decode(part: &str) -> Result<Self, JwtError> {
        let json = base64url::decode(part).ok_or(JwtError::Malformed)?;
        // Serde also reads a struct from an array: insist on the object.
        if json.first() != Some(&b'{') {
            return Err(JwtError::Malformed);
        }
        let members: Members<'_> = serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)?;
        let typ = members.typ.as_deref().unwrap_or_default();
        // RFC 9068 §4: either spelling; RFC 2045 §5.1: media types have no case.
        if !["at+jwt", "application/at+jwt"].iter().any(|expected| typ.eq_ignore_ascii_case(expected)) {
            return Err(JwtError::WrongType);
        }
        // RFC 7515 §4.1.1: `alg` has case.
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == members.alg)
            .ok_or(JwtError::WrongAlgorithm)?;
        let kid = members.kid.filter(|kid| is_kid(kid)).ok_or(JwtError::UnknownKey)?;
        Ok(Self { algorithm, kid: kid.into_owned() })
    }
}

/// A text that looks like an access token as a whole. Nothing in it is verified yet.
pub struct Unverified<'a> {
    parts: Parts<'a>,
    header: Header,
}

impl<'a> Unverified<'a> {
    /// Cuts `token` into its parts and reads its header.
    ///
    /// # Errors
    /// Any [`JwtError`] but `BadSignature` and `Claims`.
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        let parts = Parts::split(token)?;
        let header = Header::decode(parts.header)?;
        Ok(Self { parts, header })
    }

    /// What it says of the key that it is signed with: the one to verify it with, nothing more.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Checks the signature with `key` and gives the payload, a JSON object. It is not looked at before the signature agrees.
    ///
    /// # Errors
    /// Another algorithm or key than `key`; a wrong signature; a payload that is no JSON object.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Vec<u8>, JwtError> {
        if self.header.algorithm != key.algorithm() {
            return Err(JwtError::WrongAlgorithm);
        }
        if self.header.kid != key.kid() {
            return Err(JwtError::UnknownKey);
        }
        let signature = base64url::decode(self.parts.signature).ok_or(JwtError::Malformed)?;
        if !key.is_signed(self.parts.message.as_bytes(), &signature) {
            return Err(JwtError::BadSignature);
        }
        let payload = base64url::decode(self.parts.payload).ok_or(JwtError::Malformed)?;
        if payload.first() != Some(&b'{') {
            return Err(JwtError::Malformed);
        }
        Ok(payload)
    }
}

/// Reads the claims out of a payload.
///
/// # Errors
/// They are not a `C`.
pub fn claims<'a, C: Deserialize<'a>>(payload: &'a [u8]) -> Result<C, JwtError> {
    serde_json::from_slice(payload).map_err(|error| JwtError::Claims(error.to_string()))
}

/// Checks `token` against `key` and gives its claims.
///
/// # Errors
/// As [`Unverified::parse`], [`Unverified::verify`] and [`claims`].
pub fn verify<C: DeserializeOwned>(token: &str, key: &VerifyingKey) -> Result<C, JwtError> {
    claims(&Unverified::parse(token)?.verify(key)?)
}

/// A compact JWS, cut at its dots.
struct Parts<'a> {
    /// What is signed: header, dot and payload (RFC 7515 §5.1, step 8).
    message: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, JwtError> {
        if token.len() > MAXIMUM_LENGTH {
            return Err(JwtError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(JwtError::Malformed)?;
        if payload.contains('.') {
            return Err(JwtError::Malformed);
        }
        Ok(Self { message, header, payload, signature })
    }
}

#[cfg(test)]
mod tests;
