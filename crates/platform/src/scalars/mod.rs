//! What the leaves of arguments and answers hold.

pub(crate) mod date_time;
pub(crate) mod json;
pub(crate) mod literals;

use crate::operation::budget;
use derive_more::{Display, From, TryInto};
use juniper::ScalarValue;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{
    Value as JsonValue,
    value::{RawValue, to_raw_value},
};

/// One leaf. The library's own representation knows no nested JSON and no number beyond 32 bits; this one does.
#[derive(Debug, Clone, PartialEq, Serialize, ScalarValue, Display, From, TryInto)]
#[serde(untagged)]
pub(crate) enum ApiScalar {
    #[value(to_float, to_int)]
    #[from]
    #[try_into(ignore)]
    Int(i32),
    #[value(to_float)]
    #[from]
    #[try_into(ignore)]
    Float(f64),
    #[value(as_str, to_string)]
    String(String),
    #[value(to_bool)]
    #[from]
    #[try_into(ignore)]
    Boolean(bool),
    /// A value of the `JSON` scalar, or a number too large for `Int` on its way to be rejected.
    #[try_into(ignore)]
    Json(JsonValue),
    /// A value of the `JSON` scalar in an answer.
    #[try_into(ignore)]
    Text(JsonText),
}

/// A JSON value as it stands in an answer.
#[derive(Debug, Clone, Serialize, Display)]
#[serde(transparent)]
pub(crate) struct JsonText(Box<RawValue>);

impl JsonText {
    /// Counts it, too.
    pub(crate) fn of(value: &JsonValue) -> serde_json::Result<Self> {
        let text = to_raw_value(value)?;
        budget::text(text.get().len());
        Ok(Self(text))
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl ApiScalar {
    /// A JSON value where the schema expects something else than the `JSON` scalar.
    pub(crate) fn of_json(value: JsonValue) -> Self {
        match value {
            JsonValue::Bool(flag) => Self::Boolean(flag),
            JsonValue::String(text) => Self::String(text),
            JsonValue::Number(number) => {
                let int = number.as_i64().and_then(|int| i32::try_from(int).ok());
                match int {
                    Some(int) => Self::Int(int),
                    None if number.is_f64() => number.as_f64().map_or(Self::Json(number.into()), Self::Float),
                    None => Self::Json(number.into()),
                }
            }
            other => Self::Json(other),
        }
    }

    /// The same leaf as JSON.
    pub(crate) fn to_json(&self) -> JsonValue {
        match self {
            Self::Int(int) => (*int).into(),
            Self::Float(float) => (*float).into(),
            Self::String(text) => text.clone().into(),
            Self::Boolean(flag) => (*flag).into(),
            Self::Json(value) => value.clone(),
            Self::Text(text) => serde_json::from_str(text.0.get()).unwrap_or_default(),
        }
    }
}

impl<'de> Deserialize<'de> for ApiScalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonValue::deserialize(deserializer).map(Self::of_json)
    }
}

impl From<String> for ApiScalar {
    /// Texts of answers are made here, so here they are counted.
    fn from(text: String) -> Self {
        budget::text(text.len());
        Self::String(text)
    }
}
