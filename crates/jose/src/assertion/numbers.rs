//! The numbers of a public key: how they are read from a JWK or from DER, checked, and written.

use super::{AssertionAlgorithm, AssertionKeyError};
use crate::{
    base64url,
    jwk::{RSA_BITS, thumbprint},
};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents, RsaSubjectPublicKey};
use serde_json::{Map, Value};

/// What stands before the uncompressed point in a `SubjectPublicKeyInfo` for P-256 (RFC 5480 §2).
const SPKI_P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
/// The same for P-384.
const SPKI_P384: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04";
/// `id-ecPublicKey` (RFC 5480 §2.1.1).
const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
/// What stands before the key in a `SubjectPublicKeyInfo` for Ed25519 (RFC 8410 §4).
const SPKI_ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// The y coordinates of the points of Ed25519 whose order is at most 8, little-endian. For such a "key" anybody can make signatures.
const SMALL_ORDER: [[u8; 32]; 5] = [
    *b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    *b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    *b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
];

/// The two curves of the National Institute of Standards and Technology that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// How many bytes a coordinate has.
    const fn length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// A public key's numbers in their one form: RSA's big-endian without leading zeros, EC's coordinates at full length (RFC 7518
/// §6.2.1.2), Ed25519's 32 bytes (RFC 8032 §5.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicNumbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: [u8; 32] },
}

impl PublicNumbers {
    /// Reads `kty`, `crv` and the numbers of a JWK (RFC 7518 §6, RFC 8037 §2).
    pub(super) fn of_jwk(jwk: &Map<String, Value>) -> Result<Self, AssertionKeyError> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let number = |name| text(name).and_then(base64url::decode).ok_or(AssertionKeyError::Malformed);
        match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Self::rsa(&number("n")?, &number("e")?),
            (Some("EC"), Some("P-256")) => Self::ec(Curve::P256, number("x")?, number("y")?),
            (Some("EC"), Some("P-384")) => Self::ec(Curve::P384, number("x")?, number("y")?),
            (Some("OKP"), Some("Ed25519")) => Self::ed25519(&number("x")?),
            (None, _) | (Some("EC" | "OKP"), None) => Err(AssertionKeyError::Malformed),
            _ => Err(AssertionKeyError::WrongKind),
        }
    }

    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), or an `RSAPublicKey` (RFC 8017 appendix A.1.1), in the one form that DER has
    /// for it: named curves, uncompressed points, `rsaEncryption`.
    pub(super) fn of_der(der: &[u8]) -> Result<Self, AssertionKeyError> {
        for (prefix, curve) in [(SPKI_P256, Curve::P256), (SPKI_P384, Curve::P384)] {
            if let Some(point) = der.strip_prefix(prefix) {
                let (x, y) = point.split_at_checked(curve.length()).ok_or(AssertionKeyError::Malformed)?;
                return Self::ec(curve, x.to_vec(), y.to_vec());
            }
        }
        if let Some(key) = der.strip_prefix(SPKI_ED25519) {
            return Self::ed25519(key);
        }
        if der.windows(EC_PUBLIC_KEY.len()).any(|part| part == EC_PUBLIC_KEY) {
            return Err(AssertionKeyError::WrongEcForm);
        }
        // The library reads both forms of RSA, and also keys that are for PSS alone: what it writes is compared, so that a key is
        // never taken for something wider than it is.
        let key = RsaSubjectPublicKey::from_der(der).map_err(|_| AssertionKeyError::WrongKind)?;
        let written = key.as_der().map_err(|_| AssertionKeyError::Malformed)?;
        if der != written.as_ref() && der != key.as_ref() {
            return Err(AssertionKeyError::WrongKind);
        }
        Self::rsa(
            key.modulus().big_endian_without_leading_zero(),
            key.exponent().big_endian_without_leading_zero(),
        )
    }

    fn rsa(n: &[u8], e: &[u8]) -> Result<Self, AssertionKeyError> {
        // Some libraries write a zero in front, for the sign (RFC 7518 §6.3.1.1 tells them not to).
        let [n, e] =
            [n, e].map(|number| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>());
        let size = bits(&n);
        if !RSA_BITS.contains(&size) {
            return Err(AssertionKeyError::RsaSize(size));
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        if !is_odd(&n) || !is_odd(&e) || !(2..=33).contains(&bits(&e)) {
            return Err(AssertionKeyError::RsaNumbers);
        }
        Ok(Self::Rsa { n, e })
    }

    fn ec(curve: Curve, x: Vec<u8>, y: Vec<u8>) -> Result<Self, AssertionKeyError> {
        if x.len() != curve.length() || y.len() != curve.length() {
            return Err(AssertionKeyError::Malformed);
        }
        Ok(Self::Ec { curve, x, y })
    }

    fn ed25519(key: &[u8]) -> Result<Self, AssertionKeyError> {
        let x: [u8; 32] = key.try_into().map_err(|_| AssertionKeyError::Malformed)?;
        let mut y = x;
        if let Some(last) = y.last_mut() {
            *last &= 0x7f;
        }
        // The prime is 2^255 - 19 (RFC 8032 §5.1): little-endian ED, 30 times FF, 7F.
        let is_reduced = match y {
            [first, middle @ .., 0x7f] => first < 0xed || middle.iter().any(|byte| *byte != 0xff),
            _ => true,
        };
        if !is_reduced || SMALL_ORDER.contains(&y) {
            return Err(AssertionKeyError::WeakPoint);
        }
        Ok(Self::Ed25519 { x })
    }

    /// The algorithms that a key of this kind can verify.
    pub(super) const fn algorithms(&self) -> &'static [AssertionAlgorithm] {
        match self {
            Self::Rsa { .. } => &[AssertionAlgorithm::Rs256, AssertionAlgorithm::Ps256],
            Self::Ec { curve: Curve::P256, .. } => &[AssertionAlgorithm::Es256],
            Self::Ec { curve: Curve::P384, .. } => &[AssertionAlgorithm::Es384],
            Self::Ed25519 { .. } => &[AssertionAlgorithm::EdDsa],
        }
    }

    /// The key in the library's form, for `algorithm` alone. The library checks that a point is on its curve, and RSA's numbers. (Whether
    /// an Ed25519 key is on its curve is found out at each verification: RFC 8032 §5.1.7.)
    pub(super) fn verifier(
        &self,
        algorithm: AssertionAlgorithm,
    ) -> Result<ParsedPublicKey, AssertionKeyError> {
        let (bytes, error) = match self {
            Self::Rsa { n, e } => {
                let der = RsaPublicKeyComponents { n, e }.as_der();
                let der = der.map_err(|_| AssertionKeyError::RsaNumbers)?;
                (der.as_ref().to_vec(), AssertionKeyError::RsaNumbers)
            }
            Self::Ec { x, y, .. } => ([&[4], x.as_slice(), y].concat(), AssertionKeyError::NotOnCurve),
            Self::Ed25519 { x } => (x.to_vec(), AssertionKeyError::NotOnCurve),
        };
        ParsedPublicKey::new(algorithm.of_library(), bytes).map_err(|_| error)
    }

    /// The members that make up the key, in lexicographic order (RFC 7638 §3.2, RFC 8037 §2).
    pub(super) fn members(&self) -> Vec<(&'static str, String)> {
        let known = |name, text: &str| (name, text.to_owned());
        let number = |name, bytes: &[u8]| (name, base64url::encode(bytes));
        match self {
            Self::Rsa { n, e } => vec![number("e", e), known("kty", "RSA"), number("n", n)],
            Self::Ec { curve, x, y } => {
                vec![known("crv", curve.name()), known("kty", "EC"), number("x", x), number("y", y)]
            }
            Self::Ed25519 { x } => vec![known("crv", "Ed25519"), known("kty", "OKP"), number("x", x)],
        }
    }

    /// The SHA-256 thumbprint of RFC 7638.
    pub(super) fn thumbprint(&self) -> String {
        let members = self.members();
        thumbprint(&members.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
    }

    /// What kind of key it is, for people.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Rsa { n, .. } => format!("RSA, {} bits", bits(n)),
            Self::Ec { curve, .. } => format!("EC, {}", curve.name()),
            Self::Ed25519 { .. } => "Ed25519".to_owned(),
        }
    }
}

/// The length of a big-endian number without leading zero bytes.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or_default())
}
