//! `duku keys`: the signed-in person's API keys, over the network.

mod attempts;
mod check;
mod destination;
mod generate;
mod workload;

use super::session::{At, SignedInUser};
use crate::{
    cli::{
        durations,
        key_view::{self, KeyRow},
        next::Next,
        output::Format,
    },
    command_error::CommandError,
};
use clap::Subcommand;
use destination::Destination;
use serde_json::{Value, json};
use std::{
    io::{BufRead, IsTerminal, Write},
    path::PathBuf,
};

const LIST: &str = "{ apiKeys { clientId label status secretHint authenticationMethod createdAt createdBy expiresAt rotatedAt graceUntil \
                    lastUsedAt lastUsedFrom deadSecretUses deadSecretSeenAt } }";
const ROTATE: &str = "mutation ($input: RotateApiKeyInput!) { made: rotateApiKey(input: $input) \
                      { clientId clientSecret combinedKey apiKey { label expiresAt graceUntil } } }";
const RENAME: &str = "mutation ($input: RenameApiKeyInput!) { renameApiKey(input: $input) { label } }";
const END_GRACE: &str = "mutation ($id: ID!) { endGrace(id: $id) { label } }";
const RENEW: &str =
    "mutation ($input: RenewApiKeyInput!) { made: renewApiKey(input: $input) { label expiresAt } }";
const REVOKE: &str = "mutation ($id: ID!) { revokeApiKey(id: $id) }";

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Show the organisation's keys
    List {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        format: Format,
    },
    /// Generate a key: with a secret, which is shown or written once, or without one
    Generate(Box<generate::Generate>),
    /// Give a key another label; its secret and its expiry stay
    #[command(after_help = "Example:\n  duku keys rename key_… 'Nightly build'")]
    Rename {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        /// The new label
        label: String,
        #[command(flatten)]
        format: Format,
    },
    /// Replace a key's secret and renew its expiry; the previous secret stops at once
    #[command(
        after_help = "Examples:\n  duku keys rotate key_… --env-file .env\n  duku keys rotate key_… --grace 24h\n  duku keys rotate key_… --end-issued-tokens      # after a leak\n\nOn a terminal the secret is shown. Into a pipe go two lines, DUKU_CLIENT_ID=… and DUKU_CLIENT_SECRET=…, or JSON with --json."
    )]
    Rotate {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        /// How long the previous secret works on, like 30m, 1h or 24h; at most 7d
        #[arg(long, value_name = "TIME", value_parser = durations::grace, default_value = "0s")]
        grace: i64,
        /// Also reject tokens that were issued before, at once (after a leak)
        #[arg(long)]
        end_issued_tokens: bool,
        #[command(flatten)]
        destination: Destination,
    },
    /// End a rotation's grace now: the previous secret stops
    #[command(after_help = "Example:\n  duku keys end-grace key_…")]
    EndGrace {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Renew the expiry of a key that has no secret
    #[command(
        after_help = "Examples:\n  duku keys renew key_…\n  duku keys renew key_… --end-issued-tokens       # after a leak"
    )]
    Renew {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        /// Also reject tokens that were issued before, at once (after a leak)
        #[arg(long)]
        end_issued_tokens: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show the runs that asked with a workload's token and were rejected
    #[command(
        after_help = "Examples:\n  duku keys attempts key_…\n  duku keys attempts key_… --json        # with every claim of their tokens\n\nCompare the ids with those of your own repository or project: a stranger's run can be listed, too."
    )]
    Attempts {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Let the workload of an attempt use the key
    #[command(
        after_help = "Examples:\n  duku keys attempts key_…               # shows the attempts with their ids\n  duku keys allow key_… 9f86d081884c7d65\n  duku keys allow key_… 9f86d081884c7d65 --accept any_branch"
    )]
    Allow {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        /// The attempt's id
        attempt: String,
        /// What is dangerous and accepted by name
        #[arg(long, value_name = "DANGER", value_parser = workload::dangers())]
        accept: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Show the runs that ask for a key that nothing may use yet, for another hour
    #[command(after_help = "Example:\n  duku keys wait key_…")]
    Wait {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Check a token against a key that has no secret: every check, expected and got; nothing is issued
    #[command(
        after_help = "Examples:\n  duku keys check-token key_… --token-file token.jwt\n  some-command-that-prints-one | duku keys check-token key_…\n\nThe exit code is 1 if an exchange would be rejected."
    )]
    CheckToken {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        /// A file with the token, - for standard input
        #[arg(long, value_name = "FILE", default_value = "-")]
        token_file: PathBuf,
        #[command(flatten)]
        format: Format,
    },
    /// Delete a key, permanently; its secret and its tokens are rejected at once
    #[command(
        after_help = "Examples:\n  duku keys revoke key_…            # asks for the key's label\n  duku keys revoke key_… --yes"
    )]
    Revoke {
        #[command(flatten)]
        at: At,
        /// The key's client_id
        client_id: String,
        /// Do not ask; needed where there is no terminal
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        format: Format,
    },
}

impl Keys {
    pub(crate) async fn run(self, next: &Next) -> Result<(), CommandError> {
        match self {
            Self::List { at, format } => key_view::list(list(&SignedInUser::at(&at).await?).await?, format),
            Self::Generate(generate) => generate.run(next).await,
            Self::Rename { at, client_id, label, format } => rename(&at, &client_id, &label, format).await,
            Self::Rotate { at, client_id, grace, end_issued_tokens, destination } => {
                let variables = json!({
                    "input": { "id": client_id, "graceSeconds": grace, "endIssuedTokens": end_issued_tokens }
                });
                destination.of_new_secret(&at, ROTATE, &variables, next).await
            }
            Self::EndGrace { at, client_id, format } => end_grace(&at, &client_id, format).await,
            Self::Renew { at, client_id, end_issued_tokens, format } => {
                renew(&at, &client_id, end_issued_tokens, format).await
            }
            Self::Attempts { at, client_id, format } => {
                attempts::show(&SignedInUser::at(&at).await?, &client_id, format, next).await
            }
            Self::Allow { at, client_id, attempt, accept, format } => {
                attempts::allow(&at, &client_id, &attempt, &accept, format).await
            }
            Self::Wait { at, client_id, format } => attempts::wait(&at, &client_id, format, next).await,
            Self::CheckToken { at, client_id, token_file, format } => {
                check::token(&at, &client_id, &token_file, format).await
            }
            Self::Revoke { at, client_id, yes, format } => revoke(&at, &client_id, yes, format).await,
        }
    }
}

async fn list(user: &SignedInUser) -> Result<Vec<KeyRow>, CommandError> {
    let mut data = user.graphql(LIST, &Value::Null).await?;
    let keys = data.get_mut("apiKeys").map(Value::take).unwrap_or_default();
    Ok(serde_json::from_value(keys)?)
}

async fn rename(at: &At, client_id: &str, label: &str, format: Format) -> Result<(), CommandError> {
    let variables = json!({ "input": { "id": client_id, "label": label } });
    let data = SignedInUser::at(at).await?.graphql(RENAME, &variables).await?;
    let label = data.pointer("/renameApiKey/label").and_then(Value::as_str).unwrap_or(label);
    let text = format!("{client_id} is now called {label}");
    Ok(format.show(&json!({ "client_id": client_id, "label": label }), &text)?)
}

async fn end_grace(at: &At, client_id: &str, format: Format) -> Result<(), CommandError> {
    let data = SignedInUser::at(at).await?.graphql(END_GRACE, &json!({ "id": client_id })).await?;
    let label = data.pointer("/endGrace/label").and_then(Value::as_str).unwrap_or(client_id);
    let text = format!("The previous secret of {label} is rejected now.");
    Ok(format.show(&json!({ "client_id": client_id, "grace_ended": true }), &text)?)
}

async fn renew(
    at: &At,
    client_id: &str,
    end_issued_tokens: bool,
    format: Format,
) -> Result<(), CommandError> {
    let variables = json!({ "input": { "id": client_id, "endIssuedTokens": end_issued_tokens } });
    let data = SignedInUser::at(at).await?.graphql(RENEW, &variables).await?;
    let (label, expires_at) = label_and_expiry(&data);
    let ended = if end_issued_tokens { " Tokens that were issued before are rejected now." } else { "" };
    let text = format!("{label} expires at {expires_at}.{ended}");
    Ok(format.show(&json!({ "client_id": client_id, "expires_at": expires_at, "label": label }), &text)?)
}

/// What was made or changed is called this and expires then.
fn label_and_expiry(data: &Value) -> (&str, &str) {
    let text = |path| data.pointer(path).and_then(Value::as_str).unwrap_or_default();
    (text("/made/label"), text("/made/expiresAt"))
}

async fn revoke(at: &At, client_id: &str, yes: bool, format: Format) -> Result<(), CommandError> {
    if !yes && !std::io::stdin().is_terminal() {
        return Err(CommandError::new(
            "there is no terminal to ask on: add --yes to revoke the key without being asked",
        ));
    }
    let user = SignedInUser::at(at).await?;
    if !yes {
        confirm(&list(&user).await?, client_id, &mut std::io::stdin().lock())?;
    }
    user.graphql(REVOKE, &json!({ "id": client_id })).await?;
    let text = format!("Revoked {client_id}. Its secret and its tokens are rejected now.");
    Ok(format.show(&json!({ "client_id": client_id, "revoked": true }), &text)?)
}

/// Has the person type the key's label.
fn confirm(keys: &[KeyRow], client_id: &str, answer: &mut impl BufRead) -> Result<(), CommandError> {
    let key = keys.iter().find(|key| key.client_id == client_id).ok_or_else(|| {
        CommandError::new(format!("there is no API key {client_id}: `duku keys list` shows them"))
    })?;
    let mut asking = std::io::stderr();
    write!(asking, "Revoking cannot be undone. Type the key's label, {}, to revoke it: ", key.label)?;
    asking.flush()?;
    let mut typed = String::new();
    answer.read_line(&mut typed)?;
    if typed.trim() == key.label {
        return Ok(());
    }
    Err(CommandError::new("that is not the key's label; nothing was revoked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_label_itself_revokes() {
        let key = json!({
            "clientId": "key_1", "label": "GitHub Actions", "status": "ACTIVE", "secretHint": "abcd",
            "authenticationMethod": "CLIENT_SECRET", "createdAt": "",
            "createdBy": "", "expiresAt": "", "deadSecretUses": 0
        });
        let keys: Vec<KeyRow> = serde_json::from_value(json!([key])).unwrap();
        let confirm =
            |id, mut typed: &[u8]| confirm(&keys, id, &mut typed).map_err(|error| error.to_string());
        assert_eq!(confirm("key_1", b"GitHub Actions\n"), Ok(()));
        for typed in ["", "\n", "y\n", "github actions\n", "key_1\n"] {
            assert!(
                confirm("key_1", typed.as_bytes()).unwrap_err().contains("nothing was revoked"),
                "{typed:?}"
            );
        }
        assert!(confirm("key_2", b"GitHub Actions\n").unwrap_err().contains("duku keys list"));
    }
}
