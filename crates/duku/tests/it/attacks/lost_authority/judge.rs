//! Whether a request was carried out or rejected, by what came back.

use super::{
    fixture::Case,
    http::Reply,
    rows::{Credential, Needs},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done(String),
    Rejected(String),
    /// Neither: the server failed.
    Broken(String),
}

/// What nobody without authority may be given.
const SECRETS: [&str; 5] =
    ["dks_", "\"access_token\":", "\"refresh_token\":", "id=\"value-link\"", "id=\"codes\""];

pub(super) fn outcome(case: &Case, reply: &Reply) -> Outcome {
    let status = reply.status;
    if status == 0 || status >= 500 {
        return Outcome::Broken(if status == 0 { "no answer".to_owned() } else { status.to_string() });
    }
    if let Some(secret) = SECRETS.iter().find(|secret| reply.text.contains(**secret)) {
        return Outcome::Done(format!("{status} with {secret}"));
    }
    if reply.parameter("code").is_some() {
        return Outcome::Done(format!("{status} with a code"));
    }
    let sessions = ["duku_session", "duku_sign_in"];
    if let Some((name, _)) =
        reply.cookies().find(|(name, value)| sessions.contains(name) && !value.is_empty())
    {
        return Outcome::Done(format!("{status} with {name}"));
    }
    if case.change.name.starts_with("mutation ") {
        return of_graphql(reply);
    }
    let location = reply.location();
    // Whoever took an invitation and chose a password signs in with it.
    let has_joined = case.change.credential == Credential::Invitation && location.starts_with("/login?next=");
    let to_proof = location == "/login"
        || (location.starts_with("/account/second-factor?required") && case.change.needs != Needs::Own)
        || (location.starts_with("/login?next=") && !has_joined)
        || location.contains("/protocol/openid-connect/auth?");
    match status {
        400.. => Outcome::Rejected(status.to_string()),
        300.. if to_proof => Outcome::Rejected(format!("{status} to a proof")),
        300.. => Outcome::Done(format!("{status} to {location}")),
        _ => Outcome::Done(status.to_string()),
    }
}

fn of_graphql(reply: &Reply) -> Outcome {
    let Ok(body) = serde_json::from_str::<serde_json::Value>(&reply.text) else {
        return Outcome::Broken(format!("{} that is not JSON", reply.status));
    };
    let code = body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
    let gives = body["data"].as_object().is_some_and(|data| data.values().any(|value| !value.is_null()));
    match code {
        "INTERNAL" => Outcome::Broken(format!("{} INTERNAL", reply.status)),
        _ if gives || body.get("errors").is_none() => Outcome::Done(reply.status.to_string()),
        _ => Outcome::Rejected(format!("{} {code}", reply.status)),
    }
}
