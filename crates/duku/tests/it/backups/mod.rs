//! Backups: made while the server works, checked, put back, and honest about what comes back with them.

mod backing_up;
mod ending_access;
mod graces;
mod restoring;

use crate::server::{Database, Server, duku};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};
use tempfile::TempDir;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn rejected(output: &Output, hint: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stdout));
    assert!(said.contains(hint) && said.starts_with("duku: ") && said.lines().count() == 1, "{hint}: {said}");
}

#[track_caller]
fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// A server with Acme and a place for its backup.
fn acme() -> (Server, TempDir, PathBuf) {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let file = dir.path().join("duku.db");
    (server, dir, file)
}

fn back_up(server: &Server, file: &Path) -> Value {
    done(&server.output(&["backup", "--json", "--force", file.to_str().unwrap()]))
}

/// An empty place to restore to, with the master key of `server` in it.
fn elsewhere(server: &Server) -> (TempDir, PathBuf) {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let data = dir.path().join("data");
    fs::DirBuilder::new().create(&data).unwrap();
    fs::copy(server.data_dir.join("master.key"), data.join("master.key")).unwrap();
    (dir, data)
}

fn restore(data: &Path, file: &Path, more: &[&str]) -> Output {
    let arguments =
        [&["restore", file.to_str().unwrap(), "--data-dir", data.to_str().unwrap()], more].concat();
    duku(&arguments).output().unwrap()
}

fn started_on(data: &Path) -> Server {
    Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", data.to_str().unwrap())])
}

/// Raw SQL on a file, behind the product's back.
async fn sql(file: &Path, sql: &str) {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let database = testkit::Database { dir, url: format!("sqlite://{}", file.display()) };
    database.sql(sql).await;
}
