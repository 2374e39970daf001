//! A backup that is put back is sound, and honest about what comes back with it.

use super::{acme, back_up, done, elsewhere, rejected, restore, sql, started_on, text};
use crate::server::Server;
use reqwest::StatusCode;
use serde_json::json;
use std::{fs, path::PathBuf};
use tempfile::TempDir;
use testkit::Pair;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_rejects_while_a_server_uses_the_data() {
    let (mut server, _dir, file) = acme();
    back_up(&server, &file);
    let later = server.generate("Later");
    rejected(&restore(&server.data_dir, &file, &[]), "--force");
    rejected(&restore(&server.data_dir, &file, &["--force"]), "stop the server");
    assert_eq!(server.api().exchange(&later).await.status, StatusCode::OK, "nothing happened to the data");
    assert!(server.stop());
    assert!(restore(&server.data_dir, &file, &["--force"]).status.success());
    server.run();
    assert_eq!(server.api().exchange(&later).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_keeps_the_former_data_and_says_what_comes_back() {
    let (mut server, _dir, file) = acme();
    let [revoked, rotated, kept] = ["Revoked", "Rotated", "Kept"].map(|label| server.generate(label));
    server.admin(&["member", "add", "--org", "Acme", "bob@example.org"]);
    back_up(&server, &file);
    server.admin(&["key", "revoke", &revoked.client_id]);
    let newer = Pair::of(&server.admin(&["key", "rotate", &rotated.client_id]));
    let lost = server.generate("Lost");
    let removed = server.output(&["admin", "member", "remove", "--org", "Acme", "bob@example.org"]);
    assert!(removed.status.success());
    assert!(server.stop());
    let answer = done(&restore(&server.data_dir, &file, &["--force", "--json"]));
    let found = &answer["differences"];
    let only = |list: &str| {
        assert_eq!(found[list].as_array().unwrap().len(), 1, "{list}: {found}");
        found[list][0].clone()
    };
    assert_eq!(only("revoked_since")["client_id"], revoked.client_id);
    assert_eq!(only("rotated_since")["client_id"], rotated.client_id);
    assert_eq!(only("generated_since")["client_id"], lost.client_id);
    assert_eq!(only("members_changed_since")["email"], "bob@example.org");
    assert_eq!(found["passwords_set_since"], json!([]));
    server.run();
    let api = server.api();
    for (pair, works) in [(&revoked, true), (&rotated, true), (&kept, true), (&newer, false), (&lost, false)]
    {
        assert_eq!(api.exchange(pair).await.status.is_success(), works, "{}", pair.client_id);
    }
    assert!(server.stop());
    let former = PathBuf::from(answer["former_data"].as_str().unwrap());
    let (_elsewhere, data) = elsewhere(&server);
    rejected(&restore(&data, &former, &["--as-it-was"]), "--unsealed");
    let back = restore(&data, &former, &["--as-it-was", "--unsealed"]);
    assert!(back.status.success(), "the former data are whole");
    let before = started_on(&data);
    let api = before.api();
    for (pair, works) in [(&revoked, false), (&rotated, false), (&kept, true), (&newer, true), (&lost, true)]
    {
        assert_eq!(api.exchange(pair).await.status.is_success(), works, "{}", pair.client_id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_issued_before_a_restore_ends_unless_nothing_happened_since() {
    let (mut server, _dir, file) = acme();
    let pair = server.generate("CI");
    let (of_key, of_person) = (server.api().token(&pair).await, server.admin_token());
    server.admin(&["user", "reset-password", "ada@example.org"]);
    back_up(&server, &file);
    assert!(server.stop());
    assert!(restore(&server.data_dir, &file, &["--force", "--as-it-was"]).status.success());
    server.run();
    assert!(server.api().accepts(&of_key).await && server.api().accepts(&of_person).await);
    assert!(server.stop());
    assert!(restore(&server.data_dir, &file, &["--force"]).status.success());
    server.run();
    assert!(!server.api().accepts(&of_key).await && !server.api().accepts(&of_person).await);
    let again = server.api().token(&pair).await;
    assert!(server.api().accepts(&again).await, "a key gets new ones");
    assert!(server.stop());
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let database =
        testkit::Database { dir, url: format!("sqlite://{}", server.data_dir.join("duku.db").display()) };
    let open = "SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM one_time_links WHERE consumed_at_ms IS NULL)";
    assert_eq!(database.number(open).await, 0, "no way in is left open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sound_is_not_restored() {
    let (mut server, dir, file) = acme();
    let pair = server.generate("CI");
    back_up(&server, &file);
    assert!(server.stop());
    let good = fs::read(&file).unwrap();
    let bad = dir.path().join("bad.db");
    let attempt = |hint: &str| {
        rejected(&restore(&server.data_dir, &bad, &["--force"]), hint);
        assert!(!server.data_dir.join("restoring").exists(), "nothing is left behind");
    };
    fs::write(&bad, "no database at all").unwrap();
    attempt("not sound");
    fs::write(&bad, &good[..good.len() - 8192]).unwrap();
    attempt("not sound");
    let mut flipped = good.clone();
    // Every page but the first, somewhere in its middle.
    (1..good.len() / 4096).for_each(|page| flipped[page * 4096 + 20..page * 4096 + 60].fill(0xAA));
    fs::write(&bad, &flipped).unwrap();
    attempt("not sound");
    for (change, hint) in [
        ("DROP TRIGGER audit_events_never_change; UPDATE audit_events SET actor_name = 'eve'", "was changed"),
        ("UPDATE audit_heads SET seal = 'x'", "seal"),
        ("INSERT INTO schema_migrations (version, name) VALUES (99, 'later')", "newer duku"),
        ("DELETE FROM meta WHERE name = 'master_key_fingerprint'", "master key"),
        (
            "UPDATE meta SET value = 'fedcba9876543210' WHERE name = 'master_key_fingerprint'",
            "fedcba9876543210",
        ),
        ("INSERT INTO memberships VALUES ('org_x', 'usr_x', 'admin', 1, 1)", "memberships"),
    ] {
        fs::write(&bad, &good).unwrap();
        sql(&bad, &format!("PRAGMA foreign_keys = OFF; {change}")).await;
        attempt(hint);
    }
    fs::write(&bad, &good).unwrap();
    fs::write(dir.path().join("bad.db-wal"), "a log").unwrap();
    attempt("no backup but data with a log");
    rejected(
        &restore(&server.data_dir, &server.data_dir.join("duku.db"), &["--force"]),
        "the data themselves",
    );
    server.run();
    assert_eq!(server.api().exchange(&pair).await.status, StatusCode::OK, "the data are as they were");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_was_changed_is_not_restored_however_well_it_fits() {
    let (server, dir, file) = acme();
    server.generate("CI");
    server.admin(&["member", "add", "--org", "Acme", "bob@example.org"]);
    back_up(&server, &file);
    let good = fs::read(&file).unwrap();
    let bad = dir.path().join("bad.db");
    let (_elsewhere, data) = elsewhere(&server);
    let attempt = |what: &str, hints: &[&str]| {
        let output = restore(&data, &bad, &[]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && hints.iter().any(|hint| said.contains(hint)), "{what}: {said}");
        assert!(!data.join("duku.db").exists(), "{what}");
    };
    for change in [
        "UPDATE memberships SET role = 'admin'",
        "UPDATE users SET password_hash = 'x'",
        "UPDATE api_keys SET secret_digest = zeroblob(32)",
        "UPDATE organisations SET maximum_lifetime_seconds = 1",
        "CREATE TABLE x (y)",
        "CREATE TRIGGER x AFTER INSERT ON memberships BEGIN UPDATE memberships SET role = 'admin'; END",
    ] {
        fs::write(&bad, &good).unwrap();
        sql(&bad, change).await;
        attempt(change, &["seal does not fit", "has no seal"]);
    }
    // Each single bit of a page counts, also where SQLite does not look.
    for at in [24, 100, good.len() / 2, good.len() - 60, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        fs::write(&bad, &flipped).unwrap();
        attempt(&format!("bit of byte {at}"), &["seal does not fit", "not sound", "has no seal"]);
    }
    fs::write(&bad, &good[..good.len() - 48]).unwrap();
    attempt("without its seal", &["has no seal"]);
    fs::write(&bad, [&good[..], b"x"].concat()).unwrap();
    attempt("with more behind its seal", &["has no seal", "not sound"]);
    fs::write(&bad, &good).unwrap();
    assert!(restore(&data, &bad, &[]).status.success(), "unchanged, it is restored");
}

#[test]
fn a_backup_that_was_made_without_the_master_key_says_so_and_has_no_seal() {
    let (server, _dir, file) = acme();
    let [key, elsewhere_kept] = ["master.key", "kept.key"].map(|name| server.data_dir.join(name));
    fs::rename(&key, &elsewhere_kept).unwrap();
    assert_eq!(back_up(&server, &file)["sealed"], false);
    fs::rename(&elsewhere_kept, &key).unwrap();
    let (_elsewhere, data) = elsewhere(&server);
    rejected(&restore(&data, &file, &[]), "has no seal");
    assert!(restore(&data, &file, &["--unsealed"]).status.success());
}

#[test]
fn a_restore_asks_for_the_master_key_first() {
    let (server, _dir, file) = acme();
    let fingerprint = back_up(&server, &file)["master_key_fingerprint"].as_str().unwrap().to_owned();
    let empty = TempDir::with_prefix("duku-test-").unwrap();
    let data = empty.path().join("data");
    let output = restore(&data, &file, &[]);
    rejected(&output, &fingerprint);
    assert!(text(&output.stderr).contains("master.key") && !data.join("duku.db").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_before_an_upgrade_leaves_the_data_to_the_old_binary() {
    let (mut server, _dir, file) = acme();
    assert!(server.stop());
    let data = server.data_dir.join("duku.db");
    let older = "DROP TABLE passkeys; DROP TABLE passkey_ceremonies; ALTER TABLE memberships DROP COLUMN epoch; \
        ALTER TABLE users DROP COLUMN memberships_begun; DROP INDEX invitations_by_inviter; \
        ALTER TABLE invitations DROP COLUMN inviter_id; DROP TRIGGER audit_events_never_replaced; ALTER TABLE device_authorizations DROP COLUMN session_id; \
        ALTER TABLE key_usage DROP COLUMN other_addresses; DROP INDEX key_sources_by_last_use; DROP INDEX invitations_by_expiry; \
        DROP INDEX key_notices_by_expiry; DROP INDEX sent_forms_by_sending; DROP INDEX mails_by_creation; \
        ALTER TABLE targets DROP COLUMN sealed_secrets; ALTER TABLE key_sources DROP COLUMN user_agent; ALTER TABLE key_sources DROP COLUMN exchanged_at_ms; ALTER TABLE key_sources DROP COLUMN exchanged_digest; \
        DROP TABLE key_identities; DROP TABLE used_assertions; DROP TABLE key_attempts; ALTER TABLE key_sources DROP COLUMN run; \
        ALTER TABLE organisations DROP COLUMN secretless_only; \
        DELETE FROM schema_migrations WHERE version >= 3";
    sql(&data, older).await;
    assert_eq!(back_up(&server, &file)["schema"], 2);
    assert_eq!(back_up(&server, &file)["schema"], 2, "nor did the first one change it");
    assert!(restore(&server.data_dir, &file, &["--force"]).status.success());
    server.run();
    assert!(server.admin(&["org", "list"])[0]["name"] == "Acme");
}

#[test]
fn a_restore_that_is_killed_leaves_the_former_data_or_the_new_ones_whole() {
    let (mut server, _dir, file) = acme();
    server.admin(&["subject", "create", "--org", "Acme", "--name", "Shop"]);
    back_up(&server, &file);
    assert!(server.stop());
    let [former, new] = ["Former", "New"].map(|name| {
        // The two states differ by the name of their organisation alone, and by what follows from it.
        server.admin(&["org", "create", name, "--admin-email", "ada@example.org"]);
        let copy = file.with_file_name(name);
        back_up(&server, &copy);
        copy
    });
    let organisations = |server: &Server| server.admin(&["org", "list"]).as_array().unwrap().len();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..16 {
        let next = if round % 2 == 0 { &former } else { &new };
        let arguments = ["restore", "--force", next.to_str().unwrap()];
        let mut child = server.command(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let count = organisations(&server);
        assert!((2..=3).contains(&count), "{count} organisations after round {round}");
        seen.insert(count);
        assert_eq!(done(&server.output(&["audit", "verify", "--json"]))["intact"], true, "round {round}");
        assert_eq!(server.admin(&["org", "list"])[0]["name"], "Acme");
    }
    assert!(done(&server.output(&["restore", "--force", "--json", former.to_str().unwrap()]))["schema"] == 7);
    assert_eq!(organisations(&server), 2, "and the next one does not stumble over what is left");
    println!("states seen: {seen:?}");
}
