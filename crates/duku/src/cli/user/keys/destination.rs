//! Where a key's new secret goes: shown, printed or written, once.

use super::super::{
    env_file::{self, EnvFile},
    session::{At, SignedInUser},
};
use crate::{
    cli::{
        key_view::NewSecret,
        next::{self, Next, quoted},
        output::{self, Format},
    },
    command_error::CommandError,
};
use clap::Args;
use serde_json::{Value, json};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Where a new secret goes.
#[derive(Debug, Args)]
pub(crate) struct Destination {
    /// Write DUKU_CLIENT_ID and DUKU_CLIENT_SECRET into this .env file (its other lines stay) and show no secret
    #[arg(long, value_name = "FILE")]
    pub(super) env_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) format: Format,
}

impl Destination {
    /// Makes a new secret by `document` and brings it to where it belongs.
    pub(super) async fn of_new_secret(
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
            None if document == super::ROTATE => {
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
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(c))
}

pub(super) fn strange() -> CommandError {
    CommandError::new(
        "the answer holds no key in the form that a Duku server gives; if one was made, `duku keys list` shows it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_carry_another_setting_is_rejected() {
        assert!(is_plain("dks_0Az") && is_plain("a2V5Xz/+=="));
        for value in ["", "a\nPATH=x", "a b", "$(x)", "'", "a#b", "é"] {
            assert!(!is_plain(value), "{value:?}");
        }
    }
}
