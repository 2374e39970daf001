//! The exchange of an API key for an access token: with its secret, or with an assertion in a secret's place.

use super::{Connection, own_assertion, variable, workload};
use crate::{
    cli::{http, output, secrets},
    command_error::CommandError,
    settings::{authorization_server_of, token_endpoint},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Client;
use serde_json::Value;
use zeroize::Zeroizing;

/// The type of every `client_assertion` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Pair {
    client_id: String,
    client_secret: Zeroizing<String>,
}

impl Connection {
    /// The answer to the key's exchange.
    pub(crate) async fn exchange(&self, client: &Client, scope: Option<&str>) -> Result<Value, CommandError> {
        let (client_id, proof) = if let Some((client_id, assertion)) = self.assertion(client).await? {
            let kind = Zeroizing::new(ASSERTION_TYPE.to_owned());
            (client_id, vec![("client_assertion_type", kind), ("client_assertion", assertion)])
        } else {
            let pair = self.pair()?;
            (pair.client_id, vec![("client_secret", pair.client_secret)])
        };
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", client_id.as_str())];
        form.extend(proof.iter().map(|(name, value)| (*name, value.as_str())));
        form.extend(scope.map(|scope| ("scope", scope)));
        let url = token_endpoint(&authorization_server_of(self.base()), &self.realm);
        let (status, answer) = http::post_form(client, &url, &form).await?;
        if status.is_success() { Ok(answer) } else { Err(http::oauth_failure(status, &answer)) }
    }

    /// What is presented in a secret's place, with the key that it is for: what the platform says of this run, or what the client signs
    /// itself. Nothing where neither was asked for.
    async fn assertion(&self, client: &Client) -> Result<Option<(String, Zeroizing<String>)>, CommandError> {
        if !self.workload && self.private_key_file.is_none() {
            return Ok(None);
        }
        let client_id = self.client_id.clone().filter(|id| !id.is_empty()).ok_or_else(|| {
            CommandError::new(
                "there is no client_id: set DUKU_CLIENT_ID to the key's Client ID, which is no secret",
            )
        })?;
        let assertion = if let Some(file) = &self.private_key_file {
            let key = own_assertion::read_key(file)?;
            own_assertion::sign(&key, &client_id, &self.issuer(client).await?)?
        } else {
            let audience = match &self.audience {
                Some(audience) => audience.clone(),
                None => self.issuer(client).await?,
            };
            workload::assertion(client, &audience, self.workload_token_file.as_deref()).await?
        };
        Ok(Some((client_id, assertion)))
    }

    /// The server's issuer, which assertions are made for. It must be at the server that was named (RFC 8414 §3.3): another server's
    /// assertion could be presented there.
    async fn issuer(&self, client: &Client) -> Result<String, CommandError> {
        let server = authorization_server_of(self.base());
        let url = format!("{server}/realms/{}/.well-known/openid-configuration", self.realm);
        let response = http::send(&url, client.get(&url)).await?;
        let status = response.status();
        let document: Value = response.json().await.unwrap_or_default();
        let expected = format!("{server}/realms/{}", self.realm);
        match document.get("issuer").and_then(Value::as_str) {
            Some(issuer) if issuer == expected => Ok(expected),
            Some(issuer) => Err(CommandError::new(format!(
                "{url} says that its issuer is {}: name the server by that URL, or with --workload the --audience that its keys expect",
                output::printable(issuer)
            ))),
            None => Err(CommandError::new(format!(
                "{url} answered {status} and names no issuer: is --server a Duku server?"
            ))),
        }
    }

    fn pair(&self) -> Result<Pair, CommandError> {
        let variable = |name| variable(name).map(Zeroizing::new);
        let client_id = self.client_id.clone().filter(|id| !id.is_empty());
        if let (None, Some(combined)) = (&client_id, variable("DUKU_API_KEY")) {
            return split(&combined).ok_or_else(|| {
                CommandError::new("DUKU_API_KEY is no combined key: it is base64 of client_id:client_secret")
            });
        }
        let client_id = client_id.ok_or_else(|| {
            CommandError::new(
                "there is no client_id: set DUKU_CLIENT_ID, or DUKU_API_KEY to the combined key",
            )
        })?;
        let client_secret = match (&self.client_secret_file, variable("DUKU_CLIENT_SECRET")) {
            (Some(path), _) => secrets::read(path)?,
            (None, Some(secret)) => secret,
            (None, None) => {
                return Err(CommandError::new(
                    "there is no client secret: set DUKU_CLIENT_SECRET, or name a file with --client-secret-file",
                ));
            }
        };
        Ok(Pair { client_id, client_secret })
    }
}

fn split(combined: &str) -> Option<Pair> {
    let text = Zeroizing::new(String::from_utf8(BASE64_STANDARD.decode(combined.trim()).ok()?).ok()?);
    let (client_id, client_secret) = text.split_once(':')?;
    Some(Pair { client_id: client_id.to_owned(), client_secret: Zeroizing::new(client_secret.to_owned()) })
}
