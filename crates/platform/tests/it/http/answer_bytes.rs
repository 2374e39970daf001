//! An answer has a length in bytes at most, whatever its values are, and all answers together have a memory.

use crate::harness::{Actor, Answer, Harness};
use http::StatusCode;
use http_body_util::BodyExt;
use platform::Settings;
use serde_json::{Value, json};

const LIMIT: usize = 256 * 1024;

/// Three products with twelve targets each, and 16 kB of metadata at each target.
async fn stuffed(settings: Settings) -> Harness {
    let harness = Harness::with(settings, |_| {}).await;
    let query = "mutation ($i: UpsertSimulationTargetInput!) { upsertSimulationTarget(input: $i) { id } }";
    for product in ["one", "two", "three"] {
        let product = harness.product(product).await;
        for number in 0..12 {
            let input = json!({
                "subjectId": product, "buildKey": format!("b{number}"), "name": "n", "version": "1",
                "environment": "e", "metadata": "x".repeat(16_000),
            });
            assert_eq!(harness.ask_with(Actor::Key, query, json!({ "i": input })).await.code(), "OK");
        }
    }
    harness
}

fn limited() -> Settings {
    Settings { answer_bytes: LIMIT, ..Settings::default() }
}

fn assert_too_long(answer: &Answer, what: &str, limit: usize) {
    assert_eq!(answer.code(), "VALIDATION_FAILED", "{what}");
    assert_eq!((answer.extension("limitOf"), answer.extension("limit")), (&json!(what), &json!(limit)));
    let message = answer.message();
    assert!(message.contains("graphql_answer_bytes") && message.contains("smaller pages"), "{message}");
    assert!(answer.body.get("data").is_none(), "nothing of it is answered");
}

#[tokio::test]
async fn an_answer_that_would_be_too_long_is_rejected() {
    let harness = stuffed(limited()).await;
    let aliases: Vec<_> = (0..25).map(|n| format!("a{n}: targets(first: 2) {{ metadata }}")).collect();
    for query in [
        "{ targets { metadata } }".to_owned(),
        "{ targets { metadata subject { id } } }".to_owned(),
        "{ subjects { targets { metadata } } }".to_owned(),
        format!("{{ {} }}", aliases.join(" ")),
    ] {
        let answer = harness.ask(Actor::Key, &query).await;
        assert_too_long(&answer, "answerBytes", LIMIT);
    }
    let fits = harness.ask(Actor::Key, "{ targets(first: 14) { metadata } }").await.data("/targets");
    assert_eq!(fits.as_array().unwrap().len(), 14);
    let fits = harness.ask(Actor::Key, "{ subjects { targets(first: 4) { metadata } } }").await;
    assert_eq!(fits.data("/subjects/2/targets/3/metadata"), json!("x".repeat(16_000)));
}

#[tokio::test]
async fn what_is_read_and_not_answered_is_limited_too() {
    let settings = Settings { answer_bytes: LIMIT / 4, ..Settings::default() };
    let harness = stuffed(settings).await;
    assert_too_long(&harness.ask(Actor::Key, "{ targets { id } }").await, "readBytes", LIMIT);
    assert_too_long(&harness.ask(Actor::Key, "{ subjects { targets { id } } }").await, "readBytes", LIMIT);
    assert_eq!(harness.ask(Actor::Key, "{ targets(first: 12) { id } }").await.code(), "OK");
}

#[tokio::test]
async fn json_counts_as_the_memory_that_it_takes() {
    let harness = Harness::with(limited(), |_| {}).await;
    let product = harness.product("p").await;
    let query = "mutation ($i: UpsertSimulationTargetInput!) { upsertSimulationTarget(input: $i) { id } }";
    for number in 0..8 {
        let input = json!({
            "subjectId": product, "buildKey": format!("b{number}"), "name": "n", "version": "1",
            "environment": "e", "metadata": vec![1; 8000],
        });
        assert_eq!(harness.ask_with(Actor::Key, query, json!({ "i": input })).await.code(), "OK");
    }
    assert_too_long(&harness.ask(Actor::Key, "{ targets { id } }").await, "readBytes", 4 * LIMIT);
}

#[tokio::test]
async fn names_of_fields_count() {
    let harness = Harness::with(limited(), |_| {}).await;
    for number in 0..30 {
        harness.product(&number.to_string()).await;
    }
    let query = format!("{{ subjects(first: 30) {{ {}: id }} }}", "a".repeat(10_000));
    assert_too_long(&harness.ask(Actor::Key, &query).await, "answerBytes", LIMIT);
}

#[tokio::test]
async fn a_change_is_made_and_answered_also_where_its_answer_would_be_too_long() {
    let harness = Harness::with(limited(), |_| {}).await;
    let product = harness.product("p").await;
    let fields: Vec<_> = (0..30).map(|n| format!("m{n}: metadata")).collect();
    let query = format!(
        "mutation ($i: UpsertSimulationTargetInput!) {{ upsertSimulationTarget(input: $i) {{ id {} }} }}",
        fields.join(" ")
    );
    let input = json!({
        "subjectId": product, "buildKey": "b", "name": "n", "version": "1", "environment": "e",
        "metadata": "x".repeat(16_000),
    });
    let answer = harness.ask_with(Actor::Key, &query, json!({ "i": input })).await;
    assert!(answer.message().contains("graphql_answer_bytes"), "{}", answer.message());
    let data = &answer.body["data"]["upsertSimulationTarget"];
    assert!(data["id"].is_string() && data["m0"].is_string() && data["m29"] == Value::Null);
    assert!(answer.body.to_string().len() < 2 * LIMIT);
    assert_eq!(harness.ask(Actor::Key, "{ targets { id } }").await.data("/targets/0/id"), data["id"]);
}

#[tokio::test]
async fn answers_that_are_not_taken_share_a_memory() {
    let settings = Settings { memory_bytes: 8 * LIMIT, ..limited() };
    let harness = stuffed(settings).await;
    let token = harness.token(Actor::Key).await;
    let large = json!({ "query": "{ targets(first: 14) { metadata } }" }).to_string();
    let mut waiting = Vec::new();
    let rejected = loop {
        let response = harness.respond(&token, large.clone()).await;
        if response.status() != StatusCode::OK {
            break response;
        }
        waiting.push(response);
        assert!(waiting.len() < 20, "the memory is without end");
    };
    assert!(waiting.len() >= 5, "{}", waiting.len());
    assert_eq!(rejected.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rejected.headers()["retry-after"], "1");
    let body = rejected.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "INTERNAL");
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("try again"), "{body}");
    let small = json!({ "query": "{ viewer { __typename } targets(first: 2) { name } }" }).to_string();
    assert_eq!(
        harness.respond(&token, small).await.status(),
        StatusCode::OK,
        "small answers are made all the same"
    );
    // Once the answers are taken, there is room again.
    for response in waiting {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.len() > 14 * 16_000);
    }
    assert_eq!(harness.respond(&token, large).await.status(), StatusCode::OK);
}
