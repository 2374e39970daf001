//! What `duku restore` says of the time between a backup and the data that it replaced.

use serde_json::{Value, json};
use store::{Differences, MOST_DIFFERENCES, Named, RunningGrace};

/// The lists, for scripts.
pub(super) fn as_json(differences: &Result<Option<Differences>, String>, as_it_was: bool) -> Value {
    let Ok(Some(found)) = differences else { return Value::Null };
    let keys = |keys: &[Named]| -> Value {
        keys.iter()
            .map(|(id, org, label)| json!({ "client_id": id, "organisation": org, "label": label }))
            .collect()
    };
    json!({
        "revoked_since": keys(&found.revoked),
        "rotated_since": keys(&found.rotated),
        "generated_since": keys(&found.lost),
        "graces_ended_since": graces(&found.graces),
        "graces_ended_again": !as_it_was,
        "members_changed_since": found.members.iter()
            .map(|(email, org, role)| json!({ "email": email, "organisation": org, "role": role })).collect::<Value>(),
        "passwords_set_since": found.passwords.iter().map(|(email, ..)| json!(email)).collect::<Value>(),
    })
}

/// Keys whose previous secret works, for scripts.
pub(super) fn graces(keys: &[RunningGrace]) -> Value {
    keys.iter()
        .map(|key| json!({ "client_id": key.id, "organisation": key.organisation, "label": key.label }))
        .collect()
}

/// What was ended after the backup and works again, as far as the former data tell.
pub(super) fn what_comes_back(
    differences: &Result<Option<Differences>, String>,
    graces: &[RunningGrace],
    as_it_was: bool,
) -> Vec<String> {
    match differences {
        Ok(Some(found)) => what_differs(found, as_it_was),
        Ok(None) => without_former_data(graces),
        Err(error) => {
            let mut lines = without_former_data(graces);
            lines.push(format!("(The data that were here could not be read: {error})"));
            lines
        }
    }
}

fn without_former_data(graces: &[RunningGrace]) -> Vec<String> {
    let mut lines = [
        "Keys that were revoked or rotated after the backup was made work again as they did then, people who were",
        "removed are back, and former passwords work. There are no former data here to compare with: look through what",
        "you know of that time (exports of the audit log, mails) before you start the server, and repeat it:",
        "  duku admin key revoke CLIENT_ID    duku admin key rotate CLIENT_ID    duku admin member remove --org ORG EMAIL",
    ]
    .map(str::to_owned)
    .to_vec();
    if !graces.is_empty() {
        lines.push(
            "The previous secrets of these keys work in their grace, also if it was ended since (duku admin key end-grace CLIENT_ID):"
                .to_owned(),
        );
        lines.extend(shown(graces));
    }
    lines
}

/// The first of them, a line each.
fn shown(graces: &[RunningGrace]) -> impl Iterator<Item = String> {
    let more = graces.len() > MOST_DIFFERENCES;
    let line = |key: &RunningGrace| format!("  {}  {}: {}", key.id, key.organisation, key.label);
    graces.iter().take(MOST_DIFFERENCES).map(line).chain(more.then(|| "  … and more".to_owned()))
}

fn what_differs(found: &Differences, as_it_was: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut list = |head: &str, rows: &[Named], line: &dyn Fn(&Named) -> String| {
        if !rows.is_empty() {
            lines.push(head.to_owned());
            lines.extend(rows.iter().map(|row| format!("  {}", line(row))));
            if rows.len() == MOST_DIFFERENCES {
                lines.push("  … and perhaps more".to_owned());
            }
        }
    };
    let key = |(id, org, label): &Named| format!("{id}  {org}: {label}");
    list(
        "Revoked since the backup, and back to life; end them again before you start the server (duku admin key revoke CLIENT_ID):",
        &found.revoked,
        &key,
    );
    list(
        "Rotated since the backup; the former secret works again, the newer one does not (duku admin key rotate CLIENT_ID):",
        &found.rotated,
        &key,
    );
    list("Generated since the backup, and gone; their pipelines need another key:", &found.lost, &key);
    list(
        "Members who were removed since, or had another role; they are as they were (duku admin member remove --org ORG EMAIL):",
        &found.members,
        &|(email, org, role)| format!("{email}  {role} of {org}"),
    );
    list(
        "People who have set a password since; the former one works again (duku admin user reset-password EMAIL):",
        &found.passwords,
        &|(email, ..)| email.clone(),
    );
    if !found.graces.is_empty() {
        lines.push(if as_it_was {
            "A grace that was ended since, by hand or by another rotation: the previous secret works again (duku admin key end-grace \
             CLIENT_ID):"
                .to_owned()
        } else {
            "A grace that was ended since, by hand or by another rotation; it was ended again, and the previous secret does not work:"
                .to_owned()
        });
        lines.extend(shown(&found.graces));
    }
    if lines.is_empty() {
        lines.push(
            "Compared with the data that were here: no key, member or password was changed after the backup was made.".to_owned(),
        );
    }
    lines
}
