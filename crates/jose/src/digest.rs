//! SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869).

pub use crate::base64url;

use aws_lc_rs::{constant_time, digest as library, hmac};
use domain::SecretDigest;
use std::io::{self, Read};

/// SHA-256 of a secret, as storage holds it. Only for secrets of 256 random bits: a person's password
/// goes through [`crate::password`].
pub fn digest(secret: &str) -> SecretDigest {
    SecretDigest(sha256(secret.as_bytes()))
}

/// Whether two digests are equal, in a time that does not depend on where they differ.
pub fn matches(a: &SecretDigest, b: &SecretDigest) -> bool {
    are_equal(&a.0, &b.0)
}

/// Whether two values of 32 bytes are equal, in a time that does not depend on where they differ.
pub fn are_equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    exactly_32(library::digest(&library::SHA256, bytes).as_ref())
}

/// HMAC-SHA-256 of `bytes` under `key`.
pub fn hmac_sha256(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    exactly_32(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref())
}

/// HMAC-SHA-256 under `key` of what is left to read, in pieces of 64 KiB.
///
/// # Errors
/// When reading fails.
pub fn hmac_sha256_of_file(key: &[u8; 32], source: &mut impl Read) -> io::Result<[u8; 32]> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    let mut piece = vec![0; 64 * 1024];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(exactly_32(mac.sign().as_ref())),
            Ok(length) => mac.update(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
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

    #[test]
    fn a_file_has_the_hmac_of_its_bytes() {
        for length in [0, 1, 65_535, 65_536, 200_000] {
            let bytes: Vec<u8> = (0..length).map(|at: usize| at.to_le_bytes()[0]).collect();
            let read = hmac_sha256_of_file(&[7; 32], &mut bytes.as_slice()).unwrap();
            assert_eq!(read, hmac_sha256(&[7; 32], &bytes), "{length}");
        }
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
