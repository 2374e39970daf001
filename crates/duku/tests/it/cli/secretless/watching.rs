//! `duku token --watch`

use super::{Machine, mode};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// How long an access token lives here.
const LIFETIME: Duration = Duration::from_secs(15);

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The token in the file, which is whole whenever it is read, as soon as it is another than `before`.
fn next_token(machine: &Machine, before: &str, within: Duration) -> String {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < within, "there is no new token");
        if let Ok(token) = std::fs::read_to_string(machine.path("token")) {
            assert_eq!(token.split('.').count(), 3, "half a token: {token:?}");
            if token.trim() != before {
                return token.trim().to_owned();
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_file_gets_its_next_token_in_time_also_from_a_server_that_was_away() {
    let seconds = LIFETIME.as_secs().to_string();
    let mut machine = Machine::start_with(&[("DUKU_TOKEN_LIFETIME_SECONDS", &seconds)]);
    let generate = ["keys", "generate", "--label", "Nightly", "--method", "private-key-jwt"];
    let made = machine.json(&[&generate[..], &["--private-key-file", "key.pem"]].concat());
    let id = made["client_id"].as_str().unwrap().to_owned();
    // A file that is there already is replaced, and nobody else may read what follows.
    machine.write("token", "an.older.one");
    let watch = ["token", "--client-id", &id, "--private-key-file", "key.pem", "--watch", "token"];
    let mut watching = machine.command(&watch);
    let mut watching = Stopped(watching.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut said = BufReader::new(watching.0.stderr.take().unwrap()).lines();

    let first = next_token(&machine, "an.older.one", Duration::from_secs(10));
    let begun = Instant::now();
    assert_eq!(mode(&machine.path("token")), 0o600);
    assert!(machine.api().accepts(&first).await);
    machine.server.kill();
    let complaint = said.next().unwrap().unwrap();
    assert!(complaint.contains("cannot reach") && complaint.contains("trying again in 1 s"), "{complaint}");
    assert!(begun.elapsed() < LIFETIME, "it tries before the token ends");
    machine.server.run();
    let second = next_token(&machine, &first, LIFETIME);
    assert!(begun.elapsed() < LIFETIME, "the file holds a token that works all the time");
    assert!(machine.api().accepts(&second).await);
    assert_eq!(mode(&machine.path("token")), 0o600);
    assert!(watching.0.try_wait().unwrap().is_none(), "it goes on");
    let drafts = std::fs::read_dir(machine.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(drafts.into_iter().all(|name| !name.to_string_lossy().starts_with(".duku-draft-")));
}

#[test]
fn a_watch_that_cannot_begin_ends_at_once_and_leaves_no_file() {
    let machine = Machine::start();
    let watch = ["token", "--client-id", "key_0000", "--private-key-file", "nowhere.pem", "--watch", "token"];
    super::assert_rejected(&machine.run(&watch), "nowhere.pem");
    assert!(!machine.path("token").exists());
    assert_eq!(machine.run(&["token", "--watch", "token", "--json"]).status.code(), Some(2));
}
