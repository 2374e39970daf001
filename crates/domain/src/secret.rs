//! The client secret: `dks_`, 43 base62 characters that carry 256 random bits, and 6 base62
//! characters of CRC-32 over what stands before, so that a scanner tells a secret from a lookalike offline.

use crate::{Entropy, entropy};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

const PREFIX: &str = "dks_";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;

/// A client secret in the clear. It has no `Display`, its `Debug` is redacted and its memory is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// The length of every secret, in characters.
    pub const LENGTH: usize = PREFIX.len() + RANDOM_LENGTH + CHECKSUM_LENGTH;

    /// Makes a new secret out of 256 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = entropy::random::<32>(entropy);
        let mut text = String::with_capacity(Self::LENGTH);
        text.push_str(PREFIX);
        push_base62(&mut text, &mut bytes, RANDOM_LENGTH);
        let mut checksum = crc32fast::hash(text.as_bytes()).to_be_bytes();
        push_base62(&mut text, &mut checksum, CHECKSUM_LENGTH);
        bytes.zeroize();
        Self(text)
    }

    /// Whether `text` has the shape and the checksum of a secret.
    pub fn is_well_formed(text: &str) -> bool {
        let Some((body, checksum)) = text.split_at_checked(PREFIX.len() + RANDOM_LENGTH) else {
            return false;
        };
        if text.len() != Self::LENGTH || !body.starts_with(PREFIX) {
            return false;
        }
        let mut expected = String::with_capacity(CHECKSUM_LENGTH);
        push_base62(&mut expected, &mut crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECKSUM_LENGTH);
        expected == checksum && body.bytes().skip(PREFIX.len()).all(|byte| BASE62.contains(&byte))
    }

    /// The secret itself: only for the one response that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, by which a person recognises a secret without knowing it.
    pub fn hint(&self) -> String {
        self.0.chars().skip(Self::LENGTH - 4).collect()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(redacted)")
    }
}

/// SHA-256 of a secret: what storage holds. A fast digest is enough because the secret has 256 bits of entropy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest(pub [u8; 32]);

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(redacted)")
    }
}

/// Appends the big-endian number in `bytes` as exactly `length` base62 digits; `bytes` is used up on the way.
fn push_base62(text: &mut String, bytes: &mut [u8], length: usize) {
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0u32;
        for byte in bytes.iter_mut() {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = BASE62.get(usize::try_from(remainder).unwrap_or(0)).copied().unwrap_or(b'0');
    }
    text.extend(digits.iter().map(|digit| char::from(*digit)));
    digits.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Bytes([u8; 32]);
    impl Entropy for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0[..bytes.len()]);
        }
    }

    #[test]
    fn the_smallest_and_largest_secret_have_the_same_length() {
        let zeros = ClientSecret::generate(&Bytes([0; 32]));
        let ones = ClientSecret::generate(&Bytes([255; 32]));
        assert_eq!(zeros.expose().len(), 53);
        assert_eq!(ones.expose().len(), 53);
        assert!(zeros.expose().starts_with(&format!("dks_{}", "0".repeat(43))));
    }

    proptest! {
        #[test]
        fn secrets_are_well_formed_and_lookalikes_are_not(bytes: [u8; 32], position in 0usize..53) {
            let secret = ClientSecret::generate(&Bytes(bytes));
            prop_assert!(ClientSecret::is_well_formed(secret.expose()));
            let mut changed = secret.expose().as_bytes().to_vec();
            changed[position] = if changed[position] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).unwrap();
            prop_assert!(!ClientSecret::is_well_formed(&changed));
        }

        #[test]
        fn different_bits_give_different_secrets(a: [u8; 32], b: [u8; 32]) {
            let same = ClientSecret::generate(&Bytes(a)).expose() == ClientSecret::generate(&Bytes(b)).expose();
            prop_assert_eq!(same, a == b);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,60}") {
            let _ = ClientSecret::is_well_formed(&text);
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = ClientSecret::generate(&Bytes([7; 32]));
        assert_eq!(format!("{secret:?}"), "ClientSecret(redacted)");
        assert_eq!(format!("{:?}", SecretDigest([7; 32])), "SecretDigest(redacted)");
    }
}
