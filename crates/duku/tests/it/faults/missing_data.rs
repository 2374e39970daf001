//! A master key, or a log, without the database that it belongs to: nothing is begun in its place, and each cure works.

use crate::server::{Database, Server, duku};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use testkit::Pair;

/// What was left of the data of a server that has stopped.
struct LeftoverData {
    server: Server,
    pair: Pair,
    _dir: TempDir,
    backup: PathBuf,
}

impl LeftoverData {
    /// `kill` leaves a log with what was committed last.
    async fn after(end: fn(&mut Server)) -> Self {
        let mut server = Server::start(Database::Sqlite);
        server.make_acme();
        let pair = server.generate("CI");
        let token = server.admin_token();
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        let backup = dir.path().join("backup.db");
        assert!(server.output(&["backup", backup.to_str().unwrap()]).status.success());
        let create = "mutation { createSubject(input: { name: \"Shop\" }) { id } }";
        server.api().graphql(&token, create, serde_json::json!({})).await.data();
        end(&mut server);
        Self { server, pair, _dir: dir, backup }
    }

    async fn stopped() -> Self {
        Self::after(|server| assert!(server.stop())).await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.data_dir.join(name)
    }

    /// Whatever opens the data is rejected with `words` and a cure, and makes and deletes nothing.
    #[track_caller]
    fn are_rejected(&self, words: &str) {
        let before = contents(&self.server.data_dir);
        for arguments in [
            &["serve"][..],
            &["admin", "org", "create", "New", "--admin-email", "eve@example.org"],
            &["admin", "key", "list", "--org", "Acme"],
            &["admin", "org", "list"],
            &["audit", "verify"],
        ] {
            rejected(&self.server.output(arguments), words);
        }
        let copy = self.backup.with_file_name("other.db");
        let output = self.server.output(&["backup", copy.to_str().unwrap()]);
        assert!(!output.status.success() && !copy.exists(), "{output:?}");
        assert!(before == contents(&self.server.data_dir), "{words}: nothing is made and nothing deleted");
    }

    /// The first cure.
    async fn come_back_with_a_backup(&mut self) {
        let restored = self.server.output(&["restore", "--force", self.backup.to_str().unwrap()]);
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        self.server.run();
        assert!(self.server.api().exchange(&self.pair).await.status.is_success());
    }
}

#[track_caller]
fn rejected(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stdout));
    for words in [words, "restore a backup", "if a new installation is wanted, move"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let lines = said.lines().filter(|line| line.starts_with("duku: "));
    assert_eq!(lines.count(), 1, "{said}");
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    found.sort_unstable();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_database_beside_its_master_key_is_rejected_until_a_backup_is_restored() {
    let mut leftover = LeftoverData::stopped().await;
    for name in ["duku.db", "duku.db-wal", "duku.db-shm"] {
        let _ = fs::remove_file(leftover.file(name));
    }
    leftover.are_rejected("master.key is the master key of an installation");
    assert!(!leftover.file("duku.db").exists());
    leftover.come_back_with_a_backup().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_beside_its_master_key_is_rejected_until_a_backup_is_restored() {
    let mut leftover = LeftoverData::stopped().await;
    fs::write(leftover.file("duku.db"), "").unwrap();
    leftover.are_rejected("master.key is the master key of an installation");
    leftover.come_back_with_a_backup().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_tables_beside_its_master_key_is_rejected_until_a_backup_is_restored() {
    let mut leftover = LeftoverData::stopped().await;
    fs::remove_file(leftover.file("duku.db")).unwrap();
    // As a copy of a file whose data are all in its log.
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let url = format!("sqlite://{}", leftover.file("duku.db").display());
    let database = testkit::Database { dir, url };
    database.sql("PRAGMA journal_mode = WAL; CREATE TABLE x (y); DROP TABLE x").await;
    rejected(&leftover.server.output(&["serve"]), "has no schema");
    rejected(
        &leftover.server.output(&["admin", "org", "create", "New", "--admin-email", "eve@example.org"]),
        "has no schema",
    );
    assert_eq!(database.number("SELECT COUNT(*) FROM sqlite_master").await, 0, "no table was made");
    leftover.come_back_with_a_backup().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_database_that_is_gone_is_kept_whatever_is_tried() {
    for empty in [false, true] {
        let mut leftover = LeftoverData::after(Server::kill).await;
        let (log, key) = (leftover.file("duku.db-wal"), leftover.file("master.key"));
        let bytes = fs::read(&log).unwrap();
        assert!(!bytes.is_empty());
        let whole = fs::read(leftover.file("duku.db")).unwrap();
        if empty {
            fs::write(leftover.file("duku.db"), "").unwrap();
        } else {
            fs::remove_file(leftover.file("duku.db")).unwrap();
        }
        leftover.are_rejected("is what is left of its data");
        // Not even the want of a new installation deletes it.
        let elsewhere = leftover.backup.with_file_name("master.key");
        fs::rename(&key, &elsewhere).unwrap();
        leftover.are_rejected("is what is left of its data");
        fs::rename(&elsewhere, &key).unwrap();
        leftover.come_back_with_a_backup().await;
        assert!(leftover.server.stop());
        let kept = contents(&leftover.server.data_dir).into_iter().find(|(path, _)| {
            path.to_string_lossy().contains("before-restore") && path.to_string_lossy().ends_with("-wal")
        });
        let (kept, found) = kept.unwrap();
        assert!(found == bytes, "the restore moved the log aside as it was");
        // With the file that it belongs to, the log is worth everything.
        fs::write(leftover.file("duku.db"), whole).unwrap();
        fs::copy(kept, log).unwrap();
        leftover.server.run();
        assert!(leftover.server.api().exchange(&leftover.pair).await.status.is_success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_installation_begins_when_the_master_key_was_moved_away() {
    let mut leftover = LeftoverData::stopped().await;
    fs::remove_file(leftover.file("duku.db")).unwrap();
    let kept = leftover.backup.with_file_name("master.key");
    fs::rename(leftover.file("master.key"), &kept).unwrap();
    leftover.server.run();
    assert!(!leftover.server.api().exchange(&leftover.pair).await.status.is_success());
    assert!(fs::read(leftover.file("master.key")).unwrap() != fs::read(kept).unwrap());
}

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn a_master_key_from_elsewhere_allows_a_first_start() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let outside = dir.path().join("given.key");
    fs::write(&outside, KEY).unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o600)).unwrap();
    let unmade = dir.path().join("made.key");
    for settings in [
        ("DUKU_MASTER_KEY", KEY),
        ("DUKU_MASTER_KEY_FILE", outside.to_str().unwrap()),
        ("DUKU_MASTER_KEY_FILE", unmade.to_str().unwrap()),
    ] {
        let mut server = Server::start_with(Database::Sqlite, &[settings]);
        server.make_acme();
        assert!(server.stop());
        server.run();
    }
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::symlink(&outside, data.join("master.key")).unwrap();
    Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", data.to_str().unwrap())]).make_acme();
}

#[test]
fn a_key_file_of_another_name_among_the_data_counts_too() {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let data = dir.path().join("data");
    let key = data.join("own.key");
    let settings =
        [("DUKU_DATA_DIR", data.to_str().unwrap()), ("DUKU_MASTER_KEY_FILE", key.to_str().unwrap())];
    let mut server = Server::start_with(Database::Sqlite, &settings);
    server.make_acme();
    assert!(server.stop());
    fs::remove_file(data.join("duku.db")).unwrap();
    rejected(&server.output(&["serve"]), "own.key is the master key of an installation");
}

/// Whenever a first start breaks off, the next one goes on.
#[test]
fn a_first_start_that_is_killed_locks_nobody_out() {
    let mut states = std::collections::BTreeSet::new();
    for round in 0..24 {
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        let data = dir.path().join("data");
        let run = |command: &mut Command| {
            command.env("DUKU_DATA_DIR", &data).env("DUKU_METRICS_LISTEN", "off");
            command
                .env("DUKU_LISTEN", "127.0.0.1:0")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let mut child = run(&mut duku(&["serve"]));
        std::thread::sleep(Duration::from_millis(round * 8));
        child.kill().unwrap();
        child.wait().unwrap();
        let length = fs::metadata(data.join("duku.db")).map_or(-1, |file| i64::try_from(file.len()).unwrap());
        states.insert((length, data.join("master.key").exists()));
        Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", data.to_str().unwrap())]).make_acme();
    }
    println!("states seen (length of duku.db, master.key is there): {states:?}");
    assert!(states.len() >= 2, "{states:?}");
}

#[test]
fn a_first_start_that_made_its_key_and_not_yet_its_signing_key_goes_on() {
    let mut server = Server::start(Database::Sqlite);
    server.make_acme();
    assert!(server.stop());
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let url = format!("sqlite://{}", server.data_dir.join("duku.db").display());
    let forget = "DELETE FROM meta WHERE name = 'master_key_fingerprint'; DELETE FROM signing_keys";
    tokio::runtime::Runtime::new().unwrap().block_on(testkit::Database { dir, url }.sql(forget));
    server.run();
    assert!(server.output(&["admin", "signing-key", "list"]).status.success());
}

#[test]
fn an_empty_postgresql_database_beside_an_old_master_key_is_rejected() {
    let mut old = Server::start(Database::Postgres);
    old.make_acme();
    assert!(old.stop());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let empty = runtime.block_on(testkit::Database::fresh(Database::Postgres));
    let serve = || {
        let mut command = old.command(&["serve"]);
        command.env("DUKU_DATABASE_URL", &empty.url).output().unwrap()
    };
    rejected(&serve(), "master.key is the master key of an installation");
    let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(runtime.block_on(empty.number(tables)), 0, "nothing was made");
    fs::remove_file(old.data_dir.join("master.key")).unwrap();
    let mut new =
        old.command(&["serve"]).env("DUKU_DATABASE_URL", &empty.url).stdout(Stdio::null()).spawn().unwrap();
    let begun = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        runtime.block_on(empty.number(tables)) > 10 && old.data_dir.join("master.key").exists()
    });
    new.kill().unwrap();
    new.wait().unwrap();
    assert!(begun, "a new installation begins when the key was moved away");
}
