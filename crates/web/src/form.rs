//! Forms (`application/x-www-form-urlencoded`), read strictly: credentials must arrive as they were sent, or not at all.

use std::borrow::Cow;

/// What is wrong with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormParseError {
    /// A `%` is not followed by two hexadecimal digits, the bytes are not UTF-8, or one of them is zero.
    Encoding,
    /// A parameter stands twice (RFC 6749 §3.2 forbids it).
    Repeated,
}

/// The parameters of a form; those without a value count as left out (RFC 6749 §3.2).
#[derive(Debug)]
pub struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    /// Reads a form's body.
    ///
    /// # Errors
    /// Bad encoding, or a parameter that stands twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, FormParseError> {
        let text = std::str::from_utf8(body).map_err(|_| FormParseError::Encoding)?;
        let mut parameters: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::with_capacity(8);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or(FormParseError::Encoding)?;
            parameters.push((name, decode(value).ok_or(FormParseError::Encoding)?));
        }
        // Sorted, not each compared with all before it: a stranger's form of 100 KiB may have 30,000 names.
        let mut names: Vec<&str> = parameters.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Err(FormParseError::Repeated);
        }
        Ok(Self(parameters))
    }

    /// Every parameter, in the order in which they came.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    /// The value of `name`, unless it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        Some(&*found.1).filter(|value| !value.is_empty())
    }
}

/// Decodes one form-encoded value; `None` if it is badly encoded. A zero byte is no part of any text: PostgreSQL has no place
/// for one, and programs in C read no further.
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    decode_any(text).filter(|text| !text.contains('\0'))
}

fn decode_any(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(rest.next()?)? * 16 + hex_digit(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_empty_ones_left_out() {
        let form = Form::parse(b"a=1+2%263&b=&c&d=%C3%BC").unwrap();
        assert_eq!(
            (form.get("a"), form.get("b"), form.get("c"), form.get("d")),
            (Some("1 2&3"), None, None, Some("ü"))
        );
    }

    #[test]
    fn bad_encodings_and_repetitions_are_rejected() {
        for bad in
            [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%FF", b"a=\xFF", b"a=%+1", b"a=%00", b"a=\0", b"%00=a"]
        {
            assert_eq!(Form::parse(bad).unwrap_err(), FormParseError::Encoding, "{bad:?}");
        }
        assert_eq!(Form::parse(b"a=1&%61=2").unwrap_err(), FormParseError::Repeated);
    }

    #[test]
    fn many_names_take_no_longer_than_their_length() {
        let names: Vec<String> = (0..100_000).map(|number| format!("{number:x}")).collect();
        let started = std::time::Instant::now();
        let form = names.join("&");
        assert!(Form::parse(form.as_bytes()).is_ok());
        assert_eq!(Form::parse(format!("{form}&0").as_bytes()).unwrap_err(), FormParseError::Repeated);
        assert!(started.elapsed().as_secs() < 5, "each was compared with each");
    }
}
