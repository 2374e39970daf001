//! A server whose disk has no room left.

use super::stopping::SmallDisk;
use crate::server::{Database, Server};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_answered_503_while_token_requests_and_reads_go_on() {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let disk = SmallDisk::mount(dir.path().join("data"), "3m");
    let server = Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", disk.0.to_str().unwrap())]);
    server.make_acme();
    let (api, pair, admin) = (server.api(), server.generate("CI"), server.admin_token());
    let create =
        "mutation ($d: String!) { createSubject(input: { name: \"Shop\", description: $d }) { id } }";
    let change = async || api.graphql(&admin, create, json!({ "d": "x".repeat(1500) })).await;
    let mut kept = 0;
    let rejected = loop {
        let answer = change().await;
        if answer.status != StatusCode::OK {
            break answer;
        }
        answer.data();
        kept += 1;
    };
    assert_eq!(rejected.status, StatusCode::SERVICE_UNAVAILABLE, "{}", rejected.text);
    assert!(rejected.header("retry-after").parse::<u64>().is_ok(), "{rejected:?}");
    let token = api.token(&pair).await;
    let listed = async || {
        let query = "{ subjects(first: 1000) { id } }";
        api.graphql(&token, query, Value::Null).await.data()["subjects"].as_array().unwrap().len()
    };
    assert_eq!(listed().await, kept, "what was answered is there, and nothing else");
    disk.resize("16m");
    change().await.data();
    assert_eq!(listed().await, kept + 1, "it goes on without a restart");
}
