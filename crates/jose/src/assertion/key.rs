//! One public key of somebody else.

use super::{AssertionAlgorithm, AssertionKeyError, numbers::PublicNumbers};
use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::{Map, Value};

/// The members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2 and §6.4, RFC 8037 §2).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const KID_LENGTH: usize = 256;

/// A public key that verifies assertions.
#[derive(Debug, Clone)]
pub struct AssertionKey {
    kid: Option<String>,
    numbers: PublicNumbers,
    /// One for each algorithm that the key may be used with.
    verifiers: Vec<(AssertionAlgorithm, ParsedPublicKey)>,
}

impl AssertionKey {
    /// Reads a JWK (RFC 7517 §4). Members that are not needed are ignored.
    pub(super) fn of_jwk(jwk: &Value) -> Result<Self, AssertionKeyError> {
        let jwk = jwk.as_object().ok_or(AssertionKeyError::Malformed)?;
        if is_private(jwk) {
            return Err(AssertionKeyError::Private);
        }
        let verifies = |operations: &Value| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|name| name == "verify"))
        };
        if !jwk.get("use").is_none_or(|purpose| purpose == "sig") || !jwk.get("key_ops").is_none_or(verifies)
        {
            return Err(AssertionKeyError::WrongUse);
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) if is_kid(kid) => Some(kid.clone()),
            Some(_) => return Err(AssertionKeyError::BadKid),
        };
        let numbers = PublicNumbers::of_jwk(jwk)?;
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => {
                let named = name.as_str().and_then(AssertionAlgorithm::parse);
                Some(named.ok_or(AssertionKeyError::WrongAlgorithm)?)
            }
        };
        Self::new(kid, numbers, algorithm)
    }

    /// Reads DER: see [`PublicNumbers::of_der`].
    pub(super) fn of_der(der: &[u8]) -> Result<Self, AssertionKeyError> {
        Self::new(None, PublicNumbers::of_der(der)?, None)
    }

    fn new(
        kid: Option<String>,
        numbers: PublicNumbers,
        only: Option<AssertionAlgorithm>,
    ) -> Result<Self, AssertionKeyError> {
        let possible = numbers.algorithms().iter().copied();
        let verifiers = possible
            .filter(|algorithm| only.is_none_or(|only| only == *algorithm))
            .map(|algorithm| Ok((algorithm, numbers.verifier(algorithm)?)))
            .collect::<Result<Vec<_>, _>>()?;
        if verifiers.is_empty() {
            return Err(AssertionKeyError::WrongAlgorithm);
        }
        Ok(Self { kid, numbers, verifiers })
    }

    /// The same key, named by its thumbprint unless it has a name.
    pub(super) fn named(mut self) -> Self {
        self.kid = Some(self.kid.unwrap_or_else(|| self.numbers.thumbprint()));
        self
    }

    /// The name under which assertions refer to the key.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms that the key may be used with: one, except for an RSA key without `alg`.
    pub fn algorithms(&self) -> impl Iterator<Item = AssertionAlgorithm> + '_ {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// The SHA-256 thumbprint of RFC 7638: the same for every spelling of the key.
    pub fn thumbprint(&self) -> String {
        self.numbers.thumbprint()
    }

    /// What kind of key it is, for people: `RSA, 2048 bits`, `EC, P-256`, `Ed25519`.
    pub fn kind(&self) -> String {
        self.numbers.kind()
    }

    /// The JWK in its one form: the key's own members, `kid` if it has one, `use`, and `alg` if there is only one. Nothing else that was
    /// written comes along.
    pub fn jwk(&self) -> Value {
        let mut jwk: Map<String, Value> =
            self.numbers.members().into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        jwk.insert("use".to_owned(), "sig".into());
        if let Some(kid) = &self.kid {
            jwk.insert("kid".to_owned(), kid.as_str().into());
        }
        if let [(algorithm, _)] = self.verifiers.as_slice() {
            jwk.insert("alg".to_owned(), algorithm.as_str().into());
        }
        Value::Object(jwk)
    }

    /// Whether both are the same key, whatever they are called.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }

    pub(super) fn is_for(&self, algorithm: AssertionAlgorithm) -> bool {
        self.algorithms().any(|own| own == algorithm)
    }

    /// Whether `signature` is this key's for `message` under `algorithm`.
    pub(super) fn is_signed(&self, algorithm: AssertionAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verifiers
            .iter()
            .any(|(own, verifier)| *own == algorithm && verifier.verify_sig(message, signature).is_ok())
    }
}

/// Whether a JWK has a member that only private and symmetric keys have.
pub(super) fn is_private(jwk: &Map<String, Value>) -> bool {
    PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name))
}

/// Whether `text` can name a key here: 1 to 256 printable ASCII characters.
pub(super) fn is_kid(text: &str) -> bool {
    (1..=KID_LENGTH).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
