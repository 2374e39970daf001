//! Secrets in a target's `metadata`, like the one that opens a protected preview: they are sealed, and nobody reads them back.

use serde_json::Value;
use std::collections::BTreeMap;

/// What stands in `metadata` where a secret was given. Whoever reports it again leaves the secret as it is.
pub const SET: &str = "(set)";

/// Parts of names that say that a value is a secret, without case and signs between words.
const NAMES: [&str; 10] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "apikey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
];

/// The secrets of one target, by their places (JSON Pointer, RFC 6901).
pub type Secrets = BTreeMap<String, String>;

/// Takes the secrets out of `metadata` and leaves [`SET`] in their places. `before` has those that were given before.
pub fn take(metadata: &mut Value, before: &Secrets) -> Secrets {
    let mut secrets = Secrets::new();
    walk(metadata, false, "", &mut |place, text| {
        let secret = std::mem::replace(text, SET.to_owned());
        let secret = if secret == SET { before.get(place).cloned() } else { Some(secret) };
        secrets.extend(secret.map(|secret| (place.to_owned(), secret)));
    });
    secrets
}

/// Leaves [`SET`] where secrets are.
pub fn hide(metadata: &mut Value) {
    walk(metadata, false, "", &mut |_, text| SET.clone_into(text));
}

/// Calls `found` for each text that is a secret by its name, or by that of something around it.
fn walk(value: &mut Value, is_secret: bool, place: &str, found: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::String(text) if is_secret && !text.is_empty() => found(place, text),
        Value::Array(items) => {
            for (item, number) in items.iter_mut().zip(0..) {
                walk(item, is_secret, &format!("{place}/{number}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                walk(member, is_secret || names_a_secret(name), &place, found);
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
            "secrets": { "one": "c", "empty": "", "none": null },
        });
        let mut metadata = given.clone();
        let secrets = take(&mut metadata, &Secrets::new());
        let expected = [
            ("/nested/API-Key", "a"),
            ("/nested/headers/0/x_auth_token", "b"),
            ("/secrets/one", "c"),
            ("/vercelAutomationBypassSecret", "hush"),
        ];
        assert_eq!(secrets, expected.map(|(place, text)| (place.to_owned(), text.to_owned())).into());
        assert_eq!(metadata["vercelAutomationBypassSecret"], SET);
        assert_eq!(metadata["nested"]["note"], "plain");
        let mut hidden = given;
        hide(&mut hidden);
        assert_eq!(hidden, metadata);
        // What was read is reported again: nothing changes.
        assert_eq!(take(&mut metadata.clone(), &secrets), secrets);
        metadata["vercelAutomationBypassSecret"] = "new".into();
        metadata["secrets"] = Value::Null;
        let newer = take(&mut metadata, &secrets);
        assert_eq!((newer["/vercelAutomationBypassSecret"].as_str(), newer.len()), ("new", 3));
    }
}
