//! `duku doctor`: what is broken has a line that says so, with its cure, and no secret.

use crate::server::{Database, Server, duku};
use serde_json::Value;
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::PathBuf, process::Output};
use tempfile::TempDir;

crate::on_both! {
    a_sound_installation_has_nothing_broken
}

fn lines(output: &Output) -> Vec<Value> {
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let lines = told["checks"].as_array().unwrap().clone();
    let failed = lines.iter().any(|line| line["state"] == "fail");
    assert_eq!(output.status.code(), Some(i32::from(failed)), "{told:#}");
    assert_eq!(told["healthy"], !failed);
    for line in &lines {
        assert_eq!(line["state"] == "ok", line["cure"].is_null(), "every fault has its cure: {line}");
    }
    lines
}

async fn a_sound_installation_has_nothing_broken(engine: Database) {
    let server = Server::start(engine);
    server.make_acme();
    let lines = lines(&server.output(&["doctor", "--json"]));
    for line in lines.iter().filter(|line| line["state"] == "fail") {
        // A PostgreSQL for tests alone may be faster than safe, and that is worth a word.
        let said = line["message"].as_str().unwrap();
        assert!(engine == Database::Postgres && said.contains("on the disk"), "{line}");
    }
    let said = |check: &str, words: &str| {
        let about = lines.iter().filter(|line| line["check"] == check);
        assert!(
            about.clone().any(|line| line["message"].as_str().unwrap().contains(words)),
            "{check} {words}: {lines:?}"
        );
    };
    said("listen", "/readyz is good");
    said("metrics", "/metrics is good");
    said("database", "schema 7");
    said("master key", "fits the data");
    said("signing keys", "the next takes over at");
    said("clock", "newest entry of the audit log");
    let text = server.output(&["doctor"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.lines().count() >= 12 && text.contains("ok    "), "{text}");
}

/// A copy of a server's data, to be broken.
struct Patient {
    _dir: TempDir,
    data: PathBuf,
}

impl Patient {
    fn copy_of(server: &Server) -> Self {
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        let data = dir.path().join("data");
        fs::DirBuilder::new().create(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        fs::copy(server.data_dir.join("master.key"), data.join("master.key")).unwrap();
        let patient = Self { _dir: dir, data };
        assert!(server.output(&["backup", patient.file().to_str().unwrap()]).status.success());
        patient
    }

    fn file(&self) -> PathBuf {
        self.data.join("duku.db")
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.data.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn database(&self) -> testkit::Database {
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        testkit::Database { dir, url: format!("sqlite://{}", self.file().display()) }
    }

    async fn sql(&self, sql: &str) {
        self.database().sql(sql).await;
    }

    /// Every row, and the master key.
    async fn dump(&self) -> String {
        let key = fs::read_to_string(self.data.join("master.key")).unwrap();
        format!("{key}{}", self.database().dump().await)
    }

    /// Runs the doctor; the line about `check` must have this state and these words.
    #[track_caller]
    fn has(&self, environment: &[(&str, &str)], check: &str, state: &str, words: &str) {
        let mut command = duku(&["doctor", "--json"]);
        command.env("DUKU_DATA_DIR", &self.data).env("DUKU_LISTEN", "127.0.0.1:0");
        command.env("DUKU_METRICS_LISTEN", "127.0.0.1:0").env("DUKU_DATABASE_TIMEOUT_SECONDS", "1");
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let everything = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!everything.contains("hunter2"), "{everything}");
        let key = fs::read_to_string(self.data.join("master.key")).unwrap_or_else(|_| "no key".to_owned());
        assert!(!everything.contains(key.trim()), "{everything}");
        let lines = lines(&output);
        let found = lines.iter().any(|line| {
            line["check"] == check
                && line["state"] == state
                && line["message"].as_str().unwrap().contains(words)
        });
        assert!(found, "{check} {state} {words}: {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_broken_in_the_data_is_named() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let patient = || Patient::copy_of(&server);

    let sound = patient();
    let before = sound.dump().await;
    sound.has(&[], "database", "ok", "is sound");
    sound.has(&[], "backup", "warn", "none was ever made");
    assert!(before == sound.dump().await, "looking changes nothing");
    let target = sound.data.join("copy.db");
    let backup =
        duku(&["backup", target.to_str().unwrap()]).env("DUKU_DATA_DIR", &sound.data).output().unwrap();
    assert!(backup.status.success());
    sound.has(&[], "backup", "ok", "the last one was made");

    for (sql, check, words) in [(
        "INSERT INTO audit_events SELECT chain, sequence + 9, 'evt_zz' || sequence, at_ms + 864000000, actor_kind, actor_id, actor_name, \
             action, object_id, object_name, details, address, previous_hash, hash FROM audit_events WHERE chain = 'system'",
        "clock",
        "set back",
    )] {
        let patient = patient();
        patient.sql(sql).await;
        patient.has(&[], check, "fail", words);
    }
    let old = patient();
    old.sql("UPDATE signing_keys SET signs_from_ms = signs_from_ms - 3000000000").await;
    old.has(&[], "signing keys", "warn", "the next was due");

    let damaged = patient();
    let mut bytes = fs::read(damaged.file()).unwrap();
    (3..bytes.len() / 4096).for_each(|page| bytes[page * 4096 + 8..page * 4096 + 40].fill(0xEE));
    fs::write(damaged.file(), bytes).unwrap();
    damaged.has(&[], "database", "fail", "damaged");
    let foreign = patient();
    fs::write(foreign.file(), "no database, but long enough that its first hundred bytes could be the header of one, as SQLite wants").unwrap();
    foreign.has(&[], "database", "fail", "no SQLite database");
}

#[test]
fn what_is_broken_around_the_data_is_named() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let patient = || Patient::copy_of(&server);

    let keyless = patient();
    fs::remove_file(keyless.data.join("master.key")).unwrap();
    keyless.has(&[], "master key", "fail", "there is none");
    assert!(!keyless.data.join("master.key").exists(), "none is made");
    let other = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    keyless.has(&[("DUKU_MASTER_KEY", other)], "master key", "fail", "the data are sealed under");
    keyless.has(&[("DUKU_MASTER_KEY", "short")], "master key", "fail", "DUKU_MASTER_KEY");
    let open = patient();
    open.mode("master.key", 0o644);
    open.has(&[], "master key", "fail", "everyone on this machine can read it");
    open.mode("master.key", 0o600);
    open.mode("duku.db", 0o644);
    open.has(&[], "files", "warn", "other users can open");
    open.mode("", 0o755);
    open.has(&[], "directory", "warn", "open to other users");

    let well = patient();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    well.has(&[("DUKU_LISTEN", &address)], "listen", "fail", "does not answer as Duku would");
    well.has(&[("DUKU_LISTEN", "203.0.113.9:80")], "listen", "fail", "nothing can listen");
    well.has(&[("DUKU_METRICS_LISTEN", "off")], "metrics", "warn", "off");
    well.has(&[("DUKU_LISEN", "x")], "configuration", "warn", "DUKU_LISEN");
    well.has(&[("DUKU_ACTIVE_KEYS", "0")], "configuration", "fail", "active-keys");
    well.has(&[("DUKU_PUBLIC_URL", "http://duku.example.org")], "urls", "warn", "unprotected");
    well.has(&[("DUKU_PUBLIC_URL", "https://duku.example.org")], "proxies", "warn", "no proxy is trusted");
    well.has(&[("DUKU_PUBLIC_URL", "duku")], "urls", "fail", "--public-url");
    well.has(&[("DUKU_LISTEN", "0.0.0.0:0")], "urls", "warn", "for others");
    well.has(&[("DUKU_TRUSTED_PROXIES", "0.0.0.0/0")], "proxies", "warn", "everybody");
    well.has(&[("DUKU_TRUSTED_PROXIES", "x")], "proxies", "fail", "neither an address");
    well.has(&[("DUKU_CONNECTIONS", "1000000")], "open files", "warn", "1000000 connections");
    let unreachable = "postgres://duku:hunter2@127.0.0.1:1/duku";
    well.has(&[("DUKU_DATABASE_URL", unreachable)], "database", "fail", "not available");
    well.has(&[("DUKU_DATABASE_URL", "mysql://u:hunter2@x")], "database", "fail", "sqlite:// or postgres://");
    let mail =
        [("DUKU_SMTP_URL", "smtp+insecure://u:hunter2@127.0.0.1:1"), ("DUKU_MAIL_FROM", "d@example.org")];
    well.has(&mail, "mail", "fail", "cannot be used");
    well.has(&[("DUKU_DATA_DIR", "/nowhere/at/all")], "database", "warn", "no data");
    let file = well.data.join("duku.toml");
    fs::write(&file, format!("database_url = \"{unreachable}\"\n")).unwrap();
    well.mode("duku.toml", 0o644);
    well.has(&[("DUKU_CONFIG", file.to_str().unwrap())], "configuration", "warn", "holds a password");
}
