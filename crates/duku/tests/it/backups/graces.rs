//! A grace that was ended after a backup was made does not come back with it unnoticed.

use crate::{
    backups::{acme, back_up, done, elsewhere, restore, text},
    server::Server,
};
use serde_json::{Value, json};
use testkit::Pair;

/// A key that was rotated with a grace: its previous pair, and the current one.
fn rotated_with_grace(server: &Server, label: &str) -> (Pair, Pair) {
    let previous = server.generate(label);
    let rotate = ["key", "rotate", &previous.client_id, "--grace", "24h"];
    let current = Pair::of(&server.admin(&rotate));
    (previous, current)
}

fn ids(list: &Value) -> Vec<String> {
    let entries = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    let mut ids: Vec<_> =
        entries.iter().map(|entry| entry["client_id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids
}

fn sorted<const N: usize>(pairs: [&Pair; N]) -> Vec<String> {
    let mut ids = pairs.map(|pair| pair.client_id.clone()).to_vec();
    ids.sort_unstable();
    ids
}

async fn works(server: &Server, pair: &Pair) -> bool {
    server.api().exchange(pair).await.status.is_success()
}

/// A backup with five graces that run: one goes on, one was ended by hand, one key was rotated again, one with another grace, and
/// one was revoked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graces_that_ended_since_the_backup_are_listed_and_end_again() {
    let (mut server, _dir, file) = acme();
    let labels = ["Goes on", "Ended", "Rotated", "Rotated with grace", "Revoked"];
    let [runs, ended, rotated, again, revoked] = labels.map(|label| rotated_with_grace(&server, label));
    back_up(&server, &file);
    assert!(server.output(&["admin", "key", "end-grace", &ended.0.client_id]).status.success());
    server.admin(&["key", "rotate", &rotated.0.client_id]);
    server.admin(&["key", "rotate", &again.0.client_id, "--grace", "24h"]);
    server.admin(&["key", "revoke", &revoked.0.client_id]);
    assert!(server.stop());

    let answer = done(&restore(&server.data_dir, &file, &["--force", "--json"]));
    let found = &answer["differences"];
    assert_eq!(ids(&found["graces_ended_since"]), sorted([&ended.0, &rotated.0, &again.0]), "{found}");
    assert_eq!(found["graces_ended_again"], true);
    assert_eq!(ids(&found["revoked_since"]), sorted([&revoked.0]), "and its grace goes with it");
    assert_eq!(ids(&answer["previous_secrets_that_work"]), sorted([&runs.0, &revoked.0]));
    server.run();
    for (previous, current) in [&ended, &rotated, &again] {
        assert!(!works(&server, previous).await, "a previous secret that was ended does not come back");
        assert!(works(&server, current).await, "the backup's current secret works");
    }
    assert!(works(&server, &runs.0).await, "a grace that runs goes on");
    let log = text(&server.output(&["audit", "export", "--org", "Acme"]).stdout);
    assert_eq!(log.matches("\"api_key.grace_ended\"").count(), 3, "{log}");
    assert_eq!(done(&server.output(&["audit", "verify", "--json"]))["intact"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_leaves_graces_as_they_were_says_which_came_back_and_how_to_end_them() {
    let (mut server, _dir, file) = acme();
    let (previous, current) = rotated_with_grace(&server, "Leaked");
    let id = &previous.client_id;
    back_up(&server, &file);
    assert!(server.output(&["admin", "key", "end-grace", id]).status.success());
    assert!(!works(&server, &previous).await);
    assert!(server.stop());
    let said = text(&restore(&server.data_dir, &file, &["--force", "--as-it-was"]).stdout);
    let (_, told) = said.split_once("the previous secret works again").unwrap_or_else(|| panic!("{said}"));
    assert!(told.contains("duku admin key end-grace CLIENT_ID") && told.contains(id), "{said}");
    server.run();
    assert!(works(&server, &previous).await);
    assert!(server.output(&["admin", "key", "end-grace", id]).status.success(), "the cure that it names");
    assert!(!works(&server, &previous).await && works(&server, &current).await);
    // Where there is nothing to compare with, every grace is told.
    let (_elsewhere, data) = elsewhere(&server);
    let said = text(&restore(&data, &file, &[]).stdout);
    let (_, told) = said.split_once("also if it was ended since").unwrap_or_else(|| panic!("{said}"));
    assert!(told.contains(id), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grace_whose_time_is_over_is_in_no_list() {
    let (mut server, _dir, file) = acme();
    let previous = server.generate("Short");
    server.admin(&["key", "rotate", &previous.client_id, "--grace", "1s"]);
    back_up(&server, &file);
    assert!(server.stop());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let answer = done(&restore(&server.data_dir, &file, &["--force", "--json"]));
    assert_eq!(answer["differences"]["graces_ended_since"], json!([]));
    assert_eq!(answer["previous_secrets_that_work"], json!([]));
    server.run();
    assert!(!works(&server, &previous).await);
}
