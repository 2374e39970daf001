//! How API keys look on the command line: the same whether `duku admin key` reads them from the data or `duku keys` over the network.

use super::output::{self, Format};
use crate::command_error::CommandError;
use domain::workload::AuthenticationMethod;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One key in a list. Its names are those of the JSON that scripts read; times are RFC 3339 in UTC.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub(crate) struct KeyRow {
    pub(crate) client_id: String,
    pub(crate) label: String,
    pub(crate) status: Status,
    pub(crate) authentication_method: Method,
    pub(crate) secret_hint: String,
    pub(crate) created_at: String,
    pub(crate) created_by: String,
    pub(crate) expires_at: String,
    pub(crate) rotated_at: Option<String>,
    pub(crate) grace_until: Option<String>,
    pub(crate) last_used_at: Option<String>,
    pub(crate) last_used_from: Option<String>,
    pub(crate) dead_secret_uses: i64,
    pub(crate) dead_secret_seen_at: Option<String>,
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all(serialize = "lowercase", deserialize = "UPPERCASE"))]
pub(crate) enum Status {
    Active,
    Expired,
}

/// How a key is authenticated at the token endpoint.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all(serialize = "snake_case", deserialize = "SCREAMING_SNAKE_CASE"))]
pub(crate) enum Method {
    ClientSecret,
    PrivateKeyJwt,
    WorkloadIdentity,
}

impl From<AuthenticationMethod> for Method {
    fn from(method: AuthenticationMethod) -> Self {
        match method {
            AuthenticationMethod::ClientSecret => Self::ClientSecret,
            AuthenticationMethod::PrivateKeyJwt => Self::PrivateKeyJwt,
            AuthenticationMethod::WorkloadIdentity => Self::WorkloadIdentity,
        }
    }
}

impl KeyRow {
    fn authentication(&self) -> String {
        match self.authentication_method {
            Method::ClientSecret => format!("secret dks_…{}", self.secret_hint),
            Method::PrivateKeyJwt => "private key".to_owned(),
            Method::WorkloadIdentity => "workload identity".to_owned(),
        }
    }

    fn status(&self) -> String {
        match (self.status, &self.grace_until) {
            (Status::Expired, _) => "Expired".to_owned(),
            (Status::Active, Some(until)) => format!("Active, grace until {until}"),
            (Status::Active, None) => "Active".to_owned(),
        }
    }
}

/// Prints an organisation's keys.
pub(crate) fn list(keys: Vec<KeyRow>, format: Format) -> Result<(), CommandError> {
    if format.json {
        return Ok(output::json(&serde_json::to_value(keys)?)?);
    }
    let rows = keys
        .into_iter()
        .map(|key| {
            let status = key.status();
            let authentication = key.authentication();
            let last_used = key.last_used_at.unwrap_or_else(|| "Never used".to_owned());
            vec![key.label, key.client_id, authentication, status, last_used, key.expires_at]
        })
        .collect();
    let head = ["LABEL", "CLIENT ID", "AUTHENTICATION", "STATUS", "LAST USED", "EXPIRES"];
    Ok(output::table(&head, rows, "This organisation has no API keys.")?)
}

/// A key with its new secret.
pub(crate) struct NewSecret<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    pub(crate) combined: &'a str,
    pub(crate) label: &'a str,
    pub(crate) expires_at: String,
    pub(crate) grace_until: Option<String>,
}

impl NewSecret<'_> {
    /// For scripts.
    pub(crate) fn json(&self) -> Value {
        json!({
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "combined_key": self.combined,
            "label": self.label,
            "expires_at": self.expires_at,
        })
    }

    /// For eyes.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} expires at {}\n\n  Client ID      {}\n  Client secret  {}\n  Combined key   {}\n{}\n\
             This is the only time that you can see this secret. Store it in your secret manager now.",
            self.label,
            self.expires_at,
            self.client_id,
            self.client_secret,
            self.combined,
            self.grace()
        )
    }

    /// Until when the previous secret works, as a paragraph; nothing if it does not.
    pub(crate) fn grace(&self) -> String {
        let until = self.grace_until.as_ref();
        until.map_or_else(String::new, |until| format!("\nThe previous secret works until {until}.\n"))
    }

    /// Prints the only copy of the secret; `rotate` is the command that makes another if that fails.
    pub(crate) fn show_once(&self, text: &str, rotate: &str) -> Result<(), CommandError> {
        output::once(text).map_err(|error| {
            CommandError::new(format!(
                "{0} has a new secret, but it could not be shown ({error}): run `{rotate} {0}` again, or revoke the key",
                self.client_id
            ))
        })
    }
}
