//! The identity that a platform gives to what runs on it: where it is found, and how it is asked for.

use super::variable;
use crate::{
    cli::{http, secrets},
    command_error::CommandError,
};
use reqwest::Client;
use serde_json::Value;
use std::{path::Path, process::Stdio, time::Duration};
use tokio::process::Command;
use zeroize::Zeroizing;

/// Where Kubernetes' documentation of ours mounts a projected token.
const PROJECTED: &str = "/var/run/duku/assertion";
const GOOGLE: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity";
/// The metadata server is on the same host, or is not there at all.
const METADATA_PATIENCE: Duration = Duration::from_secs(2);
/// How long a platform's command may take.
const COMMAND_PATIENCE: Duration = Duration::from_secs(30);

/// Variables in which a platform puts a token that was made for `aud` as its pipeline says.
const VARIABLES: [&str; 3] = ["DUKU_ASSERTION", "DUKU_ID_TOKEN", "TFC_WORKLOAD_IDENTITY_TOKEN"];

/// The token of whatever this runs on, for `audience`.
///
/// Looked for in this order: the file that was named, GitHub Actions' request URL, the variables that pipelines fill, the commands of
/// Buildkite, CircleCI and AWS, a projected token of Kubernetes, and Google's metadata server.
pub(crate) async fn assertion(
    client: &Client,
    audience: &str,
    file: Option<&Path>,
) -> Result<Zeroizing<String>, CommandError> {
    if let Some(file) = file {
        return secrets::read(file);
    }
    if let Some(url) = variable("ACTIONS_ID_TOKEN_REQUEST_URL") {
        return of_github(client, &url, audience).await;
    }
    if let Some(token) = VARIABLES.iter().find_map(|name| variable(name)) {
        return Ok(Zeroizing::new(token));
    }
    if variable("BUILDKITE_AGENT_ACCESS_TOKEN").is_some() {
        let claims = "organization_id,pipeline_id";
        let arguments = ["oidc", "request-token", "--audience", audience, "--claim", claims];
        return said("buildkite-agent", &arguments).await;
    }
    if variable("CIRCLECI").is_some() {
        let claims = serde_json::json!({ "aud": audience }).to_string();
        return said("circleci", &["run", "oidc", "get", "--claims", &claims]).await;
    }
    if Path::new(PROJECTED).exists() {
        return secrets::read(Path::new(PROJECTED));
    }
    if [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_EXECUTION_ENV",
        "AWS_ROLE_ARN",
    ]
    .iter()
    .any(|name| variable(name).is_some())
    {
        let arguments = [
            "sts",
            "get-web-identity-token",
            "--audience",
            audience,
            "--signing-algorithm",
            "ES384",
            "--query",
            "WebIdentityToken",
            "--output",
            "text",
        ];
        return said("aws", &arguments).await;
    }
    match of_google(client, audience).await {
        Some(token) => Ok(token),
        None => Err(CommandError::new(
            "no identity was found here: GitHub Actions needs `permissions: id-token: write`, GitLab CI an `id_tokens` entry named \
             DUKU_ASSERTION, Kubernetes a projected token at /var/run/duku/assertion; or name a file with --workload-token-file",
        )),
    }
}

async fn of_github(client: &Client, url: &str, audience: &str) -> Result<Zeroizing<String>, CommandError> {
    let bearer = variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN").ok_or_else(|| {
        CommandError::new(
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN is missing: the job needs `permissions: id-token: write`",
        )
    })?;
    let mut url = url::Url::parse(url)
        .map_err(|error| CommandError::new(format!("ACTIONS_ID_TOKEN_REQUEST_URL is no URL: {error}")))?;
    url.query_pairs_mut().append_pair("audience", audience);
    let request = client.get(url).bearer_auth(bearer).header("accept", "application/json");
    let response = http::send("GitHub's token service", request).await?;
    let status = response.status();
    let answer: Value = response.json().await.unwrap_or_default();
    match answer.get("value").and_then(Value::as_str) {
        Some(token) if status.is_success() => Ok(Zeroizing::new(token.to_owned())),
        _ => Err(CommandError::new(format!("GitHub gave no token ({status})"))),
    }
}

async fn of_google(client: &Client, audience: &str) -> Option<Zeroizing<String>> {
    let url = url::Url::parse_with_params(GOOGLE, [("audience", audience), ("format", "full")]).ok()?;
    let request = client.get(url).header("Metadata-Flavor", "Google").timeout(METADATA_PATIENCE);
    let response = request.send().await.ok()?;
    let is_google = response.headers().get("metadata-flavor").is_some_and(|flavor| flavor == "Google");
    if !response.status().is_success() || !is_google {
        return None;
    }
    Some(Zeroizing::new(response.text().await.ok()?.trim().to_owned()))
}

/// What a platform's own command prints.
async fn said(program: &str, arguments: &[&str]) -> Result<Zeroizing<String>, CommandError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_PATIENCE, command.output()).await;
    let output = output
        .map_err(|_| CommandError::new(format!("`{program}` did not answer within 30 seconds")))?
        .map_err(|error| {
            CommandError::new(format!("cannot run `{program}`, which has the identity here: {error}"))
        })?;
    let token = Zeroizing::new(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    if output.status.success() && !token.is_empty() {
        Ok(token)
    } else {
        Err(CommandError::new(format!("`{program}` gave no token ({})", output.status)))
    }
}
