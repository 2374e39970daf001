//! What one claim must be.

use super::{ClaimName, Claims, Preset, claims::scalar};
use crate::{
    Invalid,
    text::{shown, visible_line},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most values that one condition may list.
const MAXIMUM_VALUES: usize = 20;
/// The most characters of a value or pattern.
const MAXIMUM_LENGTH: usize = 512;
/// The longest text that is shown, in characters.
pub(super) const SHOWN: usize = 200;

/// A claim and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ConditionJson", into = "ConditionJson")]
pub struct Condition {
    claim: ClaimName,
    values: Vec<String>,
    patterns: Vec<Pattern>,
}

impl Condition {
    /// The claim must be one of `values`, or match one of `patterns`. What is listed twice counts once.
    ///
    /// Claims that are no scalars (lists, objects, null, inexact numbers) match nothing; numbers and booleans are compared as text.
    ///
    /// # Errors
    /// Nothing or too much is listed, a value is empty, too long, has an invisible character or a `*`, which is an asterisk only in
    /// patterns, or a pattern is none ([`Pattern::parse`]).
    pub fn new<S: AsRef<str>>(claim: ClaimName, values: &[S], patterns: &[S]) -> Result<Self, Invalid> {
        let count = values.len() + patterns.len();
        if count == 0 || count > MAXIMUM_VALUES {
            return Err(Invalid::new(
                "equals",
                format!("write 1 to {MAXIMUM_VALUES} values for `{claim}`; it has {count}"),
            ));
        }
        let mut condition = Self { claim, values: Vec::new(), patterns: Vec::new() };
        for value in values {
            let value = visible_line("equals", value.as_ref(), MAXIMUM_LENGTH)?;
            if value.contains('*') {
                let claim = &condition.claim;
                return Err(Invalid::new(
                    "equals",
                    format!(
                        "`{value}` would be compared with its asterisk: write it as a pattern of `{claim}`"
                    ),
                ));
            }
            if !condition.values.contains(&value) {
                condition.values.push(value);
            }
        }
        for pattern in patterns {
            let pattern = Pattern::parse(pattern.as_ref())?;
            if !condition.patterns.contains(&pattern) {
                condition.patterns.push(pattern);
            }
        }
        Ok(condition)
    }

    /// As [`Self::new`], from texts of which those with a `*` are patterns.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_texts(claim: ClaimName, texts: &[&str]) -> Result<Self, Invalid> {
        let (patterns, values): (Vec<&str>, Vec<&str>) = texts.iter().partition(|text| text.contains('*'));
        Self::new(claim, &values, &patterns)
    }

    /// The same with one more value.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_value(&self, value: &str) -> Result<Self, Invalid> {
        let values: Vec<&str> = self.values.iter().map(String::as_str).chain([value]).collect();
        let patterns: Vec<&str> = self.patterns.iter().map(Pattern::as_str).collect();
        Self::new(self.claim.clone(), &values, &patterns)
    }

    /// The claim must be one of `values`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn any_of<S: AsRef<str>>(claim: ClaimName, values: &[S]) -> Result<Self, Invalid> {
        Self::new(claim, values, &[])
    }

    /// The claim must be `value`.
    ///
    /// # Errors
    /// As [`Self::any_of`].
    pub fn equals(claim: ClaimName, value: &str) -> Result<Self, Invalid> {
        Self::any_of(claim, &[value])
    }

    /// The claim must match `pattern`.
    ///
    /// # Errors
    /// As [`Pattern::parse`].
    pub fn pattern(claim: ClaimName, pattern: &str) -> Result<Self, Invalid> {
        Self::new(claim, &[], &[pattern])
    }

    /// Which claim.
    pub const fn claim(&self) -> &ClaimName {
        &self.claim
    }

    /// The values of which it may be any.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// The patterns of which it may match any.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The values and the patterns, as they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str).chain(self.patterns.iter().map(Pattern::as_str))
    }

    /// Whether it lists values alone.
    pub(super) const fn is_exact(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether `claims` of an issuer of `preset` meet it.
    pub fn matches(&self, preset: Preset, claims: &Claims) -> bool {
        self.claim.value(claims).and_then(scalar).is_some_and(|value| self.matches_text(preset, &value))
    }

    /// Whether a claim that is `text` meets it.
    pub(super) fn matches_text(&self, preset: Preset, text: &str) -> bool {
        let comparable = |text| preset.comparable(&self.claim, text);
        let text = comparable(text);
        self.values.iter().any(|value| comparable(value) == text)
            || self
                .patterns
                .iter()
                .any(|pattern| is_match(comparable(pattern.as_str()).as_bytes(), text.as_bytes()))
    }
}

/// What the claim must be, for people.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let like = |pattern: &Pattern| format!("like {}", pattern.as_str());
        let texts: Vec<String> = self.values.iter().cloned().chain(self.patterns.iter().map(like)).collect();
        let text = match texts.as_slice() {
            [only] => only.clone(),
            several => format!("one of {}", several.join(", ")),
        };
        f.write_str(&shown(&text, SHOWN))
    }
}

/// A pattern: `*` stands for at least one character other than `:`, `/` and control characters, so it never reaches into the next
/// part of a reference, a path or a subject. Everything else stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Checks what a person typed.
    ///
    /// # Errors
    /// Empty, too long, an invisible character, no `*`, or two of them side by side.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = visible_line("pattern", text, MAXIMUM_LENGTH)?;
        let advice = if !text.contains('*') {
            "has no *: write it as a value"
        } else if text.contains("**") {
            "has two * side by side: one stands for any number of characters, and none crosses : or /"
        } else {
            return Ok(Self(text));
        };
        Err(Invalid::new("pattern", format!("`{text}` {advice}")))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` matches `pattern`, both UTF-8. It takes at most as many steps as the product of their lengths: only the last `*`
/// that was met can be given more, because more for an earlier one leaves less for those that follow, and what no `*` may cross
/// lies in the way of all of them.
fn is_match(pattern: &[u8], text: &[u8]) -> bool {
    let is_crossable =
        |at: usize| text.get(at).is_some_and(|b| !matches!(b, b':' | b'/') && !b.is_ascii_control());
    let (mut in_pattern, mut in_text) = (0, 0);
    // Where the pattern goes on behind the last `*`, and where in the text what it stands for ends.
    let mut star: Option<(usize, usize)> = None;
    loop {
        match pattern.get(in_pattern) {
            None if in_text == text.len() => return true,
            Some(b'*') if is_crossable(in_text) => {
                (in_pattern, in_text) = (in_pattern + 1, in_text + 1);
                star = Some((in_pattern, in_text));
                continue;
            }
            Some(expected) if *expected != b'*' && text.get(in_text) == Some(expected) => {
                (in_pattern, in_text) = (in_pattern + 1, in_text + 1);
                continue;
            }
            _ => {}
        }
        match star {
            Some((behind, end)) if is_crossable(end) => {
                star = Some((behind, end + 1));
                (in_pattern, in_text) = (behind, end + 1);
            }
            _ => return false,
        }
    }
}

/// A condition in storage: a claim with `equals`, `patterns` or both.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionJson {
    claim: ClaimName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    equals: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    patterns: Vec<String>,
    /// What was written when a claim had one pattern at most.
    #[serde(default, skip_serializing)]
    pattern: Option<String>,
}

impl TryFrom<ConditionJson> for Condition {
    type Error = Invalid;

    fn try_from(json: ConditionJson) -> Result<Self, Invalid> {
        match (json.pattern, json.equals.as_slice(), json.patterns.as_slice()) {
            (None, values, patterns) => Self::new(json.claim, values, patterns),
            (Some(pattern), [], []) => Self::pattern(json.claim, &pattern),
            (Some(_), ..) => Err(Invalid::new(
                "conditions",
                format!("give `{}` either `equals` and `patterns` or `pattern`", json.claim),
            )),
        }
    }
}

impl From<Condition> for ConditionJson {
    fn from(condition: Condition) -> Self {
        let patterns = condition.patterns.into_iter().map(|pattern| pattern.0).collect();
        Self { claim: condition.claim, equals: condition.values, patterns, pattern: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim() -> ClaimName {
        ClaimName::parse("ref").unwrap()
    }

    #[test]
    fn a_star_stands_for_something_and_crosses_neither_slash_nor_colon() {
        for (pattern, text, expected) in [
            ("refs/heads/*", "refs/heads/main", true),
            ("refs/heads/*", "refs/heads/", false),
            ("refs/heads/*", "refs/heads/a/b", false),
            ("refs/heads/*", "refs/heads/a:b", false),
            ("refs/heads/*", "Refs/heads/main", false),
            ("refs/heads/*", "xrefs/heads/main", false),
            ("refs/*/main", "refs/heads/main", true),
            ("refs/*/main", "refs/heads/x/main", false),
            ("release-*-*", "release-1-2", true),
            ("release-*-*", "release-1-2-3", true),
            ("release-*-*", "release--2", false),
            ("*a*b", "xaab", true),
            ("*a*b", "aab", false),
            ("*", "x", true),
            ("*", "", false),
            ("v*.*.*", "v1.2.3", true),
            ("v*.*.*", "v1.2.", false),
            ("repo:acme/*:ref", "repo:acme/shop:ref", true),
            ("repo:acme/*:ref", "repo:acme/shop:x:ref", false),
            ("ä*ö", "äüö", true),
            ("ä*ö", "äö", false),
            ("*", "ü", true),
        ] {
            let condition = Condition::pattern(claim(), pattern).unwrap();
            assert_eq!(condition.matches_text(Preset::AnyOidc, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_large_hostile_claim_is_judged_quickly() {
        let pattern = format!("{}b", "*a".repeat(MAXIMUM_LENGTH / 2 - 1));
        let condition = Condition::pattern(claim(), &pattern).unwrap();
        let text = "a".repeat(16 * 1024);
        assert!(!condition.matches_text(Preset::AnyOidc, &text));
        assert!(condition.matches_text(Preset::AnyOidc, &format!("{text}b")));
    }

    #[test]
    fn conditions_that_say_nothing_are_rejected() {
        let no_values: [&str; 0] = [];
        let many: Vec<_> = (0..=MAXIMUM_VALUES).map(|number| number.to_string()).collect();
        for (rejection, field) in [
            (Condition::any_of(claim(), &no_values), "equals"),
            (Condition::any_of(claim(), &many), "equals"),
            (Condition::equals(claim(), " "), "equals"),
            (Condition::equals(claim(), &"x".repeat(MAXIMUM_LENGTH + 1)), "equals"),
            (Condition::equals(claim(), "a\u{202E}b"), "equals"),
            (Condition::equals(claim(), "refs/heads/*"), "equals"),
            (Condition::pattern(claim(), ""), "pattern"),
            (Condition::pattern(claim(), "refs/heads/main"), "pattern"),
            (Condition::pattern(claim(), "refs/heads/**"), "pattern"),
            (Condition::pattern(claim(), &"*x".repeat(MAXIMUM_LENGTH)), "pattern"),
        ] {
            assert_eq!(rejection.unwrap_err().field, field);
        }
        let twice = Condition::any_of(claim(), &["a", "a", "b"]).unwrap();
        assert_eq!(twice.values(), ["a".to_owned(), "b".to_owned()]);
        assert_eq!(twice.to_string(), "one of a, b");
    }

    #[test]
    fn values_and_patterns_stand_beside_each_other() {
        let both = Condition::of_texts(claim(), &["main", "feature/*", "release/*", "feature/*"]).unwrap();
        assert_eq!(both.to_string(), "one of main, like feature/*, like release/*");
        for (text, expected) in [("main", true), ("feature/a", true), ("release/1", true), ("fix/a", false)] {
            assert_eq!(both.matches_text(Preset::AnyOidc, text), expected, "{text}");
        }
        assert!(!both.is_exact());
        let wider = both.with_value("fix/a").unwrap();
        assert!(
            wider.matches_text(Preset::AnyOidc, "fix/a") && wider.matches_text(Preset::AnyOidc, "feature/b")
        );
        let json = serde_json::to_string(&both).unwrap();
        assert_eq!(json, r#"{"claim":"ref","equals":["main"],"patterns":["feature/*","release/*"]}"#);
        assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), both);
    }

    #[test]
    fn json_names_how_to_match_and_nothing_else() {
        let read = serde_json::from_str::<Condition>;
        assert_eq!(
            read(r#"{"claim":"ref","equals":["a"]}"#).unwrap(),
            Condition::equals(claim(), "a").unwrap()
        );
        for bad in [
            r#"{"claim":"ref"}"#,
            r#"{"claim":"ref","equals":["a"],"pattern":"a*"}"#,
            r#"{"claim":"ref","patterns":["b*"],"pattern":"a*"}"#,
            r#"{"claim":"ref","equals":["a*"]}"#,
            r#"{"claim":"ref","patterns":["a"]}"#,
            r#"{"claim":"ref","equals":"a"}"#,
            r#"{"claim":"ref","equals":[]}"#,
            r#"{"claim":"","equals":["a"]}"#,
            r#"{"claim":"ref","equals":["a"],"regex":"a"}"#,
            r#"{"equals":["a"]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    /// The same by trying everything.
    fn is_match_slowly(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (1..=text.len())
                .take_while(|end| !matches!(text[end - 1], b':' | b'/'))
                .any(|end| is_match_slowly(rest, &text[end..])),
            Some((b, rest)) => {
                text.split_first().is_some_and(|(c, left)| b == c && is_match_slowly(rest, left))
            }
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_trying_everything_finds(pattern in "[ab*:/]{0,8}", text in "[ab:/]{0,12}") {
            prop_assert_eq!(
                is_match(pattern.as_bytes(), text.as_bytes()),
                is_match_slowly(pattern.as_bytes(), text.as_bytes())
            );
        }

        #[test]
        fn what_a_pattern_matches_has_as_many_parts_as_it(pattern in "[aä*:/]{1,12}", text in "\\PC{0,12}") {
            if let Ok(condition) = Condition::pattern(claim(), &pattern)
                && condition.matches_text(Preset::AnyOidc, &text)
            {
                let parts = |text: &str| text.chars().filter(|c| matches!(c, ':' | '/')).collect::<String>();
                prop_assert_eq!(parts(&text), parts(&pattern));
            }
        }

        #[test]
        fn a_condition_reads_back_from_json(values in prop::collection::vec("[a-z:/]{1,9}", 1..5), is_pattern in any::<bool>()) {
            let condition = if is_pattern {
                Condition::pattern(claim(), &values.join("*")).or_else(|_| Condition::any_of(claim(), &values)).unwrap()
            } else {
                Condition::any_of(claim(), &values).unwrap()
            };
            let json = serde_json::to_string(&condition).unwrap();
            prop_assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
        }
    }
}
