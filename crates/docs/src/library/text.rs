//! Small things about text: lines, the names of headings, addresses.

use std::fmt::Write;

/// Tells lines of a text from offsets.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect())
    }

    /// The number of the line that holds a byte, from 1.
    pub(super) fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}

/// "When an exchange is refused" becomes `when-an-exchange-is-refused`, as on code hosts.
pub(super) fn slug(words: &str) -> String {
    let lower = words.to_lowercase();
    let kept = lower.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A path as it stands in a URL.
pub(crate) fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// A path of a URL as it was meant; `None` if it is badly encoded, or holds a zero byte.
pub(crate) fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { digit(rest.next())? * 16 + digit(rest.next())? } else { byte });
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

/// A text inside HTML, also inside of an attribute.
pub(crate) fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            other => into.push(other),
        }
    }
}

/// A text as HTML in which a long identifier may be broken behind its underscores, and not within a word.
pub(crate) fn breakable(text: &str) -> String {
    let mut html = String::new();
    escape(text, &mut html);
    if text.split_whitespace().any(|word| word.len() > SHORT_NAME && word.contains('_')) {
        html = html.replace('_', "_<wbr>");
    }
    html
}

/// An identifier that is not longer fits every line.
const SHORT_NAME: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6].map(|offset| lines.at(offset)), [1, 1, 2, 2, 3, 4]);
    }

    #[test]
    fn headings_are_named_as_on_code_hosts() {
        assert_eq!(slug("`duku serve`: how & when?"), "duku-serve-how--when");
        assert_eq!(slug("Größe_2"), "größe_2");
    }

    #[test]
    fn paths_come_back_as_they_went() {
        for path in ["integrations/api-keys", "a b/ü%", "x'\"<>?#"] {
            assert_eq!(decoded(&encoded(path)).unwrap(), path);
        }
        for bad in ["%", "%4", "%zz", "%ff", "a%00b"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
