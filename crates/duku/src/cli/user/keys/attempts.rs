//! The runs that asked for a key and were rejected, and letting one in.

use super::{
    super::session::{At, SignedInUser},
    generate::place_of_attempts,
    workload::accepted,
};
use crate::{
    cli::{
        next::{self, Next},
        output::{self, Format},
    },
    command_error::CommandError,
};
use domain::workload::IssuerUrl;
use domain::{
    text::shown,
    workload::{Claims, Preset, Run, parse_claims},
};
use serde::Deserialize;
use serde_json::{Value, json};

const ATTEMPTS: &str = "query ($id: ID!) { apiKeyAttempts(id: $id) { id at times reason message claims address } \
                        apiKeys { clientId workloadIdentity { preset issuer waitingUntil } } }";
const ALLOW: &str = "mutation ($input: AllowWorkloadInput!) { made: allowWorkload(input: $input) \
                     { label workloadIdentity { pins { claim equals patterns } conditions { claim equals patterns } } } }";
const WAIT: &str =
    "mutation ($id: ID!) { made: waitForFirstRun(id: $id) { label workloadIdentity { waitingUntil } } }";

/// The longest value of a claim in a table, in characters.
const VALUE: usize = 100;

#[derive(Debug, Deserialize)]
struct Attempt {
    id: String,
    at: String,
    times: i64,
    reason: String,
    message: String,
    claims: String,
    address: Option<String>,
}

/// Prints a key's attempts, newest first.
pub(super) async fn show(
    user: &SignedInUser,
    client_id: &str,
    format: Format,
    next: &Next,
) -> Result<(), CommandError> {
    let mut data = user.graphql(ATTEMPTS, &json!({ "id": client_id })).await?;
    let attempts = data.get_mut("apiKeyAttempts").map(Value::take).unwrap_or_default();
    let attempts: Vec<Attempt> = serde_json::from_value(attempts)?;
    let claims = |attempt: &Attempt| parse_claims(attempt.claims.as_bytes()).unwrap_or_default();
    if format.json {
        let all = attempts.iter().map(|attempt| {
            json!({
                "id": attempt.id, "at": attempt.at, "times": attempt.times, "reason": attempt.reason,
                "message": attempt.message, "address": attempt.address, "claims": claims(attempt),
            })
        });
        return Ok(output::json(&all.collect())?);
    }
    let keys = data.get("apiKeys").and_then(Value::as_array).into_iter().flatten();
    let key = keys.into_iter().find(|key| key.get("clientId").and_then(Value::as_str) == Some(client_id));
    let identity = key.and_then(|key| key.get("workloadIdentity"));
    let text = |name| identity?.get(name).and_then(Value::as_str);
    let preset =
        text("preset").and_then(|name| Preset::parse(&name.to_lowercase())).unwrap_or(Preset::AnyOidc);
    let issuer = text("issuer").and_then(|url| IssuerUrl::parse(url).ok());
    let rows = attempts.iter().map(|attempt| {
        let claims = claims(attempt);
        let run = issuer.as_ref().map(|issuer| Run::of(preset, issuer, &claims)).unwrap_or_default();
        let run = [run.title.clone(), run.about()].join(": ");
        let address = attempt.address.clone().unwrap_or_default();
        let (id, at, times) = (attempt.id.clone(), attempt.at.clone(), attempt.times.to_string());
        vec![id, at, times, run, pins(preset, &claims), address, attempt.message.clone()]
    });
    let head = ["ATTEMPT", "LAST", "TIMES", "RUN", "WORKLOAD", "FROM", "REJECTED BECAUSE"];
    let empty = match text("waitingUntil") {
        Some(until) => format!("No run has asked yet. Those that do are shown until {until}."),
        None => "No run was rejected.".to_owned(),
    };
    output::table(&head, rows.collect(), &empty)?;
    if !attempts.is_empty() {
        let allow = next.client(&format!("keys allow {client_id} ATTEMPT{}", next::at(&user.server)));
        next::hint(format, &format!("if a workload is yours, by its ids, allow it:\n  {allow}"));
    }
    Ok(())
}

/// What names the workload, as the platform's ids say it.
fn pins(preset: Preset, claims: &Claims) -> String {
    let pins = preset.pins().iter().filter_map(|pin| {
        let name = pin.name();
        let value = match name.value(claims)? {
            Value::String(text) => shown(text, VALUE),
            other => shown(&other.to_string(), VALUE),
        };
        Some(format!("{name}={value}"))
    });
    pins.collect::<Vec<_>>().join(" ")
}

/// Lets the workload of an attempt in.
pub(super) async fn allow(
    at: &At,
    client_id: &str,
    attempt: &str,
    accept: &[String],
    format: Format,
) -> Result<(), CommandError> {
    let input = json!({ "id": client_id, "attemptId": attempt, "acceptedDangers": accepted(accept) });
    let allowed = SignedInUser::at(at).await?.graphql(ALLOW, &json!({ "input": input })).await;
    let data = allowed.map_err(|error| match error.to_string() {
        message if message.contains("accept `") => {
            CommandError::new(format!("{message} Or add --accept with its name."))
        }
        message => CommandError::new(message),
    })?;
    let label = data.pointer("/made/label").and_then(Value::as_str).unwrap_or(client_id);
    let list = |name: &str| {
        let found = data.pointer(&format!("/made/workloadIdentity/{name}")).and_then(Value::as_array);
        found.cloned().unwrap_or_default()
    };
    let (pins, conditions) = (list("pins"), list("conditions"));
    let lines = pins.iter().chain(&conditions).map(condition).collect::<Vec<_>>().join("\n");
    let text = format!("{label} accepts tokens that say:\n{lines}");
    Ok(format.show(&json!({ "client_id": client_id, "pins": pins, "conditions": conditions }), &text)?)
}

/// One condition as a line.
fn condition(condition: &Value) -> String {
    let text = |name| condition.get(name).and_then(Value::as_str);
    let lists = ["equals", "patterns"].map(|name| condition.get(name).and_then(Value::as_array));
    let values = lists.into_iter().flatten().flatten().filter_map(Value::as_str);
    let value = values.collect::<Vec<_>>().join(" or ");
    format!("  {}", output::printable(&format!("{} = {value}", text("claim").unwrap_or_default())))
}

/// Shows the runs that ask for another hour.
pub(super) async fn wait(at: &At, client_id: &str, format: Format, next: &Next) -> Result<(), CommandError> {
    let user = SignedInUser::at(at).await?;
    let data = user.graphql(WAIT, &json!({ "id": client_id })).await?;
    let text = |path| data.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (label, until) = (text("/made/label"), text("/made/workloadIdentity/waitingUntil"));
    let place = place_of_attempts(&user, client_id, next);
    let text = format!("{label} shows the runs that ask until {until}:\n{place}");
    Ok(format.show(&json!({ "client_id": client_id, "waiting_until": until }), &text)?)
}
