//! Secrets in a target's `metadata`, like the one that opens a protected preview: they are sealed, and nobody reads them back.

use super::METADATA_BYTES;
use crate::Invalid;
use serde_json::Value;
use std::collections::BTreeMap;

/// What stands in `metadata` where a secret was given. Whoever reports it again leaves the secret as it is.
pub const SET: &str = "(set)";

/// Parts of names that say that a value is a secret, without case and signs between words.
const NAMES: [&str; 13] = [
    "secret",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
];

/// The secrets of one target, by their places (JSON Pointer, RFC 6901).
pub type Secrets = BTreeMap<String, Value>;

/// Takes the secrets out of `metadata` and leaves [`SET`] in their places. `before` has those that were given before.
///
/// # Errors
/// With those that stay from before they are larger than metadata may be.
pub fn take(metadata: &mut Value, before: &Secrets) -> Result<Secrets, Invalid> {
    let mut secrets = Secrets::new();
    walk(metadata, false, &mut String::new(), &mut |place, value| {
        let secret = std::mem::replace(value, SET.into());
        let secret = if secret == SET { before.get(place).cloned() } else { Some(secret) };
        secrets.extend(secret.map(|secret| (place.to_owned(), secret)));
    });
    let size: usize = secrets.iter().map(|(place, secret)| place.len() + secret.to_string().len()).sum();
    if size > METADATA_BYTES {
        let message = format!(
            "its secrets, with those that stay set, have at most {METADATA_BYTES} bytes; they have {size}"
        );
        return Err(Invalid::new("metadata", message));
    }
    Ok(secrets)
}

/// Leaves [`SET`] where secrets are.
pub fn hide(metadata: &mut Value) {
    walk(metadata, false, &mut String::new(), &mut |_, value| *value = SET.into());
}

/// Calls `found` for each text and number that is a secret by its name, or by that of something around it.
fn walk(value: &mut Value, is_secret: bool, place: &mut String, found: &mut impl FnMut(&str, &mut Value)) {
    let length = place.len();
    match value {
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Number(_) if is_secret => found(place, value),
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                place.push('/');
                place.push_str(&number.to_string());
                walk(item, is_secret, place, found);
                place.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                place.push('/');
                place.push_str(&name.replace('~', "~0").replace('/', "~1"));
                walk(member, is_secret || names_a_secret(name), place, found);
                place.truncate(length);
            }
        }
        _ => {}
    }
}

fn names_a_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    NAMES.iter().any(|part| plain.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_named_like_a_secret_is_taken_out_and_kept_until_it_is_given_anew() {
        let given = json!({
            "vercelAutomationBypassSecret": "hush", "ciRunUrl": "https://ci.example/1", "retries": 3,
            "nested": { "API-Key": "a", "headers": [{ "x_auth_token": "b" }], "note": "plain" },
            "secrets": { "one": "c", "pin": 1234, "on": true, "empty": "", "none": null },
        });
        let mut metadata = given.clone();
        let secrets = take(&mut metadata, &Secrets::new()).unwrap();
        let expected = [
            ("/nested/API-Key", json!("a")),
            ("/nested/headers/0/x_auth_token", json!("b")),
            ("/secrets/one", json!("c")),
            ("/secrets/pin", json!(1234)),
            ("/vercelAutomationBypassSecret", json!("hush")),
        ];
        assert_eq!(secrets, expected.map(|(place, secret)| (place.to_owned(), secret)).into());
        assert_eq!(
            metadata["secrets"],
            json!({ "one": SET, "pin": SET, "on": true, "empty": "", "none": null })
        );
        assert_eq!(metadata["vercelAutomationBypassSecret"], SET);
        assert_eq!(metadata["nested"]["note"], "plain");
        let mut hidden = given;
        hide(&mut hidden);
        assert_eq!(hidden, metadata);
        // What was read is reported again: nothing changes.
        assert_eq!(take(&mut metadata.clone(), &secrets).unwrap(), secrets);
        metadata["vercelAutomationBypassSecret"] = "new".into();
        metadata["secrets"] = Value::Null;
        let newer = take(&mut metadata, &secrets).unwrap();
        assert_eq!((newer["/vercelAutomationBypassSecret"].as_str(), newer.len()), (Some("new"), 3));
    }

    #[test]
    fn secrets_that_stay_set_do_not_pile_up() {
        let large = "x".repeat(METADATA_BYTES / 2);
        let first = take(&mut json!({ "secret1": large }), &Secrets::new()).unwrap();
        let mut more = json!({ "secret1": SET, "secret2": large });
        assert_eq!(take(&mut more, &first).unwrap_err().field, "metadata");
        assert_eq!(take(&mut json!({ "secret2": large }), &first).unwrap().len(), 1);
    }
}
