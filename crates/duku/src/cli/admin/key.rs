//! `duku admin key`.

use super::{Format, InOrganisation, Operator};
use crate::{
    cli::{
        durations,
        key_view::{self, KeyRow, NewSecret, Status},
        next::{self, Next},
        output,
    },
    command_error::CommandError,
};
use clap::Subcommand;
use domain::{KeyId, KeyOverview, Timestamp, workload::AuthenticationMethod};
use serde_json::json;
use service::{
    Principal,
    keys::{GenerateKey, GeneratedKey, RotateKey},
};

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
        #[arg(long, value_name = "DAYS", value_parser = durations::days)]
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
    /// Give a key another label; its secret and its expiry stay
    #[command(after_help = "Example:\n  duku admin key rename key_… 'Nightly build'")]
    Rename {
        /// The key's client_id
        client_id: String,
        /// The new label
        label: String,
    },
    /// Replace a key's secret and renew its expiry; the previous secret stops at once
    #[command(
        after_help = "Examples:\n  duku admin key rotate key_…\n  duku admin key rotate key_… --grace 24h"
    )]
    Rotate {
        /// The key's client_id
        client_id: String,
        /// How long the previous secret works on, like 30m, 1h or 24h; at most 7d
        #[arg(long, value_name = "TIME", value_parser = durations::grace, default_value = "0s")]
        grace: i64,
        /// Also reject tokens that were issued before, at once (after a leak)
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
    /// Delete a key, permanently; its secret and its tokens are rejected at once
    Revoke {
        /// The key's client_id
        client_id: String,
        #[command(flatten)]
        format: Format,
    },
}

impl Key {
    pub(crate) async fn run(self, operator: &Operator, next: &Next) -> Result<(), CommandError> {
        match self {
            Self::Generate { organisation, label, expires_in, format } => {
                let principal = operator.principal(&organisation).await?;
                let input = GenerateKey { label, expires_in_days: expires_in };
                let made = operator.service.keys().generate(&operator.ctx, &principal, &input).await?;
                show_once(&made, &made.combined(), format)?;
                let server = &operator.urls.platform;
                next::hint(format, &next.use_of_new_key(made.key.id.as_str(), server));
                Ok(())
            }
            Self::List { organisation, format } => {
                let principal = operator.principal(&organisation).await?;
                let keys = operator.service.keys().list(&principal).await?;
                key_view::list(keys.iter().map(|key| row(key, operator.ctx.now)).collect(), format)
            }
            Self::Rename { client_id, label } => {
                let principal = owner(operator, &client_id).await?;
                let renamed =
                    operator.service.keys().rename(&operator.ctx, &principal, &client_id, &label).await?;
                Ok(output::line(&format!("{client_id} is now called {}", renamed.key.label))?)
            }
            Self::Rotate { client_id, grace, end_issued_tokens, format } => {
                let principal = owner(operator, &client_id).await?;
                let input = RotateKey { grace_seconds: grace, end_issued_tokens };
                let made =
                    operator.service.keys().rotate(&operator.ctx, &principal, &client_id, input).await?;
                show_once(&made, &made.combined(), format)?;
                let end = next.on_data(&format!("admin key end-grace {client_id}"));
                next::hint(format, &next::place_of_rotated_secret(made.key.grace.is_some().then_some(end)));
                Ok(())
            }
            Self::EndGrace { client_id } => {
                let principal = owner(operator, &client_id).await?;
                operator.service.keys().end_grace(&operator.ctx, &principal, &client_id).await?;
                Ok(output::line("The previous secret is rejected now.")?)
            }
            Self::Revoke { client_id, format } => {
                let principal = owner(operator, &client_id).await?;
                let id = operator.service.keys().revoke(&operator.ctx, &principal, &client_id).await?;
                let text = format!("Revoked {id}. Its secret and its tokens are rejected now.");
                Ok(format.show(&json!({ "client_id": id.as_str(), "revoked": true }), &text)?)
            }
        }
    }
}

/// The operator acting on the organisation that the key belongs to.
async fn owner(operator: &Operator, client_id: &str) -> Result<Principal, CommandError> {
    let missing = || {
        CommandError::new(format!(
            "there is no API key {client_id}: `duku admin key list --org ORG` shows them"
        ))
    };
    let id = KeyId::parse(client_id).map_err(|_| missing())?;
    let key = operator.service.store().reader().await?.find_key(&id).await?.ok_or_else(missing)?;
    let organisation = operator.service.organisations().find(key.organisation_id.as_str()).await?;
    Ok(Principal::operator(&operator.name, &organisation))
}

fn show_once(
    GeneratedKey { key, secret }: &GeneratedKey,
    combined: &str,
    format: Format,
) -> Result<(), CommandError> {
    let made = NewSecret {
        client_id: key.id.as_str(),
        client_secret: secret.expose(),
        combined,
        label: key.label.as_str(),
        expires_at: key.expires_at.to_string(),
        grace_until: key.grace.as_ref().map(|grace| grace.until.to_string()),
    };
    let text = if format.json { output::json_text(&made.json()) } else { made.text() };
    made.show_once(&text, "duku admin key rotate")
}

fn row(overview: &KeyOverview, now: Timestamp) -> KeyRow {
    let key = &overview.key;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    KeyRow {
        client_id: key.id.to_string(),
        label: key.label.to_string(),
        status: if key.is_active(now) { Status::Active } else { Status::Expired },
        authentication_method: overview
            .identity
            .as_ref()
            .map_or(AuthenticationMethod::ClientSecret, |identity| identity.identity.method())
            .into(),
        secret_hint: key.secret.hint.clone(),
        created_at: key.created_at.to_string(),
        created_by: key.created_by.clone(),
        expires_at: key.expires_at.to_string(),
        rotated_at: time(key.rotated_at),
        grace_until: time(key.running_grace(now).map(|grace| grace.until)),
        last_used_at: time(overview.last_used_at),
        last_used_from: overview.last_used_from.clone(),
        dead_secret_uses: overview.dead_secret_uses,
        dead_secret_seen_at: time(overview.dead_secret_seen_at),
    }
}
