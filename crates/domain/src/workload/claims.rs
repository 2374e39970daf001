//! A token's claims, and the names of those that conditions speak of.

use super::{AssertionRejection, RejectionReason};
use crate::{Invalid, text::visible_line};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// The claims of one token (RFC 7519 §4).
pub type Claims = serde_json::Map<String, Value>;

/// Reads the payload of a token.
///
/// # Errors
/// No JSON object, or one in which a name stands twice at any depth: two readers could take different ones (RFC 7519 §4).
pub fn parse_claims(payload: &[u8]) -> Result<Claims, AssertionRejection> {
    let reject = |why: &dyn fmt::Display| {
        AssertionRejection::new(
            RejectionReason::Form,
            format!("the payload must be one JSON object whose names are unique: {why}"),
        )
    };
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let value = UniqueNames.deserialize(&mut reader).map_err(|error| reject(&error))?;
    reader.end().map_err(|error| reject(&error))?;
    match value {
        Value::Object(claims) => Ok(claims),
        _ => Err(reject(&"it is another kind of value")),
    }
}

/// Reads any JSON in which no object has a name twice.
struct UniqueNames;

impl<'de> DeserializeSeed<'de> for UniqueNames {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Claims::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Self)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands in it twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// The name of a claim: the names that lead to it, from the outermost in. CircleCI's names contain slashes and dots, and those
/// of Kubernetes lie in objects, so neither separates them by itself.
///
/// Its text is the name itself (`ref`, `oidc.circleci.com/project-id`), or a JSON Pointer (RFC 6901) if the claim lies in objects or its
/// name begins with a slash: `/kubernetes.io/serviceaccount/name`, `/https:~1~1sts.amazonaws.com~1/principal_tags/team`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimName(Vec<String>);

impl ClaimName {
    /// The most characters of its text.
    pub const MAXIMUM: usize = 256;
    /// The most names that lead to a claim.
    pub const DEPTH: usize = 4;

    /// Reads the text.
    ///
    /// # Errors
    /// Empty or too long, an invisible character, an empty name, `~` without 0 or 1 in a pointer, or too many names.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = visible_line("claim", text, Self::MAXIMUM)?;
        let Some(pointer) = text.strip_prefix('/') else { return Ok(Self(vec![text])) };
        let names = pointer.split('/').map(unescape).collect::<Option<Vec<_>>>();
        match names {
            Some(names) if names.len() <= Self::DEPTH && names.iter().all(|name| !name.is_empty()) => {
                Ok(Self(names))
            }
            _ => Err(Invalid::new(
                "claim",
                format!(
                    "`{text}` is no JSON Pointer of 1 to {} names: write it like /kubernetes.io/namespace, \
                     with ~1 for a slash in a name and ~0 for a tilde",
                    Self::DEPTH
                ),
            )),
        }
    }

    /// The name of a claim that this program knows.
    pub(super) fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// The names that lead to the claim.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether it is the claim that `names` lead to.
    pub fn is(&self, names: &[&str]) -> bool {
        self.0.iter().map(String::as_str).eq(names.iter().copied())
    }

    /// The claim's value. Lists are not entered.
    pub fn value<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        value_at(claims, self.0.iter().map(String::as_str))
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [name] if !name.starts_with('/') => f.write_str(name),
            names => {
                names.iter().try_for_each(|name| write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")))
            }
        }
    }
}

fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('~');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = part
            .strip_prefix('0')
            .map(|rest| ('~', rest))
            .or_else(|| Some(('/', part.strip_prefix('1')?)))?;
        plain.push(sign);
        plain.push_str(rest);
    }
    Some(plain)
}

/// The value that `names` lead to.
pub(super) fn value_at<'c, 'n>(
    claims: &'c Claims,
    mut names: impl Iterator<Item = &'n str>,
) -> Option<&'c Value> {
    let outermost = claims.get(names.next()?)?;
    names.try_fold(outermost, |value, name| value.as_object()?.get(name))
}

/// A value that can be compared, as text: a string, `true` or `false`, or a whole number of up to 64 bits. Other numbers are not
/// exact once they are read, so two of them could be taken for one.
pub(super) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The comparable value that `names` lead to.
pub(super) fn scalar_at<'c>(claims: &'c Claims, names: &[&str]) -> Option<Cow<'c, str>> {
    scalar(value_at(claims, names.iter().copied())?)
}

impl<'de> Deserialize<'de> for ClaimName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl serde::Serialize for ClaimName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn payloads_with_a_name_twice_are_rejected() {
        for bad in [
            r#"{"repository_id":"1","repository_id":"2"}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":[{"b":1,"\u0062":2}]}"#,
            r#"{"a":1} {"#,
            r#"["a"]"#,
            r#""a""#,
            "",
            "{\"a\":\"\u{0}\"}",
        ] {
            assert_eq!(parse_claims(bad.as_bytes()).unwrap_err().reason, RejectionReason::Form, "{bad}");
        }
        assert!(parse_claims(&[b'{', 0xff]).is_err());
        assert!(parse_claims("[".repeat(16_000).as_bytes()).is_err());
        let text = r#"{"a":[1,-2,1.5,true,null,{"b":"c"}],"d":18446744073709551615}"#;
        assert_eq!(
            Value::Object(parse_claims(text.as_bytes()).unwrap()),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn claims_are_found_by_their_whole_names() {
        let Value::Object(claims) = json!({
            "oidc.circleci.com/project-id": "p", "kubernetes.io": { "namespace": "shop", "pods": [{ "name": "x" }] },
            "https://sts.amazonaws.com/": { "principal_tags": { "a~b": "c" } }, "/odd": 1,
        }) else {
            panic!("no object");
        };
        for (text, found) in [
            ("oidc.circleci.com/project-id", Some("p")),
            ("/oidc.circleci.com~1project-id", Some("p")),
            ("/oidc.circleci.com/project-id", None),
            ("/kubernetes.io/namespace", Some("shop")),
            ("kubernetes.io.namespace", None),
            ("kubernetes.io/namespace", None),
            ("/kubernetes.io/pods/0/name", None),
            ("/https:~1~1sts.amazonaws.com~1/principal_tags/a~0b", Some("c")),
            ("/~1odd", Some("1")),
        ] {
            let claim = ClaimName::parse(text).unwrap();
            let value = claim.value(&claims).and_then(scalar);
            assert_eq!(value.as_deref(), found, "{text}");
        }
        for bad in ["", "/", "/a//b", "/a/", "/a~", "/a~2", "/a/b/c/d/e", "a\u{200B}b", &"a".repeat(257)] {
            assert_eq!(ClaimName::parse(bad).unwrap_err().field, "claim", "{bad}");
        }
    }

    #[test]
    fn only_exact_scalars_are_compared() {
        for (value, text) in [
            (json!("1"), Some("1")),
            (json!(1), Some("1")),
            (json!(-1), Some("-1")),
            (json!(u64::MAX), Some("18446744073709551615")),
            (json!(true), Some("true")),
            (json!(1.0), None),
            (serde_json::from_str("112233445566778899001").unwrap(), None),
            (json!(null), None),
            (json!(["1"]), None),
            (json!({ "1": "1" }), None),
        ] {
            assert_eq!(scalar(&value).as_deref(), text, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_name_reads_back_from_its_text(names in prop::collection::vec("[a-z~/.:0-9]{1,12}", 1..=ClaimName::DEPTH)) {
            let claim = ClaimName(names);
            prop_assert_eq!(ClaimName::parse(&claim.to_string()).unwrap(), claim);
        }
    }
}
