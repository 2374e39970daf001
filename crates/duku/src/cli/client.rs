//! `duku token` and `duku query`: a client of a server, as a pipeline is.

use super::{
    http,
    next::{self, Next},
    output::{self, Format},
    secrets, token_file,
    user::SignedInUser,
    workload,
};
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

/// The server that a key is for if none is named.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// Which server, and with which key.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The server's URL [default: http://127.0.0.1:8080]
    #[arg(long, env = "DUKU_URL", value_name = "URL")]
    server: Option<String>,
    /// The realm's name in the authorization server's paths
    #[arg(long = "server-realm", default_value = "duku", value_name = "REALM")]
    realm: String,
    /// The key's client_id
    #[arg(long, env = "DUKU_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// A file with the client secret, - for standard input; the secret may also be in DUKU_CLIENT_SECRET, or the combined key in DUKU_API_KEY
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Exchange the identity that the platform gives to this run, instead of a secret
    #[arg(long, env = "DUKU_WORKLOAD", value_parser = clap::builder::FalseyValueParser::new(), conflicts_with = "client_secret_file")]
    workload: bool,
    /// A file with the platform's token, like a projected one of Kubernetes; with --workload
    #[arg(long, value_name = "FILE", requires = "workload")]
    workload_token_file: Option<PathBuf>,
    /// What the platform's token must be made for [default: the server's issuer]; with --workload
    #[arg(long, value_name = "AUDIENCE", requires = "workload")]
    audience: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  export DUKU_CLIENT_ID=key_…\n  read -rs DUKU_CLIENT_SECRET && export DUKU_CLIENT_SECRET      # paste it here: no history keeps it\n  duku token --server https://platform.example.org\n\nIn CI the secret is a variable of the CI system; --client-secret-file names a file.\n\nWithout a secret, where a platform vouches for the run:\n  duku token --workload --client-id key_… --server https://platform.example.org"
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
    /// Keep a fresh token in this file, until it is stopped: for jobs and pods that run longer than a token lives
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    watch: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  duku query '{ subjects { id name } }'\n  duku query --variables '{\"id\": \"sbj_…\"}' 'query ($id: ID!) { subject(id: $id) { name } }'\n  duku query - < query.graphql\n\nIt asks with the API key that is named; without one, with the session of `duku login`."
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
    /// A connection with the key of the environment.
    pub(crate) fn of_environment(server: Option<String>, realm: String) -> Self {
        Self {
            server,
            realm,
            client_id: variable("DUKU_CLIENT_ID"),
            client_secret_file: None,
            workload: false,
            workload_token_file: None,
            audience: None,
        }
    }

    /// Whether a key was named.
    pub(crate) fn has_key(&self) -> bool {
        let named = self.client_id.as_ref().is_some_and(|id| !id.is_empty());
        named || self.workload || self.client_secret_file.is_some() || variable("DUKU_API_KEY").is_some()
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

    /// The server, as it was named.
    pub(crate) fn server(&self) -> Option<&str> {
        self.server.as_deref().filter(|server| !server.is_empty())
    }

    /// The server that the key is for.
    pub(crate) fn base(&self) -> &str {
        self.server().unwrap_or(DEFAULT_SERVER).trim_end_matches('/')
    }

    /// The answer to the key's exchange.
    pub(crate) async fn exchange(&self, client: &Client, scope: Option<&str>) -> Result<Value, CommandError> {
        let url = token_endpoint(&authorization_server_of(self.base()), &self.realm);
        if self.workload {
            return self.exchange_identity(client, &url, scope).await;
        }
        let pair = self.pair()?;
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", pair.client_id.as_str()),
            ("client_secret", pair.client_secret.as_str()),
        ];
        form.extend(scope.map(|scope| ("scope", scope)));
        let (status, answer) = http::post_form(client, &url, &form).await?;
        if status.is_success() { Ok(answer) } else { Err(http::oauth_failure(status, &answer)) }
    }

    /// The answer to the exchange of what the platform says of this run.
    async fn exchange_identity(
        &self,
        client: &Client,
        url: &str,
        scope: Option<&str>,
    ) -> Result<Value, CommandError> {
        let client_id = self.client_id.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| {
            CommandError::new(
                "there is no client_id: set DUKU_CLIENT_ID to the key's Client ID, which is no secret",
            )
        })?;
        let audience = match &self.audience {
            Some(audience) => audience.clone(),
            None => self.issuer(client).await?,
        };
        let file = self.workload_token_file.as_deref();
        let assertion = workload::assertion(client, &audience, file).await?;
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        form.extend(scope.map(|scope| ("scope", scope)));
        let (status, answer) = http::post_form(client, url, &form).await?;
        if status.is_success() { Ok(answer) } else { Err(http::oauth_failure(status, &answer)) }
    }

    /// The server's issuer, which platforms make their tokens for.
    async fn issuer(&self, client: &Client) -> Result<String, CommandError> {
        let server = authorization_server_of(self.base());
        let url = format!("{server}/realms/{}/.well-known/openid-configuration", self.realm);
        let response = http::send(&url, client.get(&url)).await?;
        let status = response.status();
        let document: Value = response.json().await.unwrap_or_default();
        let issuer = document.get("issuer").and_then(Value::as_str);
        issuer.map(str::to_owned).ok_or_else(|| {
            CommandError::new(format!(
                "{url} answered {status} and names no issuer: is --server a Duku server?"
            ))
        })
    }

    /// The answer to a GraphQL document: asked with the key if one was named, else as the person who is signed in.
    async fn ask(&self, document: &str, variables: &Value) -> Result<Value, CommandError> {
        if self.has_key() {
            let client = http::client()?;
            let issued = self.exchange(&client, None).await?;
            let token = access_token(&issued)?;
            return Ok(http::graphql(&client, self.base(), token, document, variables).await?.1);
        }
        let user = SignedInUser::find(self.server()).await?.ok_or_else(|| nobody(self.server()))?;
        Ok(user.ask(document, variables).await?.1)
    }
}

/// What the environment says; CI systems set undefined variables to nothing.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Nobody to ask as.
pub(crate) fn nobody(server: Option<&str>) -> CommandError {
    let (with, server) = server.map_or((String::new(), "URL"), |server| (format!(" with {server}"), server));
    CommandError::new(format!(
        "there is no API key and no session{with}: set DUKU_CLIENT_ID and DUKU_CLIENT_SECRET (or DUKU_API_KEY), or sign in with \
         `duku login --server {server}`"
    ))
}

fn split(combined: &str) -> Option<Pair> {
    let text = Zeroizing::new(String::from_utf8(BASE64_STANDARD.decode(combined.trim()).ok()?).ok()?);
    let (client_id, client_secret) = text.split_once(':')?;
    Some(Pair { client_id: client_id.to_owned(), client_secret: Zeroizing::new(client_secret.to_owned()) })
}

pub(crate) fn access_token(answer: &Value) -> Result<&str, CommandError> {
    let token = answer.get("access_token").and_then(Value::as_str);
    // RFC 6749 appendix A.12: visible characters, so that no script takes one answer for two lines.
    token
        .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| CommandError::new("the answer holds no access token: is --server a Duku server?"))
}

impl Token {
    pub(crate) async fn run(self, next: &Next) -> Result<(), CommandError> {
        let client = http::client()?;
        if let Some(file) = &self.watch {
            let exchange = || self.connection.exchange(&client, self.scope.as_deref());
            return token_file::keep_fresh(file, exchange).await;
        }
        let answer = self.connection.exchange(&client, self.scope.as_deref()).await?;
        if self.json {
            return Ok(output::json(&answer)?);
        }
        output::line(access_token(&answer)?)?;
        let at = self.connection.server().map_or_else(String::new, |_| next::at(self.connection.base()));
        let query = next.client(&format!("query '{{ subjects {{ id name }} }}'{at}"));
        next::hint(Format::TEXT, &format!("a query, which exchanges the key by itself:\n  {query}"));
        Ok(())
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
        let answer = self.connection.ask(&document, &variables).await?;
        output::json(&answer)?;
        http::graphql_error(&answer).map_or(Ok(()), |message| Err(CommandError::new(message)))
    }
}
