//! The parameters of a request (GraphQL over HTTP, Request Parameters), from a body or a URL.

use crate::http::rejection::RequestRejection;
use serde::Deserialize;
use serde_json::{Map, Value as JsonValue};
use std::borrow::Cow;

/// A request that is well formed. Whether its document is, nobody knows yet.
#[derive(Debug)]
pub(crate) struct Params {
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Map<String, JsonValue>,
}

/// The parameters before their types are known. Others are ignored, as the specification asks.
#[derive(Default, Deserialize)]
struct Raw {
    query: Option<JsonValue>,
    #[serde(rename = "operationName")]
    operation_name: Option<JsonValue>,
    variables: Option<JsonValue>,
    extensions: Option<JsonValue>,
}

impl Params {
    /// Reads a JSON body.
    pub(crate) fn of_body(body: &[u8]) -> Result<Self, RequestRejection> {
        // Serde would read the parameters from a list too: only an object names them.
        match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => {
                return Err(RequestRejection::bad_request(
                    "the body is empty: send a JSON object with `query`",
                ));
            }
            Some(b'[') => {
                return Err(RequestRejection::bad_request(
                    "batches are not supported: send one request object at a time",
                ));
            }
            Some(_) => {}
        }
        let raw: Raw = read(body).map_err(|error| {
            // The library's own sentence may quote what was sent, a secret for instance: only the place is told.
            let (line, column) = (error.line(), error.column());
            RequestRejection::bad_request(match error.classify() {
                serde_json::error::Category::Data => format!(
                    "the body must be a JSON object that has each parameter once (line {line}, column {column})"
                ),
                _ => format!("the body is not JSON (line {line}, column {column})"),
            })
        })?;
        raw.check()
    }

    /// Reads the query component of a URL.
    pub(crate) fn of_url(query: &str) -> Result<Self, RequestRejection> {
        let mut raw = Raw::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "query" => &mut raw.query,
                "operationName" => &mut raw.operation_name,
                "variables" => &mut raw.variables,
                "extensions" => &mut raw.extensions,
                _ => continue,
            };
            let value = match &*name {
                "variables" | "extensions" => json_of(&name, &value)?,
                _ => Cow::into_owned(value).into(),
            };
            if place.replace(value).is_some() {
                return Err(RequestRejection::bad_request(format!("`{name}` stands twice in the URL")));
            }
        }
        raw.check()
    }
}

/// Reads JSON in which JavaScript may have cut a string between the halves of a surrogate pair.
fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body).or_else(|error| match with_whole_pairs(body) {
        Some(body) => serde_json::from_slice(&body),
        None => Err(error),
    })
}

/// The body with U+FFFD for each escape of half a pair, in the same length; none if there is no such escape.
fn with_whole_pairs(body: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut whole, mut found, mut at) = (body.to_vec(), false, 0);
    while at < body.len() {
        at += match (body.get(at), unit(at)) {
            (_, Some(0xD800..=0xDBFF)) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            (_, Some(0xD800..=0xDFFF)) => {
                whole.get_mut(at..at + 6)?.copy_from_slice(b"\\uFFFD");
                found = true;
                6
            }
            (Some(b'\\'), _) => 2,
            _ => 1,
        };
    }
    found.then_some(whole)
}

fn json_of(name: &str, text: &str) -> Result<JsonValue, RequestRejection> {
    if text.is_empty() {
        return Ok(JsonValue::Null);
    }
    serde_json::from_str(text)
        .map_err(|_| RequestRejection::bad_request(format!("`{name}` in the URL must be a JSON object")))
}

impl Raw {
    fn check(self) -> Result<Params, RequestRejection> {
        let query = match self.query {
            Some(JsonValue::String(query)) => query,
            None | Some(JsonValue::Null) => {
                return Err(RequestRejection::bad_request(
                    "`query` is missing: it holds the GraphQL document, like { viewer { name } }",
                ));
            }
            Some(other) => return Err(wrong_type("query", "a string", &other)),
        };
        let operation_name = match self.operation_name {
            None | Some(JsonValue::Null) => None,
            // An empty name is none.
            Some(JsonValue::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(other) => return Err(wrong_type("operationName", "a string or null", &other)),
        };
        map("extensions", self.extensions)?;
        Ok(Params { query, operation_name, variables: map("variables", self.variables)? })
    }
}

fn map(name: &str, value: Option<JsonValue>) -> Result<Map<String, JsonValue>, RequestRejection> {
    match value {
        None | Some(JsonValue::Null) => Ok(Map::new()),
        Some(JsonValue::Object(map)) => Ok(map),
        Some(other) => Err(wrong_type(name, "an object or null", &other)),
    }
}

fn wrong_type(name: &str, expected: &str, found: &JsonValue) -> RequestRejection {
    let found = match found {
        JsonValue::Null => "null",
        JsonValue::Bool(_) => "a boolean",
        JsonValue::Number(_) => "a number",
        JsonValue::String(_) => "a string",
        JsonValue::Array(_) => "a list",
        JsonValue::Object(_) => "an object",
    };
    RequestRejection::bad_request(format!("`{name}` must be {expected}; it is {found}"))
}
