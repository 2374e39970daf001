//! `duku token --workload` where it can find an identity, and where it cannot.

use super::{Machine, assert_rejected, both, github, now};
use domain::workload::Preset;
use jose::assertion::AssertionAlgorithm;
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::Output,
    thread::JoinHandle,
};
use testkit::TestIssuer;

/// Answers one request of a job as GitHub's token service does, and gives back its line and its headers.
fn token_service(status: &'static str, answer: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token?api-version=2.0", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let asked: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        let length = answer.len();
        write!(
            &stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
        )
        .unwrap();
        asked.join("\n")
    });
    (url, asked)
}

impl Machine {
    /// A program that prints `token` and writes down what it was asked; answers the `PATH` that finds it.
    fn program(&self, name: &str, token: &str, code: u8) -> String {
        let folder = self.path("programs");
        std::fs::create_dir_all(&folder).unwrap();
        let (token, arguments) =
            (self.write(&format!("{name}.token"), token), self.path(&format!("{name}.arguments")));
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > '{}'\ncat '{token}'\nexit {code}\n",
            arguments.display()
        );
        let program = folder.join(name);
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
    }

    fn asked(&self, name: &str) -> Vec<String> {
        let arguments = std::fs::read_to_string(self.path(&format!("{name}.arguments"))).unwrap();
        arguments.lines().map(str::to_owned).collect()
    }

    /// `duku token --workload …`
    fn exchange(&self, key: &str, more: &[&str], variables: &[(&str, &str)]) -> Output {
        let arguments = [&["token", "--workload", "--client-id", key], more].concat();
        self.command(&arguments).envs(variables.iter().copied()).output().unwrap()
    }
}

/// The output is an access token that works, and nothing else.
#[track_caller]
fn assert_token(output: &Output) -> String {
    assert!(output.status.success() && output.stderr.is_empty(), "{}", both(output));
    let token = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(token.lines().count(), 1);
    token.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_github_job_asks_for_a_token_for_this_server() {
    let machine = Machine::start();
    let issuer = github();
    let key = machine.key_for(Preset::GitHubActions, &issuer).await;
    let token = issuer.token(Preset::GitHubActions, &machine.issuer(), now(), &json!({}));
    let (url, asked) = token_service("200 OK", json!({ "value": token, "count": 1 }).to_string());
    let variables =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", &*url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-s-own")];
    let access_token = assert_token(&machine.exchange(&key, &[], &variables));
    assert!(machine.api().accepts(&access_token).await);
    let asked = asked.join().unwrap();
    let audience: String = url::form_urlencoded::byte_serialize(machine.issuer().as_bytes()).collect();
    assert!(asked.starts_with(&format!("GET /token?api-version=2.0&audience={audience} ")), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer runner-s-own"), "{asked}");

    // The token was used up; the refusal says so and does not repeat it.
    let (url, _) = token_service("200 OK", json!({ "value": token }).to_string());
    let variables =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", &*url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-s-own")];
    let again = machine.exchange(&key, &[], &variables);
    assert_rejected(&again, "exchanged before");
    assert!(!both(&again).contains(&token) && !both(&again).contains("runner-s-own"));

    let (url, _) = token_service("403 Forbidden", "{}".to_owned());
    let variables =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", &*url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-s-own")];
    assert_rejected(&machine.exchange(&key, &[], &variables), "GitHub gave no token (403");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_in_variables_and_files_are_exchanged() {
    let machine = Machine::start();
    let audience = machine.issuer();
    let cases = [
        (Preset::GitLabCi, "https://gitlab.com", "DUKU_ASSERTION"),
        (Preset::AnyOidc, "https://issuer.example", "DUKU_ID_TOKEN"),
        (Preset::HcpTerraform, "https://app.terraform.io", "TFC_WORKLOAD_IDENTITY_TOKEN"),
    ];
    for (preset, url, variable) in cases {
        let issuer = TestIssuer::new(url, AssertionAlgorithm::Es256);
        let key = machine.key_for(preset, &issuer).await;
        let token = issuer.token(preset, &audience, now(), &json!({}));
        let access_token = assert_token(&machine.exchange(&key, &[], &[(variable, &token)]));
        assert!(machine.api().accepts(&access_token).await, "{variable}");
    }
    let issuer = TestIssuer::new("https://cluster.example", AssertionAlgorithm::Rs256);
    let key = machine.key_for(Preset::Kubernetes, &issuer).await;
    let projected =
        machine.write("projected", &issuer.token(Preset::Kubernetes, &audience, now(), &json!({})));
    // The file that was named goes before everything that the environment has.
    let file = ["--workload-token-file", &projected];
    let output = machine.exchange(&key, &file, &[("DUKU_ASSERTION", "not.this.one")]);
    let access_token = assert_token(&output);
    assert!(machine.api().accepts(&access_token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_s_own_program_is_asked_for_a_token_for_this_server() {
    const UUID: &str = "5a301f56-eaa7-4cce-9441-37810f7c8452";
    let machine = Machine::start();
    let audience = machine.issuer();
    let circleci = format!("https://oidc.circleci.com/org/{UUID}");
    let claims = json!({ "aud": audience }).to_string();
    let buildkite =
        ["oidc", "request-token", "--audience", &audience, "--claim", "organization_id,pipeline_id"];
    let aws = [
        "sts",
        "get-web-identity-token",
        "--audience",
        &audience,
        "--signing-algorithm",
        "ES384",
        "--query",
        "WebIdentityToken",
        "--output",
        "text",
    ];
    let cases: [(Preset, &str, &str, &str, &[&str]); 3] = [
        (
            Preset::Buildkite,
            "https://agent.buildkite.com",
            "BUILDKITE_AGENT_ACCESS_TOKEN",
            "buildkite-agent",
            &buildkite,
        ),
        (Preset::CircleCi, &circleci, "CIRCLECI", "circleci", &["run", "oidc", "get", "--claims", &claims]),
        (Preset::Aws, &format!("https://{UUID}.tokens.sts.global.api.aws"), "AWS_ROLE_ARN", "aws", &aws),
    ];
    for (preset, url, variable, program, arguments) in cases {
        let issuer = TestIssuer::new(url, AssertionAlgorithm::Es384);
        let key = machine.key_for(preset, &issuer).await;
        let token = issuer.token(preset, &audience, now(), &json!({}));
        let path = machine.program(program, &token, 0);
        let output = machine.exchange(&key, &[], &[(variable, "true"), ("PATH", &path)]);
        let access_token = assert_token(&output);
        assert!(machine.api().accepts(&access_token).await, "{program}");
        assert_eq!(machine.asked(program), arguments, "{program}");

        let path = machine.program(program, "half.a.token", 3);
        let failed = machine.exchange(&key, &[], &[(variable, "true"), ("PATH", &path)]);
        assert_rejected(&failed, &format!("`{program}` gave no token"));
        assert!(!both(&failed).contains("half.a.token"));
        let missing = machine.exchange(&key, &[], &[(variable, "true"), ("PATH", "/nowhere")]);
        assert_rejected(&missing, &format!("cannot run `{program}`"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_wrong_is_said_with_what_to_do() {
    let machine = Machine::start();
    let issuer = github();
    let key = machine.key_for(Preset::GitHubActions, &issuer).await;
    let key = key.as_str();
    assert_rejected(&machine.run(&["token", "--workload"]), "set DUKU_CLIENT_ID");
    assert_rejected(&machine.exchange(key, &[], &[]), "id-token: write");
    let url = [("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:1/")];
    assert_rejected(&machine.exchange(key, &[], &url), "id-token: write");
    let url = [("ACTIONS_ID_TOKEN_REQUEST_URL", "no url"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")];
    assert_rejected(&machine.exchange(key, &[], &url), "is no URL");
    let empty = machine.write("empty", "");
    assert_rejected(&machine.exchange(key, &["--workload-token-file", &empty], &[]), "there is no secret in");
    assert_rejected(&machine.exchange(key, &["--workload-token-file", "nowhere"], &[]), "nowhere");

    let good = |changes| issuer.token(Preset::GitHubActions, &machine.issuer(), now(), &changes);
    // Whose own token it is is told what was expected, everybody else is not.
    let other_branch = good(json!({ "ref": "refs/heads/evil" }));
    let rejected = machine.exchange(key, &[], &[("DUKU_ASSERTION", &other_branch)]);
    assert_rejected(&rejected, "refs/heads/main");
    let stranger = good(json!({ "repository_id": "666" }));
    let rejected = machine.exchange(key, &[], &[("DUKU_ASSERTION", &stranger)]);
    assert_eq!(rejected.status.code(), Some(1));
    assert!(
        !both(&rejected).contains("424242") && !both(&rejected).contains(&stranger),
        "{}",
        both(&rejected)
    );
    let elsewhere = machine.exchange(
        key,
        &["--audience", "https://elsewhere.example"],
        &[("DUKU_ASSERTION", "not.a.token")],
    );
    assert_eq!(elsewhere.status.code(), Some(1));

    let wrong_usage: [&[&str]; 5] = [
        &["token", "--workload-token-file", &empty],
        &["token", "--audience", "x"],
        &["token", "--workload", "--client-secret-file", &empty],
        &["token", "--workload", "--private-key-file", &empty],
        &["token", "--client-secret-file", &empty, "--private-key-file", &empty],
    ];
    for arguments in wrong_usage {
        assert_eq!(machine.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// A server that names another's issuer would be given a token for that one (RFC 8414 §3.3).
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_asked_for_on_behalf_of_another_server() {
    let machine = Machine::start_with(&[("DUKU_PUBLIC_URL", "https://another.example")]);
    let issuer = github();
    let key = machine.key_for(Preset::GitHubActions, &issuer).await;
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://runner.invalid/token?api-version=2.0"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-s-own"),
    ];
    let output = machine.exchange(&key, &[], &variables);
    assert_rejected(&output, "says that its issuer is https://another.example/realms/duku:");
    assert!(!both(&output).contains("runner.invalid"), "{}", both(&output));
}
