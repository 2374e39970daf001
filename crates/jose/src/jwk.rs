//! Public keys as JSON Web Keys (RFC 7517; members of RFC 7518 §6 and RFC 8037 §2), and their thumbprints (RFC 7638).

use crate::{
    base64url, digest,
    keys::{Algorithm, KeyError},
};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use serde_json::{Map, Value, json};

/// The sizes of RSA moduli that are accepted (RFC 7518 §3.3 for the lower end).
pub(crate) const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Longer than any thumbprint in use; keeps what an unverified header names short enough to look up and to log.
const KID_LENGTH: usize = 128;

/// A public key that checks signatures of one algorithm.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: String,
    jwk: Value,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads a public JWK. The algorithm follows from `kty` and `crv`; `alg`, `use` and `key_ops` may only confirm it.
    /// Without a `kid` the key is named by its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// Another kind of key, a private key, a point that is not on its curve, an RSA modulus
    /// below 2048 bits (RFC 7518 §3.3), or members that contradict each other.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let jwk = jwk.as_object().ok_or(KeyError::Jwk("it is not a JSON object"))?;
        let members = Members::read(jwk)?;
        if jwk.contains_key("d") {
            return Err(KeyError::Jwk("it is a private key: publish only the public half"));
        }
        let says = |name, value| jwk.get(name).is_none_or(|given| given.as_str() == Some(value));
        if !says("alg", members.algorithm().as_str()) {
            return Err(KeyError::Jwk("\"alg\" does not fit the key"));
        }
        let verifies = |operations: &Value| match operations.as_array() {
            Some(operations) => operations.iter().any(|operation| operation == "verify"),
            None => false,
        };
        if !says("use", "sig") || !jwk.get("key_ops").is_none_or(verifies) {
            return Err(KeyError::Jwk("it is not meant for signatures"));
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) if is_kid(kid) => Some(kid.clone()),
            Some(_) => return Err(KeyError::Jwk("\"kid\" is not 1 to 128 visible ASCII characters")),
        };
        Self::new(&members, kid)
    }

    pub(crate) fn new(members: &Members, kid: Option<String>) -> Result<Self, KeyError> {
        let kid = kid.unwrap_or_else(|| members.thumbprint());
        Ok(Self {
            algorithm: members.algorithm(),
            jwk: members.jwk(&kid),
            key: members
                .parse()
                .ok_or(KeyError::Jwk("the numbers are no public key of a size that is accepted"))?,
            kid,
        })
    }

    /// The name under which tokens refer to this key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The only algorithm that this key is used with (RFC 8725 §3.1).
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The JWK as a JWKS publishes it: the key's own members, `kid`, `use` and `alg`, nothing else.
    pub const fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// Whether `signature` (in JOSE's form) is this key's for `message`.
    pub(crate) fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// Whether `text` can name a key: 1 to 128 visible ASCII characters.
pub(crate) fn is_kid(text: &str) -> bool {
    (1..=KID_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A public key's own members, in base64url.
pub(crate) enum Members {
    Ec { x: String, y: String },
    Rsa { n: String, e: String },
    Okp { x: String },
}

impl Members {
    /// From a point on P-256, uncompressed: 4, x, y (SEC 1 §2.3.3).
    pub(crate) fn of_point(point: &[u8]) -> Option<Self> {
        let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
        Some(Self::Ec { x: base64url::encode(x), y: base64url::encode(y) })
    }

    /// From modulus and exponent, big-endian without leading zeros.
    pub(crate) fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self::Rsa { n: base64url::encode(modulus), e: base64url::encode(exponent) }
    }

    /// From the 32 bytes of an Ed25519 public key (RFC 8032 §5.1.5).
    pub(crate) fn of_ed25519(key: &[u8]) -> Self {
        Self::Okp { x: base64url::encode(key) }
    }

    fn read(jwk: &Map<String, Value>) -> Result<Self, KeyError> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let member =
            |name| text(name).map(str::to_owned).ok_or(KeyError::Jwk("a member of the key is missing"));
        match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => Ok(Self::Ec { x: member("x")?, y: member("y")? }),
            (Some("RSA"), None) => Ok(Self::Rsa { n: member("n")?, e: member("e")? }),
            (Some("OKP"), Some("Ed25519")) => Ok(Self::Okp { x: member("x")? }),
            _ => Err(KeyError::Jwk("its kind is none of EC with P-256, RSA, and OKP with Ed25519")),
        }
    }

    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ec { .. } => Algorithm::Es256,
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::Okp { .. } => Algorithm::EdDsa,
        }
    }

    fn thumbprint(&self) -> String {
        match self {
            Self::Ec { x, y } => thumbprint(&[("crv", "P-256"), ("kty", "EC"), ("x", x), ("y", y)]),
            Self::Rsa { n, e } => thumbprint(&[("e", e), ("kty", "RSA"), ("n", n)]),
            Self::Okp { x } => thumbprint(&[("crv", "Ed25519"), ("kty", "OKP"), ("x", x)]),
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        let alg = self.algorithm().as_str();
        match self {
            Self::Ec { x, y } => {
                json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": alg})
            }
            Self::Rsa { n, e } => json!({"kty": "RSA", "n": n, "e": e, "kid": kid, "use": "sig", "alg": alg}),
            Self::Okp { x } => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": alg})
            }
        }
    }

    /// The key, checked by the library: a point on the curve, or a sound modulus and exponent. (An
    /// Ed25519 key is any 32 bytes until it is used: RFC 8032 §5.1.7 finds out then.)
    fn parse(&self) -> Option<ParsedPublicKey> {
        match self {
            Self::Ec { x, y } => {
                let mut point = vec![4];
                point.extend_from_slice(&bytes32(x)?);
                point.extend_from_slice(&bytes32(y)?);
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()
            }
            Self::Rsa { n, e } => {
                let (n, e) = (base64url::decode(n)?, base64url::decode(e)?);
                let top_bits = usize::try_from(n.first()?.leading_zeros()).ok()?;
                if !RSA_BITS.contains(&(n.len() * 8 - top_bits)) {
                    return None;
                }
                // By way of DER, because only the DER parser checks the numbers (RSA_check_key).
                let der = RsaPublicKeyComponents { n, e }.as_der().ok()?;
                ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref()).ok()
            }
            Self::Okp { x } => ParsedPublicKey::new(&ED25519, bytes32(x)?).ok(),
        }
    }
}

/// RFC 7638 §3: SHA-256 of a key's required members without white space (for OKP, RFC 8037 §2). They are given in lexicographic order,
/// and need no escapes.
pub(crate) fn thumbprint(members: &[(&str, &str)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
    base64url::encode(&digest::sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

fn bytes32(text: &str) -> Option<[u8; 32]> {
    base64url::decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests;
