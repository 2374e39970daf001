//! What the tests of several modules share: a key per algorithm, counted "randomness", and an independent
//! library (jsonwebtoken) that signs and verifies with the same keys.

use crate::keys::{Algorithm, SigningKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken as other;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};
use zeroize::Zeroizing;

pub(crate) struct Pair {
    pub(crate) key: SigningKey,
    pub(crate) pkcs8: Zeroizing<Vec<u8>>,
}

static PAIRS: LazyLock<[Pair; 3]> = LazyLock::new(|| Algorithm::ALL.map(fresh));

pub(crate) fn fresh(algorithm: Algorithm) -> Pair {
    let (key, pkcs8) = SigningKey::generate(algorithm).unwrap();
    Pair { key, pkcs8 }
}

/// One key per algorithm, in the order of `Algorithm::ALL`.
pub(crate) fn pairs() -> &'static [Pair; 3] {
    &PAIRS
}

pub(crate) fn pair(algorithm: Algorithm) -> &'static Pair {
    PAIRS.iter().find(|pair| pair.key.algorithm() == algorithm).unwrap()
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": "https://auth.example.com/realms/duku", "sub": "key_1", "aud": "https://platform.example.com/graphql",
        "iat": 1_795_410_000, "exp": 1_795_410_300, "jti": "tok_1", "scope": "openid", "org_name": "Zoë & Søn \"42\""
    })
}

/// Bytes that never repeat within a test run, though nobody would call them random.
pub(crate) struct Counting(AtomicU8);

impl Counting {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(1))
    }
}

impl domain::Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
    }
}

pub(crate) fn other_algorithm(algorithm: Algorithm) -> other::Algorithm {
    match algorithm {
        Algorithm::Es256 => other::Algorithm::ES256,
        Algorithm::Rs256 => other::Algorithm::RS256,
        Algorithm::EdDsa => other::Algorithm::EdDSA,
    }
}

pub(crate) fn other_signing_key(pair: &Pair) -> other::EncodingKey {
    match pair.key.algorithm() {
        Algorithm::Es256 => other::EncodingKey::from_ec_der(&pair.pkcs8),
        Algorithm::EdDsa => other::EncodingKey::from_ed_der(&pair.pkcs8),
        Algorithm::Rs256 => {
            let body = STANDARD.encode(&pair.pkcs8);
            let lines: Vec<_> =
                body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
            let pem =
                format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
            other::EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
        }
    }
}

/// The header that the other library needs to imitate ours.
pub(crate) fn other_header(pair: &Pair) -> other::Header {
    let mut header = other::Header::new(other_algorithm(pair.key.algorithm()));
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(pair.key.kid().to_owned());
    header
}

/// Verification by the other library, with nothing but the published JWK.
pub(crate) fn other_verifies(token: &str, jwk: &Value) -> other::errors::Result<other::TokenData<Value>> {
    let jwk: other::jwk::Jwk = serde_json::from_value(jwk.clone()).unwrap();
    let algorithm = jwk.common.key_algorithm.unwrap().to_string().parse().unwrap();
    let mut validation = other::Validation::new(algorithm);
    validation.validate_exp = false;
    validation.required_spec_claims = HashSet::new();
    validation.set_audience(&["https://platform.example.com/graphql"]);
    validation.set_issuer(&["https://auth.example.com/realms/duku"]);
    other::decode(token, &other::DecodingKey::from_jwk(&jwk).unwrap(), &validation)
}
