//! Access tokens of the signed-in person, and GraphQL with them.

use super::{
    CLIENT_ID,
    credentials::{self, Credentials, Session, Token},
    device, endpoint, now, server_url,
};
use crate::{cli::http, command_error::CommandError};
use clap::Args;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::path::PathBuf;

/// Which of the servers that the person is signed in to.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// The server's URL [default: the one that you are signed in to]
    #[arg(long, env = "DUKU_URL", value_name = "URL")]
    server: Option<String>,
}

impl At {
    /// The server, as it was named.
    pub(super) fn server(&self) -> Option<&str> {
        self.server.as_deref().filter(|server| !server.is_empty())
    }
}

/// A person at a server.
pub(crate) struct SignedInUser {
    pub(super) server: String,
    client: Client,
    path: PathBuf,
}

impl SignedInUser {
    /// Finds the server that is meant.
    ///
    /// # Errors
    /// It is not named and there are several or none, or the credentials cannot be used.
    pub(super) async fn at(at: &At) -> Result<Self, CommandError> {
        let path = credentials::path()?;
        let server = match at.server() {
            Some(server) => server_url(server)?,
            None => only_server(&Credentials::lock(path.clone()).await?)?.ok_or_else(|| {
                CommandError::new("you are not signed in: run `duku login --server URL` first")
            })?,
        };
        Ok(Self { server, client: http::client()?, path })
    }

    /// Finds the session with the server that is named, or the only one that there is.
    ///
    /// # Errors
    /// There are several and none is named, or the credentials cannot be used.
    pub(crate) async fn find(server: Option<&str>) -> Result<Option<Self>, CommandError> {
        let server = server.map(server_url).transpose()?;
        // Nothing is made where nobody has signed in.
        let Some(path) = credentials::path().ok().filter(|path| path.exists()) else { return Ok(None) };
        let file = Credentials::lock(path.clone()).await?;
        let server = match server {
            Some(server) => file.session(&server).is_some().then_some(server),
            None => only_server(&file)?,
        };
        let Some(server) = server else { return Ok(None) };
        Ok(Some(Self { server, client: http::client()?, path }))
    }

    /// What is kept of the session.
    pub(super) async fn session(&self) -> Result<Option<Session>, CommandError> {
        Ok(Credentials::lock(self.path.clone()).await?.session(&self.server).cloned())
    }

    /// Runs a GraphQL document and answers with its `data`.
    ///
    /// # Errors
    /// The person is not signed in any more, the server rejects (its message as it stands), or cannot be reached.
    pub(super) async fn graphql(&self, document: &str, variables: &Value) -> Result<Value, CommandError> {
        let (status, mut answer) = self.ask(document, variables).await?;
        if let Some(message) = http::graphql_error(&answer) {
            return Err(CommandError::new(message));
        }
        let data = answer.get_mut("data").map(Value::take).filter(Value::is_object);
        data.ok_or_else(|| {
            CommandError::new(format!("{status}, and the answer holds no data: is --server a Duku server?"))
        })
    }

    /// Runs a GraphQL document; `errors` in the answer are the caller's business.
    ///
    /// # Errors
    /// The person is not signed in any more, or the server cannot be reached.
    pub(crate) async fn ask(
        &self,
        document: &str,
        variables: &Value,
    ) -> Result<(StatusCode, Value), CommandError> {
        let token = self.access_token(None).await?;
        let mut answer =
            http::graphql(&self.client, &self.server, token.expose(), document, variables).await?;
        if answer.0 == StatusCode::UNAUTHORIZED {
            // It was ended early, or the clocks differ: a new one decides whether the session is over. Nothing was done yet.
            let token = self.access_token(Some(&token)).await?;
            answer = http::graphql(&self.client, &self.server, token.expose(), document, variables).await?;
        }
        Ok(answer)
    }

    /// An access token that is fresh and is not the `rejected` one.
    async fn access_token(&self, rejected: Option<&Token>) -> Result<Token, CommandError> {
        let mut file = Credentials::lock(self.path.clone()).await?;
        let session =
            file.session(&self.server).cloned().ok_or_else(|| self.signed_out("you are not signed in to"))?;
        if session.is_fresh(now()) && Some(&session.access_token) != rejected {
            return Ok(session.access_token);
        }
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", session.refresh_token.expose()),
            ("client_id", CLIENT_ID),
        ];
        let url = endpoint(&self.server, &session.realm, "token");
        let (status, answer) = http::post_form(&self.client, &url, &form).await?;
        if status.is_success() {
            let next = device::session(&answer, &session.realm, now())?;
            let token = next.access_token.clone();
            file.keep(&self.server, next)?;
            return Ok(token);
        }
        if answer.get("error").and_then(Value::as_str) == Some("invalid_grant") {
            file.forget(&self.server)?;
            return Err(self.signed_out("your session has ended at"));
        }
        Err(http::oauth_failure(status, &answer))
    }

    fn signed_out(&self, how: &str) -> CommandError {
        CommandError::new(format!("{how} {0}: sign in again with `duku login --server {0}`", self.server))
    }

    /// Ends the session at the server and forgets it; false if there was none.
    ///
    /// # Errors
    /// The server cannot be reached or fails: then the session is kept, because it still works.
    pub(super) async fn sign_out(&self) -> Result<bool, CommandError> {
        let mut file = Credentials::lock(self.path.clone()).await?;
        let Some(session) = file.session(&self.server).cloned() else { return Ok(false) };
        end(&self.client, &self.server, &session).await?;
        file.forget(&self.server)?;
        Ok(true)
    }
}

/// Ends a session at the server. One that has ended already is no failure.
pub(super) async fn end(client: &Client, server: &str, session: &Session) -> Result<(), CommandError> {
    let url = endpoint(server, &session.realm, "logout");
    let form = [("client_id", CLIENT_ID), ("refresh_token", session.refresh_token.expose())];
    let status = http::send(&url, client.post(&url).form(&form)).await?.status();
    if status.is_success() || status == StatusCode::BAD_REQUEST {
        return Ok(());
    }
    Err(CommandError::new(format!("{status}: the session at {server} was not ended; try again later")))
}

fn only_server(file: &Credentials) -> Result<Option<String>, CommandError> {
    match file.servers().as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).to_owned())),
        several => Err(CommandError::new(format!(
            "you are signed in to several servers; choose one with --server: {}",
            several.join(", ")
        ))),
    }
}
