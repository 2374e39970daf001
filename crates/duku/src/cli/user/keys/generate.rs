//! `duku keys generate`: a key with a secret, with a private key that never leaves this machine, or for workloads.

use super::{
    super::{
        AtomicFile,
        session::{At, SignedInUser},
    },
    destination::{Destination, is_plain, strange},
    label_and_expiry,
    workload::Workload,
};
use crate::{
    cli::{
        durations,
        next::{self, Next, quoted},
        output,
    },
    command_error::CommandError,
    settings::viewport_of,
};
use clap::{Args, ValueEnum};
use jose::{Algorithm, SigningKey, keys::private_key_pem};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const WITH_SECRET: &str = "mutation ($input: GenerateApiKeyInput!) { made: generateApiKey(input: $input) \
                           { clientId clientSecret combinedKey apiKey { label expiresAt graceUntil } } }";
const WITHOUT_SECRET: &str = "mutation ($input: GenerateSecretlessApiKeyInput!) \
                              { made: generateSecretlessApiKey(input: $input) { clientId label expiresAt \
                              workloadIdentity { issuer audience waitingUntil } publicKeys { keyIds } } }";

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  duku keys generate --label 'GitHub Actions'\n  duku keys generate --label CI --expires-in 30d --env-file .env\n  duku keys generate --label CI --json | jq -r .combined_key | gh secret set DUKU_API_KEY\n\nWithout a secret, for a platform's runs or with a private key that stays here:\n  duku keys generate --label CI --method workload-identity --preset github_actions\n  duku keys generate --label Nightly --method private-key-jwt --private-key-file key.pem\n\nOn a terminal a secret is shown. Into a pipe go two lines, DUKU_CLIENT_ID=… and DUKU_CLIENT_SECRET=…, or JSON with --json."
)]
pub(crate) struct Generate {
    #[command(flatten)]
    at: At,
    /// What to call it, like "GitHub Actions"
    #[arg(long)]
    label: String,
    /// How long it lives, in days, like 30d [default: what the organisation set]
    #[arg(long, value_name = "DAYS", value_parser = durations::days)]
    expires_in: Option<i64>,
    /// What it is authenticated with
    #[arg(long, value_enum, default_value_t = Method::ClientSecret)]
    method: Method,
    /// With private-key-jwt: where the private key is written; the file must not exist yet
    #[arg(long, value_name = "FILE", required_if_eq("method", "private-key-jwt"))]
    private_key_file: Option<PathBuf>,
    #[command(flatten)]
    workload: Workload,
    #[command(flatten)]
    destination: Destination,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    ClientSecret,
    PrivateKeyJwt,
    WorkloadIdentity,
}

impl Generate {
    pub(super) async fn run(&self, next: &Next) -> Result<(), CommandError> {
        self.check()?;
        match (self.method, &self.private_key_file) {
            (Method::PrivateKeyJwt, Some(file)) => self.with_private_key(file, next).await,
            (Method::WorkloadIdentity, _) => self.for_workloads(next).await,
            _ => {
                let variables = json!({ "input": self.input() });
                self.destination.of_new_secret(&self.at, WITH_SECRET, &variables, next).await
            }
        }
    }

    /// Checks that nothing was said that the method does not take.
    fn check(&self) -> Result<(), CommandError> {
        let stray = [
            (self.workload.is_given(), "--preset", Method::WorkloadIdentity, "workload-identity"),
            (self.private_key_file.is_some(), "--private-key-file", Method::PrivateKeyJwt, "private-key-jwt"),
            (self.destination.env_file.is_some(), "--env-file", Method::ClientSecret, "client-secret"),
        ];
        match stray.iter().find(|(given, _, method, _)| *given && *method != self.method) {
            Some((_, flag, _, method)) => {
                Err(CommandError::new(format!("{flag} goes with --method {method} alone")))
            }
            None => Ok(()),
        }
    }

    fn input(&self) -> Value {
        json!({ "label": self.label, "expiresInDays": self.expires_in })
    }

    /// Makes a key without a secret, with one more member in its input.
    async fn secretless(
        &self,
        user: &SignedInUser,
        member: &str,
        value: Value,
    ) -> Result<Value, CommandError> {
        let mut input = self.input();
        if let Some(members) = input.as_object_mut() {
            members.insert(member.to_owned(), value);
        }
        user.graphql(WITHOUT_SECRET, &json!({ "input": input })).await
    }

    /// Makes a pair of keys here. The server is sent the public half alone.
    async fn with_private_key(&self, path: &Path, next: &Next) -> Result<(), CommandError> {
        let user = SignedInUser::at(&self.at).await?;
        let shown = path.display();
        let file = AtomicFile::new_at(path).map_err(|error| {
            CommandError::new(format!(
                "cannot write {shown}: {error}; nothing was generated, choose another file with --private-key-file"
            ))
        })?;
        let made = SigningKey::generate(Algorithm::Es256);
        let (key, document) = made.map_err(|error| CommandError::new(error.to_string()))?;
        let public = json!({ "keys": key.public_jwk().to_string() });
        let data = self.secretless(&user, "publicKeys", public).await?;
        let id = client_id(&data)?;
        file.commit_new(&private_key_pem(&document)).map_err(|error| {
            CommandError::new(format!(
                "{id} was generated, but its private key could not be written to {shown} ({error}): revoke it with `duku keys revoke {id}`"
            ))
        })?;
        let (label, expires_at) = label_and_expiry(&data);
        let said = json!({
            "client_id": id, "label": label, "expires_at": expires_at, "authentication_method": "private_key_jwt",
            "private_key_file": path.display().to_string(), "key_id": key.kid(),
        });
        let text = format!(
            "{label} expires at {expires_at}\n\n  Client ID    {id}\n  Private key  {shown}\n\n\
             The private key is readable by you alone and was not sent anywhere: there is no other copy."
        );
        self.destination.format.show(&said, &text)?;
        let file = quoted(&shown.to_string());
        let server = next::at(&user.server);
        let token = next.client(&format!("token --client-id {id} --private-key-file {file}{server}"));
        next::hint(self.destination.format, &format!("try it:\n  {token}"));
        Ok(())
    }

    /// Makes a key for the runs of a platform.
    async fn for_workloads(&self, next: &Next) -> Result<(), CommandError> {
        let user = SignedInUser::at(&self.at).await?;
        let data = self.secretless(&user, "workloadIdentity", self.workload.input()?).await?;
        let id = client_id(&data)?;
        let text = |path| data.pointer(path).and_then(Value::as_str);
        let (issuer, audience) = (
            text("/made/workloadIdentity/issuer").unwrap_or_default(),
            text("/made/workloadIdentity/audience").unwrap_or_default(),
        );
        let waiting_until = text("/made/workloadIdentity/waitingUntil");
        let (label, expires_at) = label_and_expiry(&data);
        let said = json!({
            "client_id": id, "label": label, "expires_at": expires_at, "authentication_method": "workload_identity",
            "issuer": issuer, "audience": audience, "waiting_until": waiting_until,
        });
        let waits = waiting_until.map(|until| {
            let place = place_of_attempts(&user, id, next);
            format!(
                " Nothing may use the key yet. Until {until} the\nruns that ask for it are rejected and shown:\n{place}"
            )
        });
        let lines = format!(
            "{label} expires at {expires_at}\n\n  Client ID  {id}\n  Issuer     {issuer}\n  Audience   {audience}\n\n\
             There is no secret: the Client ID can stand in the open.{}",
            waits.unwrap_or_default()
        );
        let server = next::at(&user.server);
        self.destination.format.show(&said, &lines)?;
        let token = format!("duku token --workload --client-id {id}{server}");
        next::hint(self.destination.format, &format!("let the platform's job fetch a token:\n  {token}"));
        Ok(())
    }
}

/// Where the runs that asked are seen and allowed.
pub(super) fn place_of_attempts(user: &SignedInUser, id: &str, next: &Next) -> String {
    let server = next::at(&user.server);
    let (attempts, allow) = (
        next.client(&format!("keys attempts {id}{server}")),
        next.client(&format!("keys allow {id} ATTEMPT{server}")),
    );
    let page = format!("{}/settings/api-keys/{id}", viewport_of(&user.server));
    format!("  {attempts}\n  {allow}\nor in Viewport, {}", output::printable(&page))
}

fn client_id(data: &Value) -> Result<&str, CommandError> {
    let id = data.pointer("/made/clientId").and_then(Value::as_str);
    id.filter(|id| is_plain(id)).ok_or_else(strange)
}
