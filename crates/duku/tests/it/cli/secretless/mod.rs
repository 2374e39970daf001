//! API keys without a secret, as the command line makes and uses them, against a real server.

mod keys;
mod platforms;
mod watching;

use crate::server::{Database, Server, duku};
use domain::{Clock, Timestamp, workload::Preset};
use duku::system_clock::SystemClock;
use jose::assertion::AssertionAlgorithm;
use serde_json::{Value, json};
use std::{
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};
use testkit::{Api, TestIssuer};

/// What tells the command line on which platform it runs.
const OF_PLATFORMS: [&str; 10] = [
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "TFC_WORKLOAD_IDENTITY_TOKEN",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    "CIRCLECI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EXECUTION_ENV",
    "AWS_ROLE_ARN",
    "GITHUB_ACTIONS",
];

/// A server with Acme, whose Admin is signed in on this machine.
struct Machine {
    server: Server,
    dir: tempfile::TempDir,
    admin: String,
}

impl Machine {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(settings: &[(&str, &str)]) -> Self {
        let server = Server::start_with(Database::Sqlite, settings);
        server.make_acme();
        let admin = server.admin_token();
        let dir = tempfile::tempdir().unwrap();
        let session = json!({
            "realm": "duku", "access_token": admin, "refresh_token": "unused",
            "access_token_expires_at": now().plus_seconds(3600).ms(),
        });
        let credentials = json!({ "servers": { server.url.as_str(): session } });
        let mut file = std::fs::File::options();
        let file = file.write(true).create_new(true).mode(0o600).open(dir.path().join("credentials.json"));
        serde_json::to_writer(file.unwrap(), &credentials).unwrap();
        Self { server, dir, admin }
    }

    fn api(&self) -> Api {
        self.server.api()
    }

    fn issuer(&self) -> String {
        format!("{}/realms/duku", self.server.url)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = duku(arguments);
        for name in OF_PLATFORMS {
            command.env_remove(name);
        }
        command
            .env("DUKU_URL", &self.server.url)
            .env("DUKU_CREDENTIALS_FILE", self.path("credentials.json"))
            .current_dir(self.dir.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// A key for the workload whose token is of this shape.
    async fn key_for(&self, preset: Preset, issuer: &TestIssuer) -> String {
        let claims = issuer.claims(preset, &self.issuer(), now());
        let exactly = domain::workload::Conditions::exactly(preset, claims.as_object().unwrap()).unwrap();
        let listed = |conditions: &[domain::workload::Condition]| {
            let one = |condition: &domain::workload::Condition| json!({ "claim": condition.claim().to_string(), "equals": condition.values() });
            conditions.iter().map(one).collect::<Vec<_>>()
        };
        let input = json!({ "label": preset.as_str(), "workloadIdentity": {
            "preset": preset.as_str().to_uppercase(), "issuer": issuer.url, "keySet": issuer.jwks().to_string(),
            "pins": listed(exactly.pins()), "conditions": listed(exactly.others()),
            "acceptedDangers": ["ANY_BRANCH", "ANY_WORKFLOW", "PULL_REQUESTS"],
        } });
        let document = "mutation ($input: GenerateSecretlessApiKeyInput!) { made: generateSecretlessApiKey(input: $input) { clientId } }";
        let answer = self.api().graphql(&self.admin, document, json!({ "input": input })).await;
        answer.data()["made"]["clientId"].as_str().unwrap().to_owned()
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn github() -> TestIssuer {
    TestIssuer::new("https://token.actions.githubusercontent.com", AssertionAlgorithm::Rs256)
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Rejected with code 1, nothing on standard output, and one line that holds `hint`.
#[track_caller]
fn assert_rejected(output: &Output, hint: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{}", both(output));
    assert!(
        said.contains(hint) && said.lines().filter(|line| line.starts_with("duku: ")).count() == 1,
        "{said}"
    );
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
