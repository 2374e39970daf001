//! Identifiers: a prefix that names the kind, then a UUIDv7 (RFC 9562) in 26 lowercase base32 characters.
//!
//! The alphabet is Crockford's, which is in ASCII order, so ids of one kind sort by the time they were made.

use crate::{Entropy, Invalid, Timestamp, entropy};
use std::fmt;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LENGTH: usize = 26;

fn encode(prefix: &str, now: Timestamp, entropy: &dyn Entropy) -> String {
    let ms = u64::try_from(now.ms()).unwrap_or(0);
    let random = entropy::random::<10>(entropy);
    let mut bits = uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid().as_u128();
    let mut digits = [0u8; ENCODED_LENGTH];
    for digit in digits.iter_mut().rev() {
        let index = usize::try_from(bits & 31).unwrap_or(0);
        *digit = ALPHABET.get(index).copied().unwrap_or(b'0');
        bits >>= 5;
    }
    let mut id = String::with_capacity(prefix.len() + ENCODED_LENGTH);
    id.push_str(prefix);
    id.extend(digits.iter().map(|digit| char::from(*digit)));
    id
}

/// Whether it stands in [`ALPHABET`]. Every id of every row that is read passes here, so it does not search.
const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'h' | b'j' | b'k' | b'm' | b'n' | b'p'..=b't' | b'v'..=b'z')
}

fn is_well_formed(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() == ENCODED_LENGTH
            && rest.bytes().all(is_digit)
            && rest.bytes().next().is_some_and(|first| first <= b'7')
    })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a new id from a time and ten random bytes.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(encode($prefix, now, entropy))
            }

            /// Reads an id that came from outside.
            ///
            /// # Errors
            /// Anything but the prefix and 26 base32 characters.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                if is_well_formed($prefix, text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Invalid::new("id", concat!("expected an id that starts with ", $prefix)))
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// An organisation, the tenant.
    OrganisationId = "org_";
    /// A person.
    UserId = "usr_";
    /// An API key; it is the key's `client_id` too.
    KeyId = "key_";
    /// A product (`Subject` in GraphQL).
    SubjectId = "sbj_";
    /// A target: one deployment of a product.
    TargetId = "smt_";
    /// An entry of the audit log.
    EventId = "evt_";
    /// An access token, or another short-lived thing that needs a name.
    TokenId = "tok_";
    /// A person's session: a browser, or a device that a user approved.
    SessionId = "ses_";
    /// An invitation into an organisation.
    InvitationId = "inv_";
    /// A person's passkey.
    PasskeyId = "pky_";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    proptest! {
        #[test]
        fn an_id_parses_back_and_sorts_by_time(a in 0i64..281_474_976_710_655, b in 0i64..281_474_976_710_655, byte: u8) {
            let first = KeyId::generate(Timestamp::from_ms(a), &Fixed(byte));
            let second = KeyId::generate(Timestamp::from_ms(b), &Fixed(byte));
            prop_assert_eq!(KeyId::parse(first.as_str()).unwrap(), first.clone());
            prop_assert_eq!(a.cmp(&b), first.cmp(&second));
        }

        #[test]
        fn anything_else_is_rejected(text in ".{0,40}") {
            prop_assume!(!is_well_formed("key_", &text));
            prop_assert!(KeyId::parse(&text).is_err());
        }
    }

    #[test]
    fn a_digit_is_what_the_alphabet_has() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_digit(byte), ALPHABET.contains(&byte), "{byte}");
        }
    }

    #[test]
    fn one_kind_is_not_another() {
        let key = KeyId::generate(Timestamp::from_ms(1), &Fixed(1));
        assert!(OrganisationId::parse(key.as_str()).is_err());
    }
}
