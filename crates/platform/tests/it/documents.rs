//! A document that came before is answered like one that is new.

use crate::harness::{Actor, Harness};
use serde_json::{Value, json};

#[tokio::test]
async fn a_remembered_document_is_judged_anew_for_each_who_sends_it() {
    let harness = Harness::new().await;
    harness.product("Shop").await;
    let members = "{ members { email } }";
    for _ in 0..3 {
        assert_eq!(harness.ask(Actor::Admin, members).await.code(), "OK");
        assert_eq!(harness.ask(Actor::Key, members).await.code(), "FORBIDDEN");
    }
    let paged = "query ($n: Int) { subjects(first: $n) { name } }";
    for (variables, code) in [
        (json!({ "n": 1 }), "OK"),
        (json!({ "n": 0 }), "VALIDATION_FAILED"),
        (json!({ "n": "one" }), "VALIDATION_FAILED"),
        (Value::Null, "OK"),
    ] {
        for _ in 0..2 {
            assert_eq!(
                harness.ask_with(Actor::Key, paged, variables.clone()).await.code(),
                code,
                "{variables}"
            );
        }
    }
}

#[tokio::test]
async fn the_operations_of_one_document_are_told_apart() {
    let harness = Harness::new().await;
    harness.product("Shop").await;
    let token = harness.token(Actor::Key).await;
    let document = "query A { subjects { name } } query B { viewer { __typename } }";
    let ask = async |name: Value| {
        harness.post(&token, json!({ "query": document, "operationName": name }).to_string()).await
    };
    for _ in 0..2 {
        assert_eq!(ask("A".into()).await.data("/subjects/0/name"), "Shop");
        assert_eq!(ask("B".into()).await.data("/viewer/__typename"), "Viewer");
        assert_eq!(ask("C".into()).await.code(), "VALIDATION_FAILED");
        assert_eq!(ask(Value::Null).await.code(), "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn a_document_with_json_in_it_keeps_its_own() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    for number in 0..3 {
        let query = format!(
            "mutation {{ upsertSimulationTarget(input: {{ subjectId: \"{product}\", buildKey: \"b\", name: \"T\", \
             version: \"1\", environment: \"e\", metadata: {{ n: {number} }} }}) {{ metadata }} }}"
        );
        for _ in 0..2 {
            let answer = harness.ask(Actor::Key, &query).await;
            assert_eq!(answer.data("/upsertSimulationTarget/metadata"), json!({ "n": number }));
        }
    }
}
