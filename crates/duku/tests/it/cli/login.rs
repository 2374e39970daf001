//! `duku login` and `duku keys` against the real server: approved by a user in Viewport, ended by the same person.

use crate::{
    app::App,
    people::{cookie_of, set_password},
    server::duku,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Output, Stdio},
};
use testkit::{Engine, Pair};

const ADMIN: &str = "ada@example.org";

struct Terminal<'a> {
    app: &'a App,
    dir: tempfile::TempDir,
}

impl Terminal<'_> {
    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = duku(arguments);
        command
            .env("DUKU_URL", &self.app.api.url)
            .env("DUKU_CREDENTIALS_FILE", self.dir.path().join("credentials.json"));
        command
    }

    /// Runs it to its end without blocking the server, which lives on this runtime too.
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads what a command prints until a line looks like a user code, and goes on reading in the background.
async fn user_code(child: &mut Child) -> (String, tokio::task::JoinHandle<String>) {
    let mut said = BufReader::new(child.stdout.take().unwrap());
    tokio::task::spawn_blocking(move || {
        loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "no code was shown");
            let line = line.trim();
            if line.len() == 9 && line.as_bytes()[4] == b'-' {
                let rest = tokio::task::spawn_blocking(move || {
                    let mut rest = String::new();
                    said.read_to_string(&mut rest).unwrap();
                    rest
                });
                return (line.to_owned(), rest);
            }
        }
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_person_approves_the_command_line_and_ends_it() {
    let app = App::start(Engine::Sqlite).await;
    set_password(&app, ADMIN).await;
    let terminal = Terminal { app: &app, dir: tempfile::tempdir().unwrap() };

    let mut login = terminal.command(&["login", "--no-browser"]).stdout(Stdio::piped()).spawn().unwrap();
    let (code, rest) = user_code(&mut login).await;
    let cookie = cookie_of(&app, ADMIN).await;
    let cookie = cookie.split_once('=').unwrap().1;
    let user = app.service.users().find_current_user(&app.ctx(), cookie).await.unwrap().unwrap();
    app.service.users().decide_device(&app.ctx(), &user, &code.to_lowercase(), true).await.unwrap();
    let status = tokio::task::spawn_blocking(move || login.wait().unwrap()).await.unwrap();
    assert!(status.success());
    assert!(rest.await.unwrap().contains("Signed in as ada@example.org (organisation Acme)"));

    let me = terminal.json(&["whoami", "--json"]).await;
    assert_eq!((&me["kind"], &me["name"], &me["role"]), (&"person".into(), &ADMIN.into(), &"admin".into()));
    assert_eq!((&me["organisation"]["name"], &me["server"]), (&"Acme".into(), &app.api.url.as_str().into()));
    assert!(me["access_token_expires_at"].as_str().unwrap() < me["session_expires_at"].as_str().unwrap());
    let told = text(&terminal.run(&["whoami"]).await.stdout);
    assert!(told.starts_with("ada@example.org, Admin of Acme\n"), "{told}");
    assert!(told.contains(&app.api.url) && told.contains("Session        until 20"), "{told}");
    let whose = "{ viewer { kind name } }";
    let asked = terminal.json(&["query", whose]).await;
    assert_eq!(asked["data"]["viewer"], json!({ "kind": "PERSON", "name": ADMIN }));

    let made = terminal.json(&["keys", "generate", "--label", "From the terminal", "--json"]).await;
    let first = Pair::of(&made);
    let token = app.api.token(&first).await;
    // The session is for the commands of a person; a key that is named asks as itself.
    for key in [
        &[("DUKU_CLIENT_ID", &*first.client_id), ("DUKU_CLIENT_SECRET", &*first.client_secret)][..],
        &[("DUKU_API_KEY", made["combined_key"].as_str().unwrap())],
    ] {
        let asked = terminal.run_with(&["query", whose], key).await;
        assert!(text(&asked.stdout).contains("From the terminal"), "{asked:?}");
        let told = terminal.run_with(&["whoami"], key).await;
        assert!(text(&told.stdout).starts_with("ada@example.org") && text(&told.stderr).contains("API key"));
    }
    let elsewhere = [("DUKU_URL", "http://127.0.0.1:1")];
    for command in [&["query", whose][..], &["whoami"]] {
        let said = text(&terminal.run_with(command, &elsewhere).await.stderr);
        assert!(said.contains("no session with http://127.0.0.1:1: set DUKU_CLIENT_ID"), "{said}");
        assert!(said.contains("duku login --server http://127.0.0.1:1`"), "{said}");
        let found = terminal.run_with(command, &[("DUKU_URL", "")]).await;
        assert!(text(&found.stdout).contains("ada@example.org"), "the only session is found: {found:?}");
    }
    let listed = terminal.json(&["keys", "list", "--json"]).await;
    assert_eq!(listed[0]["client_id"], first.client_id.as_str());
    let rotated = Pair::of(&terminal.json(&["keys", "rotate", &first.client_id, "--json"]).await);
    assert_eq!(app.api.exchange(&first).await.status, 401);
    assert_eq!(app.api.exchange(&rotated).await.status, 200);
    let revoked = terminal.run(&["keys", "revoke", &first.client_id, "--yes"]).await;
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    assert!(!app.api.accepts(&token).await);

    // The person sees the command line among the sessions, and ends it there.
    let sessions = app.service.users().list_sessions(&app.ctx(), &user).await.unwrap();
    let command_line = sessions.iter().find(|one| one.kind == domain::SessionKind::CommandLine).unwrap();
    assert!(command_line.device.starts_with("duku"), "{}", command_line.device);
    app.service.users().end_session(&app.ctx(), &user, command_line.id.as_str()).await.unwrap();
    let rejected = terminal.run(&["keys", "list"]).await;
    assert_eq!(rejected.status.code(), Some(1));
    assert!(text(&rejected.stderr).contains("duku login"), "{rejected:?}");
    let rejected = terminal.run(&["query", whose]).await;
    assert_eq!((rejected.status.code(), text(&rejected.stdout)), (Some(1), String::new()));
    let said = text(&rejected.stderr);
    assert!(said.contains("DUKU_CLIENT_ID") && said.contains("duku login --server"), "{said}");
}
