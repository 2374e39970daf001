//! `duku keys`: the signed-in person's API keys, over the network.

use super::{
    env_file::{self, EnvFile},
    session::{At, SignedInUser},
};
use crate::{
    cli::{
        durations,
        key_view::{self, KeyRow, NewSecret},
        next::{self, Next, quoted},
        output::{self, Format},
    },
    command_error::CommandError,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    io::{BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const LIST: &str = "{ apiKeys { clientId label status secretHint createdAt createdBy expiresAt rotatedAt graceUntil \
                    lastUsedAt lastUsedFrom deadSecretUses deadSecretSeenAt } }";
const GENERATE: &str = "mutation ($input: GenerateApiKeyInput!) { made: generateApiKey(input: $input) \
                        { clientId clientSecret combinedKey apiKey { label expiresAt graceUntil } } }";
const ROTATE: &str = "mutation ($input: RotateApiKeyInput!) { made: rotateApiKey(input: $input) \
                      { clientId clientSecret combinedKey apiKey { label expiresAt graceUntil } } }";
const RENAME: &str = "mutation ($input: RenameApiKeyInput!) { renameApiKey(input: $input) { label } }";
const END_GRACE: &str = "mutation ($id: ID!) { endGrace(id: $id) { label } }";
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
    /// Generate a key; its secret is shown or written once
    #[command(
        after_help = "Examples:\n  duku keys generate --label 'GitHub Actions'\n  duku keys generate --label CI --expires-in 30d --env-file .env\n  duku keys generate --label CI --json | jq -r .combined_key | gh secret set DUKU_API_KEY\n\nOn a terminal the secret is shown. Into a pipe go two lines, DUKU_CLIENT_ID=… and DUKU_CLIENT_SECRET=…, or JSON with --json."
    )]
    Generate {
        #[command(flatten)]
        at: At,
        /// What to call it, like "GitHub Actions"
        #[arg(long)]
        label: String,
        /// How long it lives, in days, like 30d [default: what the organisation set]
        #[arg(long, value_name = "DAYS", value_parser = durations::days)]
        expires_in: Option<i64>,
        #[command(flatten)]
        destination: Destination,
    },
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

/// Where a new secret goes.
#[derive(Debug, Args)]
pub(crate) struct Destination {
    /// Write DUKU_CLIENT_ID and DUKU_CLIENT_SECRET into this .env file (its other lines stay) and show no secret
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

impl Keys {
    pub(crate) async fn run(self, next: &Next) -> Result<(), CommandError> {
        match self {
            Self::List { at, format } => key_view::list(list(&SignedInUser::at(&at).await?).await?, format),
            Self::Generate { at, label, expires_in, destination } => {
                let variables = json!({ "input": { "label": label, "expiresInDays": expires_in } });
                destination.of_new_secret(&at, GENERATE, &variables, next).await
            }
            Self::Rename { at, client_id, label, format } => rename(&at, &client_id, &label, format).await,
            Self::Rotate { at, client_id, grace, end_issued_tokens, destination } => {
                let variables = json!({
                    "input": { "id": client_id, "graceSeconds": grace, "endIssuedTokens": end_issued_tokens }
                });
                destination.of_new_secret(&at, ROTATE, &variables, next).await
            }
            Self::EndGrace { at, client_id, format } => end_grace(&at, &client_id, format).await,
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

impl Destination {
    /// Makes a new secret by `document` and brings it to where it belongs.
    async fn of_new_secret(
        &self,
        at: &At,
        document: &str,
        variables: &Value,
        next: &Next,
    ) -> Result<(), CommandError> {
        let user = SignedInUser::at(at).await?;
        let env_file = self.env_file.as_deref().map(EnvFile::open).transpose()?;
        let data = user.graphql(document, variables).await?;
        let (combined, secret) = (secret(&data, "/made/combinedKey")?, secret(&data, "/made/clientSecret")?);
        let text = |path| data.pointer(path).and_then(Value::as_str);
        let made = NewSecret {
            client_id: text("/made/clientId").filter(|id| is_plain(id)).ok_or_else(strange)?,
            client_secret: &secret,
            combined: &combined,
            label: text("/made/apiKey/label").unwrap_or_default(),
            expires_at: text("/made/apiKey/expiresAt").unwrap_or_default().to_owned(),
            grace_until: text("/made/apiKey/graceUntil").map(str::to_owned),
        };
        match env_file {
            Some(file) => self.write(&made, file)?,
            None => self.show(&made)?,
        }
        let text = match &self.env_file {
            Some(path) => {
                let token = next.client(&format!("token{}", next::at(&user.server)));
                format!(
                    "try it, with the file's variables for this command alone:\n  (set -a && . {} && {token})",
                    sourced(path)
                )
            }
            None if document == ROTATE => {
                let (id, server) = (made.client_id, next::at(&user.server));
                let end = made.grace_until.map(|_| next.client(&format!("keys end-grace {id}{server}")));
                next::place_of_rotated_secret(end)
            }
            None => next.use_of_new_key(made.client_id, &user.server),
        };
        next::hint(self.format, &text);
        Ok(())
    }

    fn show(&self, made: &NewSecret<'_>) -> Result<(), CommandError> {
        let text = if self.format.json {
            output::json_text(&made.json())
        } else if std::io::stdout().is_terminal() {
            made.text()
        } else {
            let (id, secret) = (made.client_id, made.client_secret);
            format!("{}={id}\n{}={secret}", env_file::CLIENT_ID, env_file::CLIENT_SECRET)
        };
        made.show_once(&Zeroizing::new(text), "duku keys rotate")
    }

    fn write(&self, made: &NewSecret<'_>, file: EnvFile) -> Result<(), CommandError> {
        let id = made.client_id;
        let path = file.write(id, made.client_secret).map_err(|error| {
            CommandError::new(format!(
                "{id} has a new secret, but it could not be written ({error}): run `duku keys rotate {id}` again, or revoke the key"
            ))
        })?;
        let path = path.display().to_string();
        if self.format.json {
            let said = json!({ "client_id": id, "label": made.label, "expires_at": made.expires_at, "env_file": path });
            return Ok(output::json(&said)?);
        }
        let line = format!(
            "{} expires at {}\n{} and {} are in {path} now, readable by you alone.{}",
            made.label,
            made.expires_at,
            env_file::CLIENT_ID,
            env_file::CLIENT_SECRET,
            made.grace()
        );
        Ok(output::line(line.trim_end())?)
    }
}

/// A file as a shell's `.` finds it: a bare name would be looked for in the `PATH`.
fn sourced(path: &Path) -> String {
    let is_bare = path.parent().is_some_and(|parent| parent.as_os_str().is_empty());
    quoted(&format!("{}{}", if is_bare { "./" } else { "" }, path.display()))
}

/// A secret in the answer.
fn secret(data: &Value, path: &str) -> Result<Zeroizing<String>, CommandError> {
    let text = data.pointer(path).and_then(Value::as_str).filter(|text| is_plain(text));
    text.map(|text| Zeroizing::new(text.to_owned())).ok_or_else(strange)
}

/// Whether a value can stand in an `.env` file as it is: neither quotes nor line breaks can slip another setting in.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(c))
}

fn strange() -> CommandError {
    CommandError::new(
        "the answer holds no key in the form that a Duku server gives; if one was made, `duku keys list` shows it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_label_itself_revokes() {
        let key = json!({
            "clientId": "key_1", "label": "GitHub Actions", "status": "ACTIVE", "secretHint": "abcd", "createdAt": "",
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

    #[test]
    fn a_value_that_could_carry_another_setting_is_rejected() {
        assert!(is_plain("dks_0Az") && is_plain("a2V5Xz/+=="));
        for value in ["", "a\nPATH=x", "a b", "$(x)", "'", "a#b", "é"] {
            assert!(!is_plain(value), "{value:?}");
        }
    }
}
