//! `duku token` and `duku query`: a client of a server, as a pipeline is.

use super::{http, output, secrets};
use crate::{
    command_error::CommandError,
    settings::{authorization_server_of, token_endpoint},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use reqwest::Client;
use serde_json::Value;
use std::{io::Read, path::PathBuf};
use zeroize::Zeroizing;

/// Which server, and with which key.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The server's URL
    #[arg(long, env = "DUKU_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    server: String,
    /// The realm's name in the authorization server's paths
    #[arg(long = "server-realm", default_value = "duku", value_name = "REALM")]
    realm: String,
    /// The key's client_id
    #[arg(long, env = "DUKU_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// A file with the client secret, - for standard input; the secret may also be in DUKU_CLIENT_SECRET, or the combined key in DUKU_API_KEY
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  export DUKU_CLIENT_ID=key_… DUKU_CLIENT_SECRET=dks_…\n  duku token --server https://platform.example.org"
)]
pub(crate) struct Token {
    #[command(flatten)]
    connection: Connection,
    /// Scopes to ask for, separated by spaces; most need none
    #[arg(long)]
    scope: Option<String>,
    /// Print the whole answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  duku query '{ subjects { id name } }'\n  duku query --variables '{\"id\": \"sbj_…\"}' 'query ($id: ID!) { subject(id: $id) { name } }'\n  duku query - < query.graphql"
)]
pub(crate) struct Query {
    #[command(flatten)]
    connection: Connection,
    /// The GraphQL document, - for standard input
    document: String,
    /// The document's variables, a JSON object
    #[arg(long, value_name = "JSON")]
    variables: Option<String>,
}

struct Pair {
    client_id: String,
    client_secret: Zeroizing<String>,
}

impl Connection {
    fn pair(&self) -> Result<Pair, CommandError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Zeroizing::new);
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

    fn base(&self) -> &str {
        self.server.trim_end_matches('/')
    }

    async fn exchange(&self, client: &Client, scope: Option<&str>) -> Result<Value, CommandError> {
        let pair = self.pair()?;
        let url = token_endpoint(&authorization_server_of(self.base()), &self.realm);
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", pair.client_id.as_str()),
            ("client_secret", pair.client_secret.as_str()),
        ];
        form.extend(scope.map(|scope| ("scope", scope)));
        let (status, answer) = http::post_form(client, &url, &form).await?;
        if status.is_success() { Ok(answer) } else { Err(http::oauth_failure(status, &answer)) }
    }
}

fn split(combined: &str) -> Option<Pair> {
    let text = Zeroizing::new(String::from_utf8(BASE64_STANDARD.decode(combined.trim()).ok()?).ok()?);
    let (client_id, client_secret) = text.split_once(':')?;
    Some(Pair { client_id: client_id.to_owned(), client_secret: Zeroizing::new(client_secret.to_owned()) })
}

fn access_token(answer: &Value) -> Result<&str, CommandError> {
    let token = answer.get("access_token").and_then(Value::as_str);
    // RFC 6749 appendix A.12: visible characters, so that no script takes one answer for two lines.
    token
        .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| CommandError::new("the answer holds no access token: is --server a Duku server?"))
}

impl Token {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let answer = self.connection.exchange(&http::client()?, self.scope.as_deref()).await?;
        if self.json {
            return Ok(output::json(&answer)?);
        }
        Ok(output::line(access_token(&answer)?)?)
    }
}

impl Query {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let document = match self.document.as_str() {
            "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            }
            document => document.to_owned(),
        };
        let variables = self.variables.as_deref().unwrap_or("null");
        let variables: Value = serde_json::from_str(variables)
            .map_err(|error| CommandError::new(format!("--variables is no JSON object: {error}")))?;
        let client = http::client()?;
        let issued = self.connection.exchange(&client, None).await?;
        let token = access_token(&issued)?;
        let (_, answer) =
            http::graphql(&client, self.connection.base(), token, &document, &variables).await?;
        output::json(&answer)?;
        http::graphql_error(&answer).map_or(Ok(()), |message| Err(CommandError::new(message)))
    }
}
