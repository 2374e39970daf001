//! `duku token` and `duku query`: a client of a server, as a pipeline is.

mod exchange;
mod own_assertion;
mod token_file;
mod workload;

use super::{
    http,
    next::{self, Next},
    output::{self, Format},
    user::SignedInUser,
};
use crate::command_error::CommandError;
use clap::Args;
use serde_json::Value;
use std::{io::Read, path::PathBuf};

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
    /// A file with the private key that `duku keys generate --method private-key-jwt` wrote, which signs in a secret's place
    #[arg(long, value_name = "FILE", conflicts_with_all = ["client_secret_file", "workload"])]
    private_key_file: Option<PathBuf>,
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
    after_help = "Example:\n  export DUKU_CLIENT_ID=key_…\n  read -rs DUKU_CLIENT_SECRET && export DUKU_CLIENT_SECRET      # paste it here: no history keeps it\n  duku token --server https://platform.example.org\n\nIn CI the secret is a variable of the CI system; --client-secret-file names a file.\n\nWithout a secret, where a platform vouches for the run, or with a private key:\n  duku token --workload --client-id key_… --server https://platform.example.org\n  duku token --private-key-file key.pem --client-id key_… --server https://platform.example.org"
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

impl Connection {
    /// A connection with the key of the environment.
    pub(crate) fn of_environment(server: Option<String>, realm: String) -> Self {
        Self {
            server,
            realm,
            client_id: variable("DUKU_CLIENT_ID"),
            client_secret_file: None,
            private_key_file: None,
            workload: false,
            workload_token_file: None,
            audience: None,
        }
    }

    /// Whether a key was named.
    pub(crate) fn has_key(&self) -> bool {
        let named = self.client_id.as_ref().is_some_and(|id| !id.is_empty());
        let given = self.client_secret_file.is_some() || self.private_key_file.is_some();
        named || given || self.workload || variable("DUKU_API_KEY").is_some()
    }

    /// The server, as it was named.
    pub(crate) fn server(&self) -> Option<&str> {
        self.server.as_deref().filter(|server| !server.is_empty())
    }

    /// The server that the key is for.
    pub(crate) fn base(&self) -> &str {
        self.server().unwrap_or(DEFAULT_SERVER).trim_end_matches('/')
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
