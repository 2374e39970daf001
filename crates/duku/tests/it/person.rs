//! `duku login`, `logout` and `keys`: the real command against an authorization server of the test's own, with the real
//! GraphQL API behind it.

use crate::server::{Database, Server, duku};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use testkit::{Api, Pair};

/// What the authorization server remembers.
#[derive(Default)]
struct Memory {
    /// What the next requests of the device grant are answered, before the tokens.
    answers: Vec<&'static str>,
    /// The number of the one refresh token that is good; 0 if there is no session.
    session: u32,
    issued: u32,
    refreshed: u32,
    /// How long its access tokens say that they live, in seconds.
    lifetime: i64,
    /// Access tokens up to this number are rejected.
    rejected_up_to: u32,
    /// What the API says instead of working, if anything.
    rejection: Option<&'static str>,
}

#[derive(Clone)]
struct Fake {
    memory: Arc<Mutex<Memory>>,
    api: Api,
    admin_token: String,
}

fn fields(form: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

#[allow(clippy::unused_async, reason = "axum wants handlers to be asynchronous")]
impl Fake {
    fn tokens(memory: &mut Memory) -> (StatusCode, String) {
        memory.issued += 1;
        memory.session = memory.issued;
        let number = memory.issued;
        let answer = json!({
            "access_token": format!("access-{number}"), "expires_in": memory.lifetime, "token_type": "Bearer",
            "refresh_token": format!("refresh-{number}"), "refresh_expires_in": 1800, "scope": "openid"
        });
        (StatusCode::OK, answer.to_string())
    }

    fn reject(error: &str) -> (StatusCode, String) {
        (StatusCode::BAD_REQUEST, json!({ "error": error, "error_description": error }).to_string())
    }

    async fn device(State(fake): State<Self>, form: String) -> String {
        assert_eq!(fields(&form)["client_id"], "duku-cli");
        let page = format!("{}/realms/duku/device", fake.api.url);
        let complete = format!("{page}?user_code=WDJB-MJHT");
        json!({
            "device_code": "device", "user_code": "WDJB-MJHT", "verification_uri": page,
            "verification_uri_complete": complete, "expires_in": 600, "interval": 1
        })
        .to_string()
    }

    async fn token(State(fake): State<Self>, form: String) -> (StatusCode, String) {
        let (form, mut memory) = (fields(&form), fake.memory.lock().unwrap());
        assert_eq!(form["client_id"], "duku-cli");
        if form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code" {
            assert_eq!(form["device_code"], "device");
            return memory.answers.pop().map_or_else(|| Self::tokens(&mut memory), Self::reject);
        }
        assert_eq!(form["grant_type"], "refresh_token");
        if memory.session == 0 || form["refresh_token"] != format!("refresh-{}", memory.session) {
            // An old refresh token in use means that it was stolen (RFC 9700 §4.14.2): the session ends.
            memory.session = 0;
            return Self::reject("invalid_grant");
        }
        memory.refreshed += 1;
        Self::tokens(&mut memory)
    }

    async fn logout(State(fake): State<Self>, form: String) -> StatusCode {
        let mut memory = fake.memory.lock().unwrap();
        if fields(&form)["refresh_token"] == format!("refresh-{}", memory.session) {
            memory.session = 0;
        }
        StatusCode::NO_CONTENT
    }

    async fn graphql(State(fake): State<Self>, headers: HeaderMap, body: String) -> (StatusCode, String) {
        let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer access-").unwrap();
        let (rejected_up_to, rejection) = {
            let memory = fake.memory.lock().unwrap();
            (memory.rejected_up_to, memory.rejection)
        };
        if token.parse::<u32>().unwrap() <= rejected_up_to {
            let answer = json!({ "errors": [{ "message": "this token was ended" }] });
            return (StatusCode::UNAUTHORIZED, answer.to_string());
        }
        if let Some(message) = rejection {
            return (StatusCode::OK, json!({ "data": null, "errors": [{ "message": message }] }).to_string());
        }
        let body: Value = serde_json::from_str(&body).unwrap();
        let query = body["query"].as_str().unwrap();
        let answer = fake.api.graphql(&fake.admin_token, query, body["variables"].clone()).await;
        (answer.status, answer.text)
    }
}

/// A person at a computer, and the server that they sign in to.
struct Computer {
    url: String,
    memory: Arc<Mutex<Memory>>,
    home: TempDir,
    server: Server,
}

impl Computer {
    async fn new() -> Self {
        let server = Server::start(Database::Sqlite);
        server.make_acme();
        let token = server.output(&["admin", "token", "--user", "ada@example.org"]);
        let admin_token = String::from_utf8(token.stdout).unwrap().trim().to_owned();
        let memory = Arc::new(Mutex::new(Memory { lifetime: 300, ..Memory::default() }));
        let fake = Fake { memory: Arc::clone(&memory), api: Api::at(server.url.clone()), admin_token };
        let protocol = "/realms/duku/protocol/openid-connect";
        let router = Router::new()
            .route(&format!("{protocol}/auth/device"), post(Fake::device))
            .route(&format!("{protocol}/token"), post(Fake::token))
            .route(&format!("{protocol}/logout"), post(Fake::logout))
            .route("/graphql", post(Fake::graphql))
            .with_state(fake);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, memory, home: tempfile::tempdir().unwrap(), server }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = duku(arguments);
        command.env("XDG_CONFIG_HOME", self.home.path()).current_dir(self.home.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(arguments)).unwrap()
    }

    /// Rejected with code 1 and one line that holds `hint`.
    #[track_caller]
    fn rejected(&self, arguments: &[&str], hint: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(hint) && said.starts_with("duku: ") && said.lines().count() == 1, "{said}");
    }

    fn credentials(&self) -> PathBuf {
        self.home.path().join("duku/credentials.json")
    }

    fn sign_in(&self) {
        let said = self.said(&["login", "--server", &self.url]);
        assert!(said.contains("Signed in as ada@example.org (organisation Acme)"), "{said}");
    }

    fn keys(&self) -> usize {
        self.server.admin(&["key", "list", "--org", "Acme"]).as_array().unwrap().len()
    }

    fn with<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.memory.lock().unwrap())
    }
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_and_out() {
    let computer = Computer::new().await;
    computer.rejected(&["keys", "list"], "duku login");
    computer.with(|memory| memory.answers = vec!["authorization_pending"]);
    let said = computer.said(&["login", "--server", &format!("{}/", computer.url)]);
    assert!(said.contains("\n    WDJB-MJHT\n") && said.contains("/realms/duku/device\n"), "{said}");
    assert!(said.ends_with("Signed in as ada@example.org (organisation Acme)\n"), "{said}");
    assert!(!said.contains("access-") && !said.contains("refresh-"), "{said}");
    assert_eq!(
        (mode(&computer.credentials()), mode(computer.credentials().parent().unwrap())),
        (0o600, 0o700)
    );
    assert_eq!(computer.json(&["keys", "list", "--json"]), json!([]));
    computer.sign_in();
    assert_eq!(
        computer.with(|memory| memory.session),
        2,
        "signing in again ends the session before, not the new one"
    );
    assert!(computer.said(&["logout"]).starts_with("Signed out of http://127.0.0.1:"));
    assert_eq!(computer.with(|memory| memory.session), 0);
    assert!(!fs::read_to_string(computer.credentials()).unwrap().contains("refresh-"));
    assert!(computer.said(&["logout", "--server", &computer.url]).contains("not signed in"));
    computer.rejected(&["keys", "list", "--server", &computer.url], "you are not signed in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_that_fails_says_why_and_keeps_nothing() {
    let computer = Computer::new().await;
    for (answer, hint) in [("access_denied", "denied in the browser"), ("expired_token", "has expired")] {
        computer.with(|memory| memory.answers = vec![answer]);
        computer.rejected(&["login", "--server", &computer.url], hint);
        assert!(!computer.credentials().exists());
    }
    computer.rejected(&["login", "--server", "http://127.0.0.1:1"], "cannot reach");
    computer.rejected(&["login", "--server", "127.0.0.1"], "--server must be a URL");
    fs::write(computer.home.path().join("file"), "").unwrap();
    let inside = computer.home.path().join("file/credentials.json");
    let mut command = computer.command(&["login", "--server", &computer.url]);
    let output = command.env("DUKU_CREDENTIALS_FILE", inside).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "nobody is sent to a browser in vain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_look_and_work_as_those_of_admin() {
    let computer = Computer::new().await;
    computer.sign_in();
    let lines = computer.said(&["keys", "generate", "--label", "CI", "--expires-in", "30d"]);
    let value = |name: &str| {
        let line = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{name} is missing in {lines}")).to_owned()
    };
    let pair = Pair { client_id: value("DUKU_CLIENT_ID"), client_secret: value("DUKU_CLIENT_SECRET") };
    assert_eq!(lines.lines().count(), 2, "a pipe gets what an .env file takes: {lines}");
    let made = computer.json(&["keys", "generate", "--label", "Deploy", "--json"]);
    let by_admin = computer.server.admin(&["key", "generate", "--org", "Acme", "--label", "Admin's"]);
    assert_eq!(names(&made), names(&by_admin));
    let rotated = computer.json(&["keys", "rotate", &pair.client_id, "--grace", "1h", "--json"]);
    assert_eq!((names(&rotated), &rotated["client_id"]), (names(&by_admin), &json!(pair.client_id)));
    assert_eq!(
        computer.json(&["keys", "list", "--json"]),
        computer.server.admin(&["key", "list", "--org", "Acme"])
    );
    let plain = computer.server.command(&["admin", "key", "list", "--org", "Acme"]).output().unwrap();
    assert_eq!(computer.said(&["keys", "list"]), String::from_utf8(plain.stdout).unwrap());
    let api = Api::at(computer.server.url.clone());
    assert!(api.exchange(&pair).await.status.is_success(), "the grace runs");
    assert!(api.exchange(&Pair::of(&rotated)).await.status.is_success());
    assert_eq!(
        computer.said(&["keys", "end-grace", &pair.client_id]),
        "The previous secret of CI is rejected now.\n"
    );
    assert!(!api.exchange(&pair).await.status.is_success());
    assert!(api.exchange(&Pair::of(&rotated)).await.status.is_success());
    computer.rejected(&["keys", "end-grace", &pair.client_id], "no grace runs");
    let renamed = computer.said(&["keys", "rename", &pair.client_id, "Nightly"]);
    assert_eq!(renamed, format!("{} is now called Nightly\n", pair.client_id));
    let by_operator = computer.server.output(&["admin", "key", "rename", &pair.client_id, "Weekly"]);
    assert_eq!(String::from_utf8(by_operator.stdout).unwrap(), renamed.replace("Nightly", "Weekly"));
    computer.rejected(&["keys", "rename", &pair.client_id, " "], "label");
    computer.json(&["keys", "rotate", &pair.client_id, "--grace", "1h", "--json"]);
    let ended = computer.json(&["keys", "end-grace", &pair.client_id, "--json"]);
    assert_eq!(ended, json!({ "client_id": pair.client_id, "grace_ended": true }));
    computer.rejected(&["keys", "revoke", &pair.client_id], "--yes");
    assert!(computer.said(&["keys", "revoke", &pair.client_id, "--yes"]).contains("Revoked key_"));
    assert!(!api.exchange(&pair).await.status.is_success());
    assert_eq!(computer.keys(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_goes_into_an_env_file_unseen() {
    let computer = Computer::new().await;
    computer.sign_in();
    let file = computer.home.path().join(".env");
    fs::write(&file, "PORT=1\nexport DUKU_CLIENT_SECRET=old\n# end").unwrap();
    let said = computer.said(&["keys", "generate", "--label", "CI", "--env-file", ".env"]);
    assert!(said.contains(".env now") && !said.contains("dks_"), "{said}");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[2], mode(&file)), (4, "PORT=1", "# end", 0o600));
    let client_secret = lines[1].strip_prefix("export DUKU_CLIENT_SECRET=").unwrap().to_owned();
    let client_id = lines[3].strip_prefix("DUKU_CLIENT_ID=").unwrap().to_owned();
    let pair = Pair { client_id, client_secret };
    assert!(Api::at(computer.server.url.clone()).exchange(&pair).await.status.is_success());
    let said = computer.json(&["keys", "rotate", &pair.client_id, "--env-file", ".env", "--json"]);
    assert_eq!(
        (names(&said), &said["env_file"]),
        (vec!["client_id", "env_file", "expires_at", "label"], &json!(".env"))
    );
    assert!(!fs::read_to_string(&file).unwrap().contains(&pair.client_secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_rejected_before_a_key_is_made() {
    let computer = Computer::new().await;
    computer.sign_in();
    fs::create_dir(computer.home.path().join("directory")).unwrap();
    for file in ["directory", "nowhere/.env"] {
        computer.rejected(&["keys", "generate", "--label", "CI", "--env-file", file], "nothing was changed");
    }
    assert_eq!(computer.keys(), 0);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = computer
        .command(&["keys", "generate", "--label", "Lost"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(said.contains("could not be shown") && said.contains("duku keys rotate key_"), "{said}");
    let message = "Sign in again to do this: it is more than 15 minutes since you did";
    computer.with(|memory| memory.rejection = Some(message));
    computer.rejected(&["keys", "generate", "--label", "CI"], message);
    computer.with(|memory| memory.rejection = None);
    computer.rejected(&["keys", "generate", "--label", ""], "visible characters");
    computer.rejected(&["keys", "rotate", "key_00000000000000000000000000"], "key_");
    fs::set_permissions(computer.credentials(), fs::Permissions::from_mode(0o644)).unwrap();
    computer.rejected(&["keys", "list"], "chmod 600");
    fs::set_permissions(computer.credentials(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(computer.credentials(), "{").unwrap();
    computer.rejected(&["keys", "list"], "damaged");
    for arguments in [&["keys"][..], &["keys", "generate"], &["keys", "rotate"], &["login", "x"]] {
        assert_eq!(computer.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_commands_never_present_an_old_refresh_token() {
    let computer = Computer::new().await;
    // Every access token is over at once, so each command needs a new one.
    computer.with(|memory| memory.lifetime = 0);
    computer.sign_in();
    let list = || {
        let mut command = computer.command(&["keys", "list", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let eight: Vec<_> = (0..8).map(|_| list()).collect();
    for child in eight {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(computer.with(|memory| memory.refreshed), 8);
    // Once they live, one renewal is enough for all.
    computer.with(|memory| memory.lifetime = 300);
    let eight: Vec<_> = (0..8).map(|_| list()).collect();
    assert!(eight.into_iter().all(|child| child.wait_with_output().unwrap().status.success()));
    assert_eq!(computer.with(|memory| memory.refreshed), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_ended_is_renewed_and_a_session_that_was_ended_is_forgotten() {
    let computer = Computer::new().await;
    computer.sign_in();
    computer.with(|memory| memory.rejected_up_to = 1);
    computer.said(&["keys", "list"]);
    assert_eq!(computer.with(|memory| memory.refreshed), 1);
    computer.with(|memory| memory.rejected_up_to = 99);
    computer.rejected(&["keys", "list"], "this token was ended");
    computer.with(|memory| memory.session = 0);
    computer.rejected(&["keys", "list"], &format!("duku login --server {}", computer.url));
    computer.rejected(&["keys", "list"], "you are not signed in");
    assert!(!fs::read_to_string(computer.credentials()).unwrap().contains("refresh-"));
}
