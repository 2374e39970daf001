//! Text that people type: labels, names, addresses. Trimmed, bounded, and free of what nobody can see.

use crate::Invalid;
use std::fmt;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Characters that Unicode counts as letters or symbols but fonts draw as nothing.
const BLANK_LOOKALIKES: [char; 6] = ['\u{115F}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{FFA0}', '\u{034F}'];

fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
    ) || BLANK_LOOKALIKES.contains(&c)
}

/// Trims `text` and rejects it unless it has 1 to `maximum` visible characters.
pub(crate) fn visible_line(field: &'static str, text: &str, maximum: usize) -> Result<String, Invalid> {
    let trimmed = text.trim();
    if let Some((position, c)) = trimmed.chars().enumerate().find(|(_, c)| is_invisible(*c)) {
        return Err(Invalid::new(
            field,
            format!("remove the invisible character U+{:04X} at position {}", u32::from(c), position + 1),
        ));
    }
    match trimmed.chars().count() {
        0 => Err(Invalid::new(field, format!("write 1 to {maximum} visible characters; it is empty"))),
        length if length > maximum => {
            Err(Invalid::new(field, format!("write at most {maximum} characters; it has {length}")))
        }
        _ => Ok(trimmed.to_owned()),
    }
}

/// One line that a program reports, of 1 to `maximum` UTF-16 units: what nobody can see is taken out of it instead of being
/// rejected, and spaces of any kind become one. Joiners stay: emoji and Persian are written with them.
pub(crate) fn reported_line(field: &'static str, text: &str, maximum: usize) -> Result<String, Invalid> {
    let is_joiner = |c: char| matches!(c, '\u{200C}' | '\u{200D}');
    let cleaned: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| is_joiner(*c) || !is_invisible(*c))
        .collect();
    let trimmed = cleaned.trim_matches(|c| c == ' ' || is_joiner(c));
    match trimmed.encode_utf16().count() {
        0 => Err(Invalid::new(field, format!("write 1 to {maximum} visible characters; it is empty"))),
        length if length > maximum => Err(Invalid::new(
            field,
            format!("write at most {maximum} characters (UTF-16 units); it has {length}"),
        )),
        _ => Ok(trimmed.to_owned()),
    }
}

/// What somebody sent, to be looked at: what nobody can see is written out (`<U+202E>`), and what is beyond `maximum` characters
/// is cut off and stands as `...`.
pub fn shown(text: &str, maximum: usize) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters
        .by_ref()
        .take(maximum)
        .map(|c| if is_invisible(c) { format!("<U+{:04X}>", u32::from(c)) } else { c.to_string() })
        .collect();
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

/// A name that a program reports, cut to `maximum` characters: what nobody can see is taken out of it, joiners too, and spaces of
/// any kind become one. Nothing if nothing is left.
pub(crate) fn reported_name(text: &str, maximum: usize) -> Option<String> {
    let cleaned: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .take(maximum)
        .collect();
    let trimmed = cleaned.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Rejects text of several lines that is over `maximum` characters or holds control characters other than line breaks and tabs.
pub(crate) fn paragraph(field: &'static str, text: &str, maximum: usize) -> Result<String, Invalid> {
    let length = text.chars().count();
    if length > maximum {
        return Err(Invalid::new(field, format!("write at most {maximum} characters; it has {length}")));
    }
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some(c) => Err(Invalid::new(field, format!("remove the control character U+{:04X}", u32::from(c)))),
        None => Ok(text.to_owned()),
    }
}

/// An `http` or `https` URL with a host, at most 2,048 characters.
pub(crate) fn web_url(field: &'static str, text: &str) -> Result<String, Invalid> {
    let rejection = || Invalid::new(field, "write a whole URL, like https://shop.example/");
    let text = text.trim();
    // The URL parser drops or encodes what nobody can see; what is stored must be what was read.
    if text.chars().any(is_invisible) {
        return Err(rejection());
    }
    let parsed = url::Url::parse(text).map_err(|_| rejection())?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() || text.len() > 2048 {
        return Err(rejection());
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Invalid::new(field, "remove the user name and password from the URL"));
    }
    Ok(text.to_owned())
}

macro_rules! lines {
    ($($(#[$doc:meta])* $name:ident($field:literal, $maximum:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The most characters that it may have.
            pub const MAXIMUM: usize = $maximum;

            /// Trims and checks what a person typed.
            ///
            /// # Errors
            /// Empty, too long, or with an invisible character; the message says which and where.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                visible_line($field, text, $maximum).map(Self)
            }

            /// The text.
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

lines! {
    /// An API key's label: 1 to 64 visible characters.
    Label("label", 64);
    /// The name of an organisation, a product or a person: 1 to 200 visible characters.
    Name("name", 200);
}

/// A person's e-mail address, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Checks the shape `local@domain` and lowers the case.
    ///
    /// # Errors
    /// Not one `@` with text on both sides, blanks or invisible characters inside, or over 254 characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let rejection = || Invalid::new("email", "write an address like ada@example.org");
        let line = visible_line("email", text, 254)?.to_lowercase();
        let (local, domain) = line.split_once('@').ok_or_else(rejection)?;
        let plain = |part: &str| !part.is_empty() && !part.contains(['@', ' ', '<', '>', ',', '"']);
        if plain(local) && plain(domain) { Ok(Self(line)) } else { Err(rejection()) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_programs_report_is_cleaned_and_joiners_stay() {
        for (reported, kept) in [
            (
                "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} preview",
                "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} preview",
            ),
            ("می\u{200C}خواهم", "می\u{200C}خواهم"),
            ("\u{FEFF}feat\u{200B}: a\u{202E}b\u{7}\u{A0}c\n", "feat: ab c"),
        ] {
            assert_eq!(reported_line("name", reported, 255).unwrap(), kept);
        }
        for nothing in ["", " \u{200D}\u{200C} ", "\u{3164}\u{2800}"] {
            assert!(reported_line("name", nothing, 255).is_err(), "{nothing:?}");
        }
        // An emoji beyond the first plane is two units.
        assert!(reported_line("name", &"\u{1F600}".repeat(127), 255).is_ok());
        assert!(reported_line("name", &"\u{1F600}".repeat(128), 255).is_err());
    }

    #[test]
    fn what_is_shown_has_nothing_hidden_and_is_cut() {
        assert_eq!(shown("a\u{202E}b\n\u{200D}", 10), "a<U+202E>b<U+000A><U+200D>");
        assert_eq!(shown("ab", 2), "ab");
        assert_eq!(shown("äbc", 2), "äb...");
        assert_eq!(reported_name(" a\u{202E}\u{200D}b\u{A0}\tc ", 10).unwrap(), "ab  c");
        assert_eq!(reported_name("abcdef", 3).unwrap(), "abc");
        assert_eq!(reported_name("\u{200B}\n", 3), None);
    }

    #[test]
    fn labels_of_0_65_or_invisible_characters_are_rejected() {
        assert!(Label::parse("   ").is_err());
        assert!(Label::parse(&"x".repeat(65)).is_err());
        assert_eq!(Label::parse(&"ü".repeat(64)).unwrap().as_str().chars().count(), 64);
        assert_eq!(Label::parse("  GitHub Actions ").unwrap().as_str(), "GitHub Actions");
        for invisible in ["a\u{200B}b", "\u{3164}", "a\u{202E}b", "a\nb", "a\u{7}", "\u{2800}", "a\u{A0}b"] {
            let rejection = Label::parse(invisible).unwrap_err();
            assert!(rejection.message.contains("U+"), "{invisible:?} gave {rejection}");
        }
    }

    #[test]
    fn urls_are_web_addresses_without_credentials() {
        assert!(web_url("baseUrl", "https://shop.example/a?b").is_ok());
        for bad in [
            "javascript:alert(1)",
            "shop.example",
            "https://",
            "ftp://x/",
            "https://u:p@x/",
            "https://x/\0",
            "https://x/\na",
            "https://x/\u{200B}",
            "",
        ] {
            assert!(web_url("baseUrl", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_lowered_and_checked() {
        assert_eq!(Email::parse(" Ada@Example.ORG ").unwrap().as_str(), "ada@example.org");
        for bad in ["", "ada", "@x", "a@", "a@b@c", "a b@c"] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_label_is_trimmed_bounded_and_visible(text in ".{0,80}") {
            if let Ok(label) = Label::parse(&text) {
                prop_assert_eq!(label.as_str(), label.as_str().trim());
                prop_assert!((1..=64).contains(&label.as_str().chars().count()));
                prop_assert!(label.as_str().chars().all(|c| !is_invisible(c)));
            }
        }
    }
}
