//! `duku admin key`.

use super::{Format, InOrganisation, Operator};
use crate::{cli::output, failure::CommandFailure};
use clap::Subcommand;
use domain::{KeyId, Timestamp};
use serde_json::{Value, json};
use service::{
    Principal,
    keys::{GenerateKey, GeneratedKey, RotateKey},
};
use store::KeyOverview;

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Generate a key and show its secret, once
    #[command(
        after_help = "Examples:\n  duku admin key generate --org Acme --label 'GitHub Actions'\n  duku admin key generate --org Acme --label CI --expires-in 30d --json"
    )]
    Generate {
        #[command(flatten)]
        organisation: InOrganisation,
        /// What to call it, like "GitHub Actions"
        #[arg(long)]
        label: String,
        /// How long it lives, in days, like 30d [default: what the organisation set]
        #[arg(long, value_name = "DAYS", value_parser = days)]
        expires_in: Option<i64>,
        #[command(flatten)]
        format: Format,
    },
    /// Show an organisation's keys
    List {
        #[command(flatten)]
        organisation: InOrganisation,
        #[command(flatten)]
        format: Format,
    },
    /// Replace a key's secret and renew its expiry; the previous secret stops at once
    #[command(
        after_help = "Examples:\n  duku admin key rotate key_…\n  duku admin key rotate key_… --grace 24h"
    )]
    Rotate {
        /// The key's client_id
        client_id: String,
        /// How long the previous secret works on: 1h, 24h or 7d at most
        #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "0s")]
        grace: i64,
        /// Also refuse tokens that were bought before, at once (after a leak)
        #[arg(long)]
        end_issued_tokens: bool,
        #[command(flatten)]
        format: Format,
    },
    /// End a rotation's grace now
    EndGrace {
        /// The key's client_id
        client_id: String,
    },
    /// Delete a key, permanently; its secret and its tokens are refused at once
    Revoke {
        /// The key's client_id
        client_id: String,
        #[command(flatten)]
        format: Format,
    },
}

/// Reads `90d` or `90`.
fn days(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    number.parse().map_err(|_| "write a number of days, like 90d".to_owned())
}

/// Reads `0`, `30s`, `15m`, `24h` or `7d`.
fn seconds(text: &str) -> Result<i64, String> {
    let refusal = || "write a time like 1h, 24h or 7d".to_owned();
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        Some((at, 'd')) => (text.get(..at), 86_400),
        _ => (Some(text), 1),
    };
    let number: i64 = number.and_then(|number| number.parse().ok()).ok_or_else(refusal)?;
    number.checked_mul(unit).ok_or_else(refusal)
}

impl Key {
    pub(crate) async fn run(self, operator: &Operator) -> Result<(), CommandFailure> {
        match self {
            Self::Generate { organisation, label, expires_in, format } => {
                let principal = operator.principal(&organisation).await?;
                let input = GenerateKey { label, expires_in_days: expires_in };
                let made = operator.service.generate_key(&operator.ctx, &principal, &input).await?;
                show_once(&made, format)
            }
            Self::List { organisation, format } => {
                let principal = operator.principal(&organisation).await?;
                list(&operator.service.list_keys(&principal).await?, operator.ctx.now, format)
            }
            Self::Rotate { client_id, grace, end_issued_tokens, format } => {
                let principal = owner(operator, &client_id).await?;
                let input = RotateKey { grace_seconds: grace, end_issued_tokens };
                let made = operator.service.rotate_key(&operator.ctx, &principal, &client_id, input).await?;
                show_once(&made, format)
            }
            Self::EndGrace { client_id } => {
                let principal = owner(operator, &client_id).await?;
                operator.service.end_grace(&operator.ctx, &principal, &client_id).await?;
                Ok(output::line("The previous secret is refused now.")?)
            }
            Self::Revoke { client_id, format } => {
                let principal = owner(operator, &client_id).await?;
                let id = operator.service.revoke_key(&operator.ctx, &principal, &client_id).await?;
                if format.json {
                    return Ok(output::json(&json!({ "client_id": id.as_str(), "revoked": true }))?);
                }
                Ok(output::line(&format!("Revoked {id}. Its secret and its tokens are refused now."))?)
            }
        }
    }
}

/// The operator acting on the organisation that the key belongs to.
async fn owner(operator: &Operator, client_id: &str) -> Result<Principal, CommandFailure> {
    let missing = || {
        CommandFailure::new(format!(
            "there is no API key {client_id}: `duku admin key list --org ORG` shows them"
        ))
    };
    let id = KeyId::parse(client_id).map_err(|_| missing())?;
    let key = operator.service.store().reader().await?.find_key(&id).await?.ok_or_else(missing)?;
    let organisation = operator.service.find_organisation(key.organisation_id.as_str()).await?;
    Ok(Principal::operator(&operator.name, &organisation))
}

fn show_once(made: &GeneratedKey, format: Format) -> Result<(), CommandFailure> {
    let GeneratedKey { key, secret } = made;
    let combined = made.combined();
    let text = if format.json {
        let answer = json!({
            "client_id": key.id.as_str(),
            "client_secret": secret.expose(),
            "combined_key": combined,
            "label": key.label.as_str(),
            "expires_at": key.expires_at.to_string(),
        });
        output::json_text(&answer)
    } else {
        let grace = key.grace.map_or_else(String::new, |grace| {
            format!("\nThe previous secret works until {}.\n", grace.until)
        });
        format!(
            "{} expires at {}\n\n  Client ID      {}\n  Client secret  {}\n  Combined key   {combined}\n{grace}\n\
             This is the only time that you can see this secret. Store it in your secret manager now.",
            key.label,
            key.expires_at,
            key.id,
            secret.expose()
        )
    };
    output::once(&text).map_err(|error| {
        CommandFailure::new(format!(
            "{} has a new secret, but it could not be shown ({error}): run `duku admin key rotate {}` again, or revoke the key",
            key.id, key.id
        ))
    })
}

fn status(overview: &KeyOverview, now: Timestamp) -> String {
    match (overview.key.is_active(now), overview.key.running_grace(now)) {
        (false, _) => "Expired".to_owned(),
        (true, Some(grace)) => format!("Active, grace until {}", grace.until),
        (true, None) => "Active".to_owned(),
    }
}

fn as_json(overview: &KeyOverview, now: Timestamp) -> Value {
    let key = &overview.key;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "client_id": key.id.as_str(),
        "label": key.label.as_str(),
        "status": if key.is_active(now) { "active" } else { "expired" },
        "secret_hint": key.secret.hint,
        "created_at": key.created_at.to_string(),
        "created_by": key.created_by,
        "expires_at": key.expires_at.to_string(),
        "rotated_at": time(key.rotated_at),
        "grace_until": time(key.running_grace(now).map(|grace| grace.until)),
        "last_used_at": time(overview.last_used_at),
        "last_used_from": overview.last_used_from,
        "dead_secret_uses": overview.dead_secret_uses,
        "dead_secret_seen_at": time(overview.dead_secret_seen_at),
    })
}

fn list(keys: &[KeyOverview], now: Timestamp, format: Format) -> Result<(), CommandFailure> {
    if format.json {
        return Ok(output::json(&keys.iter().map(|key| as_json(key, now)).collect())?);
    }
    let rows = keys
        .iter()
        .map(|overview| {
            vec![
                overview.key.label.to_string(),
                overview.key.id.to_string(),
                format!("dks_…{}", overview.key.secret.hint),
                status(overview, now),
                overview.last_used_at.map_or_else(|| "Never used".to_owned(), |at| at.to_string()),
                overview.key.expires_at.to_string(),
            ]
        })
        .collect();
    let head = ["LABEL", "CLIENT ID", "SECRET", "STATUS", "LAST USED", "EXPIRES"];
    Ok(output::table(&head, rows, "This organisation has no API keys.")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!((days("90d"), days("1")), (Ok(90), Ok(1)));
        assert!(days("1w").is_err() && days("d").is_err());
        let read = ["0", "30s", "15m", "24h", "7d"].map(|text| seconds(text).unwrap());
        assert_eq!(read, [0, 30, 900, 86_400, 604_800]);
        assert!(seconds("").is_err() && seconds("h").is_err() && seconds("9223372036854775807d").is_err());
    }
}
