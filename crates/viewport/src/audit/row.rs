//! An entry of the audit log as the list shows it.

use super::words;
use domain::{KeyOverview, audit::AuditEvent};
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
    pub(crate) details: Vec<(String, String)>,
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
            details: pairs(&details, object.as_ref().is_some_and(|(_, page)| page.is_some())),
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
        "key" => keys.iter().any(|one| one.key.id.as_str() == id).then(|| format!("/settings/api-keys/{id}")),
        "sbj" => Some(format!("/p/{id}")),
        "smt" => Some(format!("/p/{}/t/{id}", details.get("subject")?.as_str()?)),
        "org" => Some("/settings/organisation".to_owned()),
        _ => None,
    }
}

/// What else an entry says, as words.
fn pairs(details: &Value, without_subject: bool) -> Vec<(String, String)> {
    let Value::Object(details) = details else { return Vec::new() };
    let said = details.iter().filter(|(key, value)| {
        let is_said_already = key.as_str() == "operator" || (without_subject && key.as_str() == "subject");
        !value.is_null() && !is_said_already
    });
    said.map(|(key, value)| (label(key), plain(value))).collect()
}

fn label(key: &str) -> String {
    let known = match key {
        "expires_at" => "expires",
        "grace_until" => "previous secret works until",
        "ended_issued_tokens" => "issued tokens ended",
        "default_days" => "default lifetime in days",
        "maximum_days" => "longest lifetime in days",
        "left" => "codes left",
        "subject" => "product",
        "signs_from" => "signs from",
        other => return other.replace('_', " "),
    };
    known.to_owned()
}

/// A value without the marks of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => moment(text).unwrap_or_else(|| text.clone()),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let pairs = fields.iter().map(|(key, value)| format!("{} {}", label(key), plain(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
    }
}

/// An instant of RFC 3339 as pages write it.
fn moment(text: &str) -> Option<String> {
    let (day, time) = text.split_once('T')?;
    let time = time.strip_suffix('Z')?.split('.').next()?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b"-:".contains(&byte));
    (day.len() == 10 && time.len() == 8 && digits(day) && digits(time)).then(|| format!("{day} {time} UTC"))
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
        let details = json!({
            "grace_until": null, "ended_issued_tokens": true, "expires_at": "2027-01-15T09:00:02Z",
            "list": ["a", {"b_c": 1}],
        });
        let said = pairs(&details, false);
        let expected =
            [("issued tokens ended", "yes"), ("expires", "2027-01-15 09:00:02 UTC"), ("list", "a, b c 1")];
        assert_eq!(said.len(), expected.len());
        for (key, value) in expected {
            assert!(said.contains(&(key.to_owned(), value.to_owned())), "{key} in {said:?}");
        }
    }
}
