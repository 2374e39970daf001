//! SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869).

pub use crate::base64url;

use aws_lc_rs::{constant_time, digest as library, hmac};
use domain::SecretDigest;

/// SHA-256 of a secret, as storage holds it. Only for secrets of 256 random bits: a person's password
/// goes through [`crate::password`].
pub fn digest(secret: &str) -> SecretDigest {
    SecretDigest(sha256(secret.as_bytes()))
}

/// Whether two digests are equal, in a time that does not depend on where they differ.
pub fn matches(a: &SecretDigest, b: &SecretDigest) -> bool {
    constant_time::verify_slices_are_equal(&a.0, &b.0).is_ok()
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    exactly_32(library::digest(&library::SHA256, bytes).as_ref())
}

/// HMAC-SHA-256 of `bytes` under `key`.
pub fn hmac_sha256(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    exactly_32(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref())
}

/// `bytes` in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}

/// HKDF-SHA-256 of RFC 5869 for its one simple case, 32 bytes of output: extract, then a single round
/// of expand. Written out because the library's version can fail and a key that "might" derive is of no use.
pub(crate) fn hkdf(salt: &[u8; 32], secret: &[u8; 32], info: &[u8]) -> [u8; 32] {
    use zeroize::Zeroizing;
    let pseudorandom_key = Zeroizing::new(hmac_sha256(salt, secret));
    let mut block = Vec::with_capacity(info.len() + 1);
    block.extend_from_slice(info);
    block.push(1);
    hmac_sha256(&pseudorandom_key, &block)
}

/// The output of a function that by definition gives 32 bytes.
fn exactly_32(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hkdf as reference;
    use proptest::prelude::*;

    #[test]
    fn sha256_of_fips_180() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(b"abc")), abc);
        assert_eq!(hex(&digest("abc").0), abc);
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn hmac_of_rfc_4231_test_case_2() {
        // HMAC pads a short key with zeros, so "Jefe" can be given as 32 bytes.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac_sha256(&key, b"what do ya want for nothing?")), expected);
    }

    struct Bytes32;
    impl reference::KeyType for Bytes32 {
        fn len(&self) -> usize {
            32
        }
    }

    proptest! {
        #[test]
        fn hkdf_agrees_with_the_library(salt: [u8; 32], secret: [u8; 32], info: Vec<u8>) {
            let mut expected = [0; 32];
            let key = reference::Salt::new(reference::HKDF_SHA256, &salt).extract(&secret);
            key.expand(&[&info], Bytes32).unwrap().fill(&mut expected).unwrap();
            prop_assert_eq!(hkdf(&salt, &secret, &info), expected);
        }

        #[test]
        fn only_equal_digests_match(a: [u8; 32], bit in 0usize..256) {
            let mut b = a;
            b[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(matches(&SecretDigest(a), &SecretDigest(a)));
            prop_assert!(!matches(&SecretDigest(a), &SecretDigest(b)));
        }
    }
}
