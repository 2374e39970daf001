//! An entry of the audit log as the list shows it.

use super::words;
use domain::{KeyId, KeyOverview, audit::AuditEvent};
use pages::Time;
use serde_json::Value;

/// One entry.
pub(crate) struct Row {
    pub(crate) at: Time,
    pub(crate) actor: String,
    /// What kind of actor it is, unless it is a person.
    pub(crate) kind: &'static str,
    pub(crate) did: String,
    /// What it was done to: its name and its page, if it has one.
    pub(crate) object: Option<(String, Option<String>)>,
    pub(crate) address: String,
    pub(crate) details: Vec<Detail>,
}

impl Row {
    pub(crate) fn of(event: &AuditEvent, keys: &[KeyOverview]) -> Self {
        let words = words::of(&event.action);
        let details: Value = serde_json::from_str(&event.details).unwrap_or_default();
        // Who takes an invitation is written "ada@example.org, by invitation".
        let is_own = event.actor_id == event.object_id
            || (!event.object_name.is_empty()
                && event
                    .actor_name
                    .strip_prefix(&event.object_name)
                    .is_some_and(|rest| rest.starts_with(',')));
        // What an operator does to a person stands in the person's name, with the operator in the details.
        let operator = details.get("operator").and_then(Value::as_str);
        let own = Some(words.own).filter(|_| operator.is_none()).filter(|own| is_own && !own.is_empty());
        let did = match own {
            Some(own) => own.to_owned(),
            None if words.did.is_empty() => format!("did “{}” to", event.action),
            None => words.did.to_owned(),
        };
        let object = own.is_none().then(|| (name(event), link(event, &details, keys)));
        Self {
            at: pages::moment(&event.at),
            actor: match operator {
                Some(operator) => operator.to_owned(),
                None if event.actor_kind == "system" => "Duku".to_owned(),
                None if event.actor_name == "operator" => "An operator".to_owned(),
                None => event.actor_name.clone(),
            },
            kind: match event.actor_kind.as_str() {
                "operator" if event.actor_name == "operator" => "",
                _ if operator.is_some() => "operator",
                "api_key" => "API key",
                "operator" => "operator",
                _ => "",
            },
            did,
            address: event.address.clone().unwrap_or_default(),
            // The way to a target says whose it is.
            details: described(&details, object.as_ref().is_some_and(|(_, page)| page.is_some())),
            object,
        }
    }
}

fn name(event: &AuditEvent) -> String {
    if event.object_name.is_empty() { event.object_id.clone() } else { event.object_name.clone() }
}

/// The page of what an entry is about, as far as it can be there still.
fn link(event: &AuditEvent, details: &Value, keys: &[KeyOverview]) -> Option<String> {
    let id = event.object_id.as_str();
    if event.action.ends_with(".deleted") {
        return None;
    }
    match id.split_once('_')?.0 {
        "key" if keys.iter().any(|one| one.key.id.as_str() == id) => Some(format!("/settings/api-keys/{id}")),
        // What a key was called that is gone, its other entries say.
        "key" if KeyId::parse(id).is_ok() => Some(format!("/settings/audit?object={id}")),
        "sbj" => Some(format!("/p/{id}")),
        "smt" => Some(format!("/p/{}/t/{id}", details.get("subject")?.as_str()?)),
        "org" => Some("/settings/organisation".to_owned()),
        _ => None,
    }
}

/// What else an entry says: words, and an instant after them if it is about one.
#[derive(Debug, PartialEq)]
pub(crate) struct Detail {
    pub(crate) text: String,
    pub(crate) at: Option<Time>,
}

fn described(details: &Value, without_subject: bool) -> Vec<Detail> {
    let Value::Object(details) = details else { return Vec::new() };
    let said = details.iter().filter(|(key, value)| {
        let is_said_already = key.as_str() == "operator" || (without_subject && key.as_str() == "subject");
        !value.is_null() && !is_said_already
    });
    said.filter_map(|(key, value)| detail(key, value, details.contains_key("role"))).collect()
}

/// One detail; none if it says nothing.
fn detail(key: &str, value: &Value, of_role: bool) -> Option<Detail> {
    let before = match key {
        "expires_at" => "expires",
        "grace_until" => "the previous secret works until",
        "signs_from" => "signs from",
        _ => "",
    };
    if let Some(at) = value.as_str().filter(|_| !before.is_empty()).and_then(pages::moment_of) {
        return Some(Detail { text: before.to_owned(), at: Some(at) });
    }
    Some(Detail { text: words(key, value, of_role)?, at: None })
}

fn words(key: &str, value: &Value, of_role: bool) -> Option<String> {
    let text = plain(value);
    let said = match (key, value) {
        ("ended_issued_tokens", Value::Bool(ended)) => {
            return ended.then(|| "issued tokens were ended".to_owned());
        }
        ("second_factor", Value::Bool(true)) => "with a second factor".to_owned(),
        ("second_factor", Value::Bool(false)) => "without a second factor".to_owned(),
        ("required", Value::Bool(true)) => "it is required now".to_owned(),
        ("required", Value::Bool(false)) => "it is not required any more".to_owned(),
        ("times", Value::Number(_)) => counted(value, "time", "times"),
        ("left", Value::Number(_)) => format!("{} left", counted(value, "code", "codes")),
        ("targets", Value::Number(_)) => format!("with {}", counted(value, "target", "targets")),
        ("default_days", Value::Number(_)) => format!("{} by default", counted(value, "day", "days")),
        ("maximum_days", Value::Number(_)) => format!("{} at most", counted(value, "day", "days")),
        ("role", _) => format!("as {}", role(&text)),
        ("before", _) if of_role => format!("{} before", role(&text)),
        ("before", _) => format!("before “{text}”"),
        ("by", _) if text == "change" => "with the former password".to_owned(),
        ("by", _) if text == "operator" => "by an operator".to_owned(),
        ("by", _) => format!("by {text}"),
        ("session", _) if text == "all others" => text,
        ("passkey", _) => format!("“{text}”"),
        ("device", _) => format!("on {text}"),
        ("subject", _) => format!("product {text}"),
        ("workload", _) => format!("in {text}"),
        ("session" | "version" | "environment", _) => format!("{key} {text}"),
        _ => format!("{}: {text}", key.replace('_', " ")),
    };
    Some(said)
}

fn counted(number: &Value, one: &str, many: &str) -> String {
    format!("{number} {}", if number.as_i64() == Some(1) { one } else { many })
}

fn role(word: &str) -> &str {
    match word {
        "admin" => "Admin",
        "member" => "Member",
        other => other,
    }
}

/// A value without the marks of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let pairs =
                fields.iter().map(|(key, value)| format!("{} {}", key.replace('_', " "), plain(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use serde_json::json;

    fn event(action: &str, object: (&str, &str), details: &Value) -> AuditEvent {
        AuditEvent {
            id: "evt_1".into(),
            chain: "org_1".into(),
            sequence: 1,
            at: Timestamp::from_ms(0),
            actor_kind: "person".into(),
            actor_id: "usr_1".into(),
            actor_name: "ada@acme.example".into(),
            action: action.into(),
            object_id: object.0.into(),
            object_name: object.1.into(),
            details: details.to_string(),
            address: None,
            previous_hash: String::new(),
            hash: String::new(),
        }
    }

    #[test]
    fn an_entry_is_a_sentence_with_a_way_to_its_object() {
        let keys = [crate::template_tests::key("CI")];
        let id = keys[0].key.id.as_str();
        let row = Row::of(&event("api_key.rotated", (id, "CI"), &json!({})), &keys);
        assert_eq!(row.did, "rotated the API key");
        assert_eq!(row.object, Some(("CI".into(), Some(format!("/settings/api-keys/{id}")))));
        let gone = Row::of(&event("api_key.rotated", ("key_2", ""), &json!({})), &keys);
        assert_eq!(gone.object, Some(("key_2".into(), None)));
        let target =
            Row::of(&event("target.updated", ("smt_1", "Staging"), &json!({"subject": "sbj_1"})), &[]);
        assert_eq!(target.object, Some(("Staging".into(), Some("/p/sbj_1/t/smt_1".into()))));
    }

    #[test]
    fn what_people_do_to_themselves_needs_no_object() {
        let own = Row::of(&event("person.signed_in", ("usr_1", "ada@acme.example"), &json!({})), &[]);
        assert_eq!((own.did.as_str(), own.object), ("signed in", None));
        let joined = AuditEvent {
            actor_name: "max@acme.example, by invitation".into(),
            ..event("member.added", ("usr_2", "max@acme.example"), &json!({}))
        };
        assert_eq!(Row::of(&joined, &[]).did, "joined");
    }

    #[test]
    fn an_action_of_a_newer_version_is_shown_by_its_word() {
        assert_eq!(
            Row::of(&event("moon.landed", ("x", "Moon"), &json!({})), &[]).did,
            "did “moon.landed” to"
        );
    }

    #[test]
    fn details_are_words() {
        let said = |details: Value| {
            let text = |detail: Detail| {
                format!("{} {}", detail.text, detail.at.map_or_else(String::new, |at| at.to_string()))
            };
            described(&details, false)
                .into_iter()
                .map(text)
                .map(|said| said.trim().to_owned())
                .collect::<Vec<_>>()
        };
        let rotated = said(json!({
            "grace_until": null, "ended_issued_tokens": true, "expires_at": "2027-01-15T09:00:02Z",
        }));
        assert!(
            rotated.contains(&"issued tokens were ended".to_owned()) && rotated.len() == 2,
            "{rotated:?}"
        );
        let expires = rotated.iter().find(|said| said.starts_with("expires <time")).unwrap();
        assert!(expires.contains("15 Jan 2027, 09:00 UTC"), "{expires}");
        assert_eq!(said(json!({ "ended_issued_tokens": false })), Vec::<String>::new());
        assert_eq!(said(json!({ "times": 1 })), ["1 time"]);
        assert_eq!(said(json!({ "times": 3 })), ["3 times"]);
        assert_eq!(said(json!({ "before": "member", "role": "admin" })), ["Member before", "as Admin"]);
        assert_eq!(said(json!({ "before": "Acme" })), ["before “Acme”"]);
        assert_eq!(said(json!({ "new_list": ["a", {"b_c": 1}] })), ["new list: a, b c 1"]);
        // A name that looks like a time stays what somebody typed.
        assert_eq!(said(json!({ "version": "2027-01-15T09:00:02Z" })), ["version 2027-01-15T09:00:02Z"]);
    }
}
