//! How much memory the entries of lists take, about.

use super::{
    api_key::ApiKey, audit_event::AuditEvent, authentication::ApiKeyAttempt, member::Member,
    subject::Subject, target::Target,
};
use serde_json::Value as JsonValue;

/// What an entry takes beside its long texts.
const ENTRY: usize = 768;

/// About how many bytes of memory a value takes.
pub(crate) trait Size {
    fn size(&self) -> usize {
        ENTRY
    }
}

impl Size for ApiKey {}
impl Size for Member {}
impl Size for AuditEvent {}

impl Size for ApiKeyAttempt {
    fn size(&self) -> usize {
        ENTRY + self.0.message.len() + self.0.claims.len()
    }
}

impl Size for domain::Subject {
    fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        ENTRY + text(&self.details.description) + text(&self.details.base_url)
    }
}

impl Size for domain::Target {
    fn size(&self) -> usize {
        let details = &self.details;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        ENTRY
            + text(&details.description)
            + text(&details.build_url)
            + details.metadata.as_ref().map_or(0, json)
    }
}

impl Size for Subject {
    fn size(&self) -> usize {
        self.0.size()
    }
}

impl Size for Target {
    fn size(&self) -> usize {
        self.0.size()
    }
}

impl<T: Size> Size for Vec<T> {
    fn size(&self) -> usize {
        self.iter().map(Size::size).sum()
    }
}

/// JSON in memory takes up to sixteen times its text: `[1,1,1]`.
fn json(value: &JsonValue) -> usize {
    const VALUE: usize = size_of::<JsonValue>();
    VALUE
        + match value {
            JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => 0,
            JsonValue::String(text) => text.len(),
            JsonValue::Array(values) => values.iter().map(json).sum(),
            JsonValue::Object(fields) => {
                fields.iter().map(|(name, value)| 2 * VALUE + name.len() + json(value)).sum()
            }
        }
}
