//! Backups: made while the server works, and checked.

use super::{acme, back_up, done, elsewhere, files_in, rejected, restore, started_on, text};
use crate::server::duku;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_is_whole_and_works_elsewhere() {
    let (server, _dir, file) = acme();
    let (api, token) = (server.api(), server.admin_token());
    let before = server.generate("Before");
    let work = tokio::spawn(async move {
        let query = "mutation ($n: String!) { createSubject(input: { name: $n }) { id } }";
        let mut made = 0;
        loop {
            api.graphql(&token, query, json!({ "n": format!("Product {made}") })).await.data();
            made += 1;
        }
    });
    let (started, arguments) = (std::time::Instant::now(), ["backup", "--json", "--force"]);
    let mut backups = 0;
    while backups < 5 || started.elapsed() < std::time::Duration::from_secs(2) {
        let output = server.command(&[&arguments[..], &[file.to_str().unwrap()]].concat()).output().unwrap();
        assert_eq!(done(&output)["intact"], true);
        backups += 1;
    }
    assert!(!work.is_finished(), "the server went on while backups were made");
    work.abort();
    let (_elsewhere, data) = elsewhere(&server);
    let restored = done(&restore(&data, &file, &["--json"]));
    assert_eq!((&restored["former_data"], &restored["schema"]), (&Value::Null, &json!(7)));
    let other = started_on(&data);
    assert_eq!(other.api().exchange(&before).await.status, StatusCode::OK);
    let output = other.output(&["audit", "verify", "--json"]);
    assert_eq!(done(&output)["intact"], true);
    let admin = other.admin_token();
    let answer = other.api().graphql(&admin, "{ subjects(first: 1000) { name } }", Value::Null).await.data();
    assert!(!answer["subjects"].as_array().unwrap().is_empty(), "what was made under way is there");
}

#[test]
fn a_backup_is_its_owners_alone_and_holds_no_secret() {
    let (server, dir, file) = acme();
    let pair = server.generate("CI");
    let subject = server.admin(&["subject", "create", "--org", "Acme", "--name", "Shop"]);
    back_up(&server, &file);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(files_in(dir.path()), ["duku.db"], "nothing is left beside it");
    let bytes = fs::read(&file).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"Shop") && holds(subject["id"].as_str().unwrap().as_bytes()), "it is the data");
    assert!(!holds(pair.client_secret.as_bytes()) && !holds(&pair.client_secret.as_bytes()[4..47]));
    let key = fs::read_to_string(server.data_dir.join("master.key")).unwrap();
    let raw = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, key.trim()).unwrap();
    assert!(!holds(key.trim().as_bytes()) && !holds(&raw));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_not_in_a_backup() {
    let (server, _dir, file) = acme();
    let (api, token) = (server.api(), server.admin_token());
    let made =
        "mutation { createSubject(input: { name: \"Gone\", description: \"xyzzy was here\" }) { id } }";
    let id = api.graphql(&token, made, Value::Null).await.data()["createSubject"]["id"].clone();
    api.graphql(&token, "mutation ($id: ID!) { deleteSubject(id: $id) }", json!({ "id": id })).await.data();
    back_up(&server, &file);
    let bytes = fs::read(&file).unwrap();
    assert!(!bytes.windows(14).any(|window| window == b"xyzzy was here"));
}

#[test]
fn a_backup_replaces_nothing_unless_it_is_told_to() {
    let (server, dir, file) = acme();
    let run = |arguments: &[&str]| server.output(&[&["backup"], arguments].concat());
    let name = file.to_str().unwrap();
    fs::write(&file, "precious").unwrap();
    rejected(&run(&[name]), "--force");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let own = server.data_dir.join("duku.db");
    for own in [own.clone(), PathBuf::from(format!("{}-wal", own.display()))] {
        rejected(&run(&["--force", own.to_str().unwrap()]), "the data themselves");
    }
    rejected(&run(&["--force", dir.path().to_str().unwrap()]), "is no file");
    rejected(&run(&["/nowhere/duku.db"]), "/nowhere/duku.db");
    rejected(&run(&["--json", "-"]), "--json");
    fs::write(dir.path().join("duku.db.partial"), "of one that was killed").unwrap();
    let said = text(&run(&["--force", name]).stdout);
    assert!(said.contains("intact") && said.contains("The master key is not in it"), "{said}");
    assert_eq!(files_in(dir.path()), ["duku.db"]);
    let piped = run(&["-"]);
    assert!(piped.status.success() && piped.stdout.starts_with(b"SQLite format 3"));
    assert!(text(&piped.stderr).contains("master key"));
    fs::write(
        server.data_dir.join("master.key"),
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddee00",
    )
    .unwrap();
    rejected(&run(&["--force", name]), "does not fit");
}

#[test]
fn backups_are_noted_in_the_audit_log() {
    let (server, _dir, file) = acme();
    back_up(&server, &file);
    let log = text(&server.output(&["audit", "export", "--org", "system"]).stdout);
    let entry: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&entry["action"], &entry["actor_kind"]), (&json!("data.backed_up"), &json!("operator")));
    assert_eq!(entry["object_name"], file.to_str().unwrap());
}

#[test]
fn postgres_is_left_to_its_own_tools() {
    let environment = [("DUKU_DATABASE_URL", "postgres://duku:hunter2@127.0.0.1:1/duku")];
    for (command, tool) in [("backup", "pg_dump"), ("restore", "pg_restore")] {
        let output = duku(&[command, "x.db"]).envs(environment).output().unwrap();
        rejected(&output, tool);
        assert!(!text(&output.stderr).contains("hunter2"));
    }
    assert!(!Path::new("x.db").exists());
}
