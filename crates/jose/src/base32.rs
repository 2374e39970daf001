//! Base32 without padding, in the two alphabets that people meet: RFC 4648 §6, which authenticator apps
//! read, and Crockford's, whose letters cannot be mistaken for one another.

/// RFC 4648 §6.
pub(crate) const RFC_4648: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Crockford's, in lower case: no `i`, `l`, `o` and `u`.
pub(crate) const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Appends the text of `bytes`; the last character is filled up with zero bits.
pub(crate) fn append(text: &mut String, bytes: &[u8], alphabet: &[u8; 32]) {
    let mut waiting = 0u32;
    let mut bits = 0u32;
    for byte in bytes {
        waiting = (waiting << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(digit(alphabet, waiting >> bits));
            waiting &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        text.push(digit(alphabet, waiting << (5 - bits)));
    }
}

fn digit(alphabet: &[u8; 32], value: u32) -> char {
    let position = usize::try_from(value & 31).unwrap_or(0);
    alphabet.get(position).map_or('0', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4648_section_10_without_padding() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            let mut text = String::new();
            append(&mut text, bytes.as_bytes(), RFC_4648);
            assert_eq!(text, expected);
        }
    }
}
