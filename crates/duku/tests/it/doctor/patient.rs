//! Data that are broken and mended, and what `duku doctor` says about them.

use crate::server::{Database, Server, duku};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
    sync::OnceLock,
};
use tempfile::TempDir;

/// The findings of one run, each complete.
pub(crate) struct Diagnosis(pub(super) Vec<Value>);

impl Diagnosis {
    pub(crate) fn of(output: &Output) -> Self {
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        Self(told["checks"].as_array().unwrap().clone())
    }

    /// The cure of the line about `check` that has this state and these words.
    #[track_caller]
    pub(crate) fn cure(&self, check: &str, state: &str, words: &str) -> String {
        let is_it = |line: &&Value| {
            line["check"] == check
                && line["state"] == state
                && line["message"].as_str().unwrap().contains(words)
        };
        let line =
            self.0.iter().find(is_it).unwrap_or_else(|| panic!("{check} {state} {words}: {:#?}", self.0));
        line["cure"].as_str().unwrap().to_owned()
    }

    /// Nothing is broken, and nothing is said about `check` but good.
    #[track_caller]
    pub(crate) fn is_content_with(&self, check: &str) {
        let bad =
            |line: &&Value| line["state"] == "fail" || (line["check"] == check && line["state"] != "ok");
        assert!(!self.0.iter().any(|line| bad(&line)), "{check}: {:#?}", self.0);
    }
}

/// The command that a cure names: what follows `start`, up to the end of its sentence.
#[track_caller]
pub(crate) fn command_in(cure: &str, start: &str) -> String {
    let from = cure.find(start).unwrap_or_else(|| panic!("no `{start}` in: {cure}"));
    let rest = &cure[from..];
    let end = [": ", "; ", ", ", ")", " ("].iter().filter_map(|stop| rest.find(stop)).min();
    rest[..end.unwrap_or(rest.len())].to_owned()
}

/// A copy of a server's data with a backup of them, to be broken and mended.
pub(crate) struct Patient {
    pub(crate) dir: TempDir,
    pub(crate) data: PathBuf,
}

/// The master key and a backup of the data with Acme: one server makes them for all.
fn key_and_backup() -> &'static (Vec<u8>, Vec<u8>) {
    static MADE: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let server = Server::start(Database::Sqlite);
        server.make_acme();
        server.generate("CI");
        let backup = server.data_dir.join("backup.db");
        assert!(server.output(&["backup", backup.to_str().unwrap()]).status.success());
        (fs::read(server.data_dir.join("master.key")).unwrap(), fs::read(backup).unwrap())
    })
}

impl Patient {
    pub(crate) fn new() -> Self {
        let (key, backup) = key_and_backup();
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        // Other users may look into it, but not into the data.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        for (path, bytes) in [
            (data.join("master.key"), key),
            (data.join("duku.db"), backup),
            (dir.path().join("backup.db"), backup),
        ] {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self { dir, data }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) async fn sql(&self, sql: &str) {
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        let database = testkit::Database { dir, url: format!("sqlite://{}", self.file("duku.db").display()) };
        database.sql(sql).await;
    }

    pub(crate) fn settings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DUKU_DATA_DIR", &self.data).env("DUKU_LISTEN", "127.0.0.1:0");
        command.env("DUKU_METRICS_LISTEN", "127.0.0.1:0").env("DUKU_DATABASE_TIMEOUT_SECONDS", "1")
    }

    pub(crate) fn doctor(&self, environment: &[(&str, &str)]) -> Diagnosis {
        let output = self
            .settings(&mut duku(&["doctor", "--json"]))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let diagnosis = Diagnosis::of(&output);
        let key = fs::read_to_string(self.file("master.key")).unwrap_or_default();
        let is_shown = String::from_utf8_lossy(&output.stdout).contains(key.trim());
        assert!(!is_shown || key.trim().is_empty(), "the master key is printed");
        diagnosis
    }

    /// Runs a command as a cure names it, with the backup for its FILE.
    #[track_caller]
    pub(crate) fn run(&self, command: &str) {
        let backup = self.dir.path().join("backup.db");
        let words: Vec<_> = command
            .split(' ')
            .map(|word| if word == "FILE" { backup.to_str().unwrap() } else { word })
            .collect();
        let (program, arguments) = words.split_first().unwrap();
        let mut command = if *program == "duku" { duku(arguments) } else { Command::new(program) };
        if *program != "duku" {
            command.args(arguments);
        }
        let output = self.settings(&mut command).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Finds the line, runs the command in its cure that begins with `start`, and then nothing is broken.
    #[track_caller]
    pub(crate) fn is_cured(&self, check: &str, state: &str, words: &str, start: &str) {
        let cure = self.doctor(&[]).cure(check, state, words);
        self.run(&command_in(&cure, start));
        self.doctor(&[]).is_content_with(check);
    }

    /// The same, and the server starts on what was mended.
    #[track_caller]
    pub(super) fn is_restored(&self, check: &str, words: &str) {
        self.is_cured(check, "fail", words, "duku restore");
        self.serves();
    }

    #[track_caller]
    pub(super) fn serves(&self) {
        let server = Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", self.data.to_str().unwrap())]);
        assert_eq!(server.admin(&["org", "list"])[0]["name"], "Acme");
    }
}
