//! What every command that talks to a server shares: one HTTP client, JSON answers, errors in one line.

use crate::command_error::CommandError;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A client that follows no redirect: credentials go to the server that was named, or nowhere.
pub(crate) fn client() -> Result<Client, CommandError> {
    let client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(own_name())
        .build();
    client.map_err(|error| CommandError::new(format!("cannot start the HTTP client: {error}")))
}

/// By this a person recognises the device that asks for approval: `duku/0.2.0 on ada-laptop`.
fn own_name() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .into_iter()
        .find_map(|file| std::fs::read_to_string(file).ok())
        .or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.map(|host| host.trim().to_owned());
    match host.filter(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(host) => format!("duku/{version} on {host}"),
        None => format!("duku/{version}"),
    }
}

/// Sends a request.
pub(crate) async fn send(url: &str, request: RequestBuilder) -> Result<Response, CommandError> {
    request.send().await.map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        CommandError::new(format!(
            "cannot reach {url} ({cause}): is the server running, and is --server right?"
        ))
    })
}

/// Posts a form and reads a JSON answer, with its status.
pub(crate) async fn post_form(
    client: &Client,
    url: &str,
    form: &[(&str, &str)],
) -> Result<(StatusCode, Value), CommandError> {
    let response = send(url, client.post(url).form(form)).await?;
    Ok((response.status(), body(response).await?))
}

/// Posts a GraphQL document and reads the answer, with its status; `errors` in it are the caller's business.
pub(crate) async fn graphql(
    client: &Client,
    server: &str,
    access_token: &str,
    document: &str,
    variables: &Value,
) -> Result<(StatusCode, Value), CommandError> {
    let url = format!("{server}/graphql");
    let request = client
        .post(&url)
        .bearer_auth(access_token)
        .header("accept", "application/graphql-response+json, application/json;q=0.9")
        .json(&json!({ "query": document, "variables": variables }));
    let response = send(&url, request).await?;
    Ok((response.status(), body(response).await?))
}

/// The first GraphQL error's message, as it stands.
pub(crate) fn graphql_error(answer: &Value) -> Option<&str> {
    answer.pointer("/errors/0/message").and_then(Value::as_str)
}

/// A rejection of the authorization server (RFC 6749 §5.2) as one line.
pub(crate) fn oauth_failure(status: StatusCode, answer: &Value) -> CommandError {
    let description =
        answer.get("error_description").and_then(Value::as_str).unwrap_or("no reason was given");
    CommandError::new(format!("{status}: {description}"))
}

async fn body(response: Response) -> Result<Value, CommandError> {
    let status = response.status();
    let text = response.text().await.map_err(|error| {
        CommandError::new(format!(
            "the answer broke off ({error}): what was asked for may have been done all the same"
        ))
    })?;
    serde_json::from_str(&text).map_err(|_| {
        CommandError::new(format!("{status}, and the answer is no JSON: is --server a Duku server?"))
    })
}
