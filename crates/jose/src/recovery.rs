//! Recovery codes: what a person signs in with who has lost the authenticator. Each works once. They have 60 random bits,
//! so they are kept under a digest that is keyed with the master key; failures are limited.

use crate::base32;
use domain::{Entropy, entropy};
use zeroize::{Zeroize, Zeroizing};

/// How many codes a person gets at once.
pub const COUNT: usize = 10;
/// Characters of a code without its dashes, 5 random bits each.
const LENGTH: usize = 12;
const GROUP: usize = 4;

/// Makes ten codes like `k7f2-9mqx-h3dt`: to be shown once, and stored as a keyed digest of what [`normalise`] makes of each.
pub fn generate(entropy: &dyn Entropy) -> Vec<String> {
    (0..COUNT).map(|_| code(entropy)).collect()
}

fn code(entropy: &dyn Entropy) -> String {
    let mut bytes = entropy::random::<8>(entropy);
    let mut letters = Zeroizing::new(String::with_capacity(LENGTH + 1));
    base32::append(&mut letters, &bytes, base32::CROCKFORD);
    bytes.zeroize();
    let mut code = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (position, letter) in letters.chars().take(LENGTH).enumerate() {
        if position > 0 && position % GROUP == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}

/// The normal form of what a person typed: lower case, without blanks and dashes, lookalikes as the digit
/// that was meant (`o` is 0, `i` and `l` are 1).
pub fn normalise(typed: &str) -> String {
    let meant = typed.chars().filter(|c| !c.is_whitespace() && !is_dash(*c)).flat_map(char::to_lowercase);
    meant
        .map(|c| match c {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

/// The hyphen and what word processors make of it.
const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Counting;
    use proptest::prelude::*;
    use std::collections::HashSet;

    struct Bytes([u8; 8]);
    impl Entropy for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0[..bytes.len()]);
        }
    }

    #[test]
    fn ten_codes_that_differ() {
        let codes = generate(&Counting::new());
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 10);
    }

    #[test]
    fn what_people_type_is_understood() {
        for typed in ["k7f2-9mqx-h3dt", " K7F29MQXH3DT ", "k7f2 9mqx h3dt", "k7f2–9mqx—h3dt"] {
            assert_eq!(normalise(typed), "k7f29mqxh3dt");
        }
        assert_eq!(normalise("OoIiLl-0011"), "0011110011");
    }

    proptest! {
        #[test]
        fn codes_are_readable_and_normal(bytes: [u8; 8]) {
            let code = code(&Bytes(bytes));
            prop_assert_eq!(code.len(), 14);
            prop_assert!(code.split('-').all(|group| group.len() == 4), "{}", code);
            let normal = normalise(&code);
            prop_assert_eq!(&normal, &code.replace('-', ""));
            prop_assert_eq!(normalise(&normal), normal);
        }

        #[test]
        fn each_of_the_60_bits_counts(bytes: [u8; 8], bit in 0usize..60) {
            let mut changed = bytes;
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert_ne!(code(&Bytes(bytes)), code(&Bytes(changed)));
        }

        #[test]
        fn the_normal_form_is_normal(typed in ".{0,30}") {
            let once = normalise(&typed);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
