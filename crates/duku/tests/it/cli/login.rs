//! `duku login` and `duku keys` against the real server: approved by a user in Viewport, ended by the same person.

use crate::{
    app::App,
    people::{cookie_of, set_password},
    server::duku,
};
use serde_json::Value;
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

    async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
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

    let made = terminal.json(&["keys", "generate", "--label", "From the terminal", "--json"]).await;
    let first = Pair::of(&made);
    let token = app.api.token(&first).await;
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
    let said = String::from_utf8_lossy(&rejected.stderr).into_owned();
    assert!(said.contains("duku login"), "{said}");
}
