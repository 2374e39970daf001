//! Base64url without padding (RFC 4648 §5, RFC 7515 §2), strict: every text that is accepted is the
//! only one for its bytes, so nobody can vary a token without breaking it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The text of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of `text`, or nothing if it has padding, a character outside the alphabet, an impossible
/// length or non-zero trailing bits (RFC 4648 §3.5).
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Appends the text of `bytes`, without an allocation of its own.
pub(crate) fn append(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// How many characters `length` bytes take.
pub(crate) const fn encoded_length(length: usize) -> usize {
    (length * 4).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_4648_section_10_without_padding() {
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn padding_and_foreign_alphabets_are_rejected() {
        for text in ["Zg==", "Zg=", "Zm8=", "+/8", "Zm 9v", "Zm9v\n", "Zm9vY", "Zm9vé", "Z"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn trailing_bits_that_are_not_zero_are_rejected() {
        // "Zg" is "f"; a lenient decoder would read "Zh" to "Zv" as "f" too.
        for last in "hijklmnopqrstuv".chars() {
            assert_eq!(decode(&format!("Z{last}")), None);
        }
        for text in ["Zm9", "Zm-", "Zm_"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_that_is_accepted_is_the_only_one(text in "[A-Za-z0-9_-]{0,12}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }

        #[test]
        fn bytes_come_back_and_lengths_are_exact(bytes: Vec<u8>) {
            let mut text = String::new();
            append(&mut text, &bytes);
            prop_assert_eq!(text.len(), encoded_length(bytes.len()));
            prop_assert_eq!(decode(&text).unwrap(), bytes);
        }
    }
}
