//! Long operations wait for their turn: what ends meanwhile has ended when they run.

use crate::harness::{Actor, Harness};
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

const LONG_CHANGE: &str =
    "mutation { createSubject(input: { name: \"Shop\" }) { id targets(first: 1000) { id name } } }";
const LONG_QUERY: &str = "{ targets(first: 1000) { id name } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expires_while_its_operation_waits_for_its_turn_is_rejected() {
    let harness = Harness::new().await;
    let token = harness.token(Actor::Key).await;
    // The first has the organisation's turn, and waits for the database.
    let held = harness.database.hold("LOCK TABLE subjects IN ACCESS EXCLUSIVE MODE").await;
    let first = harness.ask_by(&token, LONG_CHANGE, Value::Null);
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        harness.ask_by(&token, LONG_QUERY, Value::Null).await
    };
    let later = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        harness.clock.advance_seconds(301);
        drop(held);
    };
    let (first, second, ()) = tokio::join!(first, second, later);
    assert_eq!(first.text("/createSubject/id").len(), 30, "it ran in its time");
    assert_eq!(second.status, StatusCode::UNAUTHORIZED, "{:?}", second.body);
}
