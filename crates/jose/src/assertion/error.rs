//! What can be wrong with an assertion, a key of somebody else, and a set of them.

use domain::workload::{AssertionRejection, RejectionReason};

/// Why an assertion is rejected. No message contains anything of the assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Longer than [`super::MAXIMUM_LENGTH`].
    #[error("the token is longer than 16384 characters")]
    TooLong,
    /// Not three parts of strict base64url, or a header that is no JSON object with unique names, a text in `alg`, and texts of a
    /// sensible length in `kid` and `typ` if they are there.
    #[error("the token is no signed JWT in compact form")]
    Malformed,
    /// The header says where a key is to be found, or changes what is signed.
    #[error("the token's header has `{0}`, which is not accepted")]
    ForbiddenHeader(&'static str),
    /// Another `typ` than the caller accepts.
    #[error("the token is of another type: its `typ` is not accepted here")]
    WrongType,
    /// `alg` is not supported, not among those that are allowed, or not one that the named key is for.
    #[error("the token is signed with an algorithm that is not accepted")]
    WrongAlgorithm,
    /// No key has the `kid` of the header: the keys may be out of date.
    #[error("the token is signed with a key that is not in the issuer's key set")]
    UnknownKey,
    /// The header has no `kid`, and none of the keys is for its algorithm.
    #[error("the token names no key, and no key of the issuer's is for its algorithm")]
    NoFittingKey,
    /// Several keys have the `kid` of the header, or there is no `kid` and too many keys could be meant.
    #[error(
        "the token does not say which key it is signed with: it needs a `kid` that is unique in the key set"
    )]
    AmbiguousKey,
    /// The signature is not the key's for this assertion.
    #[error("the token's signature is wrong")]
    BadSignature,
}

impl AssertionError {
    /// The check that failed.
    pub const fn reason(self) -> RejectionReason {
        match self {
            Self::TooLong => RejectionReason::Size,
            Self::Malformed | Self::ForbiddenHeader(_) | Self::WrongType => RejectionReason::Form,
            Self::WrongAlgorithm => RejectionReason::Algorithm,
            Self::UnknownKey | Self::NoFittingKey | Self::AmbiguousKey | Self::BadSignature => {
                RejectionReason::Signature
            }
        }
    }
}

impl From<AssertionError> for AssertionRejection {
    fn from(error: AssertionError) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

/// Why a key cannot verify assertions. Worded so that it goes on after "the key" or "key 2".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionKeyError {
    /// Not a JWK, or one whose members cannot be read.
    #[error("cannot be read: a member is missing, or is not written as RFC 7518 and RFC 8037 say")]
    Malformed,
    /// Another `kty` or `crv`.
    #[error(
        "is of a kind that is not accepted: use RSA (not for PSS alone), EC with P-256 or P-384, or Ed25519"
    )]
    WrongKind,
    /// An EC key in DER with another curve, a compressed point, or a curve that is spelled out.
    #[error(
        "is an EC key in a form that is not accepted: use P-256 or P-384 by name, with an uncompressed point"
    )]
    WrongEcForm,
    /// Private members, or a symmetric key.
    #[error("is private or secret: only public keys belong here")]
    Private,
    /// `use` or `key_ops` say something else.
    #[error(
        "is not meant for signatures: `use` must be `sig` or absent, and `key_ops` contain `verify` or be absent"
    )]
    WrongUse,
    /// `alg` names an algorithm that is not supported or not one of this kind of key.
    #[error(
        "is for an algorithm that does not fit: `alg` must be RS256, PS256, ES256, ES384 or EdDSA, as the key allows, or absent"
    )]
    WrongAlgorithm,
    /// An RSA modulus that is too short, or so long that verifying costs too much.
    #[error("has {0} bits: RSA keys need 2048 to 8192")]
    RsaSize(usize),
    /// An RSA exponent that is even, 1, or larger than 33 bits; or an even modulus.
    #[error(
        "is no sound RSA key: its modulus and exponent must be odd, and the exponent from 3 to 33 bits (65537 as a rule)"
    )]
    RsaNumbers,
    /// The numbers are no point of the curve.
    #[error("is not a point on its curve")]
    NotOnCurve,
    /// A point that anybody can make signatures for.
    #[error("is one of the few weak Ed25519 keys, or written in a form that RFC 8032 does not allow")]
    WeakPoint,
    /// `kid` is no text, or too long.
    #[error("has a `kid` that is not 1 to 256 printable ASCII characters")]
    BadKid,
}

/// Why a key set of somebody else cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Longer than [`super::MAXIMUM_KEY_SET_LENGTH`].
    #[error("the key set is longer than 64 KiB")]
    TooLong,
    /// Not a JSON object with unique names and a list named `keys` (RFC 7517 §5).
    #[error(
        "this is no key set: a JSON object with a list `keys` is expected, in which no name stands twice"
    )]
    Malformed,
    /// More than [`super::MAXIMUM_KEYS`].
    #[error("the key set has more than 100 keys")]
    TooManyKeys,
    /// The list is empty.
    #[error("the key set is empty")]
    Empty,
    /// All keys were left out.
    #[error("none of the {count} keys of the set can be used: the first {first}")]
    NoUsableKey {
        /// How many there are.
        count: usize,
        /// Why the first was left out.
        first: AssertionKeyError,
    },
}
