//! `duku admin signing-key`.

use super::{Format, Operator};
use crate::{
    cli::{
        next::{self, Next},
        output,
    },
    command_error::CommandError,
};
use clap::Subcommand;
use serde_json::{Value, json};
use service::tokens::signing_keys::{self, SigningKeyInfo};

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKeys {
    /// Show every published signing key
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Make the next signing key; it is published now and signs after the lead time
    Rotate {
        /// Sign with it at once, although clients may have the older key set cached
        #[arg(long)]
        immediately: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Stop trusting a signing key: its tokens are rejected at once, on every node
    Withdraw {
        /// The key's id, as `list` shows it
        // One id in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

fn as_json(key: &SigningKeyInfo) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "created_at": key.created_at.to_string(),
        "signs_from": key.signs_from.to_string(),
        "signs_now": key.signs_now,
        "error": key.error,
    })
}

impl SigningKeys {
    pub(crate) async fn run(self, operator: &Operator, next: &Next) -> Result<(), CommandError> {
        let (service, ctx) = (&operator.service, &operator.ctx);
        let actor = signing_keys::operator(&operator.name);
        match self {
            Self::List { format } => {
                let keys = service.tokens().list_signing_keys(ctx).await?;
                if format.json {
                    return Ok(output::json(&keys.iter().map(as_json).collect())?);
                }
                let rows = keys
                    .iter()
                    .map(|key| {
                        let turn = match key {
                            SigningKeyInfo { error: Some(_), .. } => "cannot be used: withdraw it".to_owned(),
                            SigningKeyInfo { signs_now: true, .. } => "signs now".to_owned(),
                            key => key.signs_from.to_string(),
                        };
                        vec![key.kid.clone(), key.algorithm.clone(), key.created_at.to_string(), turn]
                    })
                    .collect();
                let head = ["KEY ID", "ALGORITHM", "CREATED", "SIGNS FROM"];
                Ok(output::table(&head, rows, "There is no signing key yet.")?)
            }
            Self::Rotate { immediately, format } => {
                let made = service.tokens().rotate_signing_key(ctx, actor, immediately).await?;
                let text = format!("Published {}; it signs from {}", made.kid, made.signs_from);
                format.show(&as_json(&made), &text)?;
                let list = next.on_data("admin signing-key list");
                next::hint(format, &format!("which keys are published, and which one signs:\n  {list}"));
                Ok(())
            }
            Self::Withdraw { kid } => {
                service.tokens().withdraw_signing_key(ctx, actor, &kid).await?;
                Ok(output::line(&format!("Withdrew {kid}. Tokens that it signed are rejected now."))?)
            }
        }
    }
}
