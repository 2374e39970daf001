//! `duku admin user`: help for people who cannot get in any more.

use super::{Format, Operator};
use crate::{cli::output, command_error::CommandError};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Print a link that sets a new password; it works once
    #[command(
        after_help = "Examples:\n  duku admin user reset-password ada@example.org\n  duku admin user reset-password ada@example.org --json"
    )]
    ResetPassword {
        /// The person's e-mail address
        email: String,
        #[command(flatten)]
        format: Format,
    },
    /// Take a person's second factor and passkeys away, for who lost the phone and the recovery codes
    #[command(after_help = "Example:\n  duku admin user remove-second-factor ada@example.org")]
    RemoveSecondFactor {
        /// The person's e-mail address
        email: String,
        #[command(flatten)]
        format: Format,
    },
}

impl User {
    pub(crate) async fn run(self, operator: &Operator) -> Result<(), CommandError> {
        match self {
            Self::ResetPassword { email, format } => reset_password(operator, &email, format).await,
            Self::RemoveSecondFactor { email, format } => {
                remove_second_factor(operator, &email, format).await
            }
        }
    }
}

async fn reset_password(operator: &Operator, email: &str, format: Format) -> Result<(), CommandError> {
    let Operator { service, ctx, name, .. } = operator;
    let link = service.users().make_reset_link(ctx, name, email).await?;
    let seconds = service.policy().reset_lifetime_seconds;
    if format.json {
        let expires_at = ctx.now.plus_seconds(seconds).to_string();
        return Ok(output::json(&json!({ "email": email.trim(), "link": *link, "expires_at": expires_at }))?);
    }
    output::once(&link)?;
    output::aside(&format!(
        "Give it to {} by a safe way. It works once, for {} minutes, and earlier links work no more.",
        email.trim(),
        seconds / 60
    ));
    Ok(())
}

async fn remove_second_factor(operator: &Operator, email: &str, format: Format) -> Result<(), CommandError> {
    let Operator { service, ctx, name, .. } = operator;
    let removed = service.users().remove_second_factor_of(ctx, name, email).await?;
    let email = email.trim();
    if format.json {
        return Ok(output::json(&json!({ "email": email, "removed": removed }))?);
    }
    Ok(output::line(&if removed {
        format!(
            "{email} has no second factor and no passkey any more. Every session has ended; the password alone signs in."
        )
    } else {
        format!("{email} had no second factor and no passkey. Nothing was changed.")
    })?)
}
