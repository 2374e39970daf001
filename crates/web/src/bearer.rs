//! Bearer tokens in requests, and the challenges for them (RFC 6750).

use http::{HeaderMap, header};

/// What a request presents in its `Authorization` header (RFC 6750 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerToken<'a> {
    /// A token, not yet checked.
    Token(&'a str),
    /// No credentials, or some of another kind.
    Nothing,
    /// Something that cannot be a token; one sentence says why.
    Unusable(&'static str),
}

impl<'a> BearerToken<'a> {
    /// Looks into the headers of a request.
    pub fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Self::Nothing,
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Self::Unusable("send exactly one Authorization header"),
        };
        let Ok(text) = value.to_str() else {
            return Self::Unusable("the Authorization header holds characters that no token has");
        };
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Self::Nothing;
        }
        match token.trim() {
            "" => Self::Unusable("no token stands behind Bearer"),
            token => Self::Token(token),
        }
    }
}

/// A text as `error_description` may have it: no quotes, no backslash, nothing beyond printable ASCII (RFC 6750 §3).
pub fn quotable(text: &str) -> String {
    let quotable = |c: char| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().map(quotable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_keep_to_the_characters_of_rfc_6750() {
        assert_eq!(quotable("a \"b\" \\ c\nü~"), "a 'b' ' c??~");
    }
}
