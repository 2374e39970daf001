//! Documents that ask for too much are rejected before anything of them runs, and told how to do better.

use crate::{
    harness::{Actor, Answer, Harness},
    introspection,
};
use platform::Settings;
use serde_json::{Value, json};
use std::time::Instant;

fn assert_limited(answer: &Answer, limit_of: &str, limit: usize, found: usize) {
    assert_eq!(answer.code(), "VALIDATION_FAILED", "{}", answer.body);
    assert_eq!(answer.extension("limitOf"), limit_of, "{}", answer.body);
    assert_eq!((answer.extension("limit"), answer.extension("found")), (&json!(limit), &json!(found)));
    assert!(answer.message().contains(&limit.to_string()) && answer.message().contains(&found.to_string()));
    assert!(answer.body["errors"][0]["locations"][0]["line"].is_number());
    assert!(answer.body.get("data").is_none());
}

/// `levels` of fragments, each of which spreads the next one twice: doubling with every 37 bytes.
fn bomb(levels: usize) -> String {
    let fragment = |n: usize| format!("fragment F{n} on Query {{ ...F{m} ...F{m} }}", m = n + 1);
    let fragments: Vec<_> = (0..levels).map(fragment).collect();
    format!("{{ ...F0 }} {} fragment F{levels} on Query {{ viewer {{ id }} }}", fragments.join(" "))
}

#[tokio::test]
async fn a_document_that_doubles_itself_is_rejected_at_once() {
    let harness = Harness::new().await;
    let token = harness.token(Actor::Key).await;
    for levels in [18, 24, 60] {
        let started = Instant::now();
        let answer = harness.ask_by(&token, &bomb(levels), Value::Null).await;
        let took = started.elapsed();
        assert!(took.as_millis() < 50, "{levels} levels took {took:?}");
        assert_limited(&answer, "complexity", 200_000, 2usize.pow(u32::try_from(levels).unwrap()) * 2);
    }
    // The same in an operation that does not run, and deeper than the library reads.
    let hidden = format!("query Bomb {} query Harmless {{ __typename }}", bomb(60));
    let body = json!({ "query": hidden, "operationName": "Harmless" }).to_string();
    for body in [body, json!({ "query": bomb(5000) }).to_string()] {
        let started = Instant::now();
        harness.post(&token, body).await;
        let took = started.elapsed();
        assert!(took.as_millis() < 100, "{took:?}");
    }
}

#[tokio::test]
async fn a_fragment_that_contains_itself_is_rejected() {
    let harness = Harness::new().await;
    for document in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { subjects { targets { subject { id } } } ...A }",
    ] {
        let answer = harness.ask(Actor::Key, document).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED");
        assert!(answer.message().contains("the fragment A contains itself"), "{}", answer.message());
    }
}

/// A query of `depth` fields, each below the one before.
fn nested(depth: usize) -> String {
    let mut inner = "id".to_owned();
    for level in 1..depth - 1 {
        let field = if level % 2 == 1 { "subject" } else { "targets(first: 1)" };
        inner = format!("{field} {{ {inner} }}");
    }
    let root = if depth.is_multiple_of(2) { "subjects(first: 1)" } else { "targets(first: 1)" };
    format!("{{ {root} {{ {inner} }} }}")
}

#[tokio::test]
async fn depth_is_limited() {
    let harness = Harness::new().await;
    assert_eq!(harness.ask(Actor::Key, &nested(15)).await.code(), "OK");
    assert_limited(&harness.ask(Actor::Key, &nested(16)).await, "depth", 15, 16);
    let spread = nested(16)
        .replace("subjects(first: 1) {", "... on Query { subjects(first: 1) { ...Rest } } }")
        + " fragment Rest on Subject { targets(first: 1) { subject { id } } }";
    assert!(harness.ask(Actor::Key, &spread).await.code() == "VALIDATION_FAILED");
    // Far deeper documents are not even read.
    let answer = harness.ask(Actor::Key, &"{ a ".repeat(5000)).await;
    assert_eq!((answer.code(), answer.extension("limit")), ("VALIDATION_FAILED", &json!(64)));
}

#[tokio::test]
async fn complexity_counts_fields_times_the_entries_around_them() {
    let harness = Harness::with(Settings { complexity: 1000, ..Settings::default() }, |_| {}).await;
    let rows = [
        ("{ subjects { id name } }", Value::Null, Ok(())),
        (
            "{ subjects { id name description baseUrl createdAt updatedAt a: id b: id c: id d: id } }",
            Value::Null,
            Err(1001),
        ),
        ("{ subjects(first: 999) { id } }", Value::Null, Ok(())),
        ("{ subjects(first: 1000) { id } }", Value::Null, Err(1001)),
        ("query ($n: Int) { subjects(first: $n) { id } }", json!({ "n": 1000 }), Err(1001)),
        ("query ($n: Int = 1000) { subjects(first: $n) { id } }", Value::Null, Err(1001)),
        ("query ($n: Int = 1000) { subjects(first: $n) { id } }", json!({ "n": 5 }), Ok(())),
        ("query ($n: Int) { subjects(first: $n) { id } }", Value::Null, Ok(())),
        ("query ($n: Int) { subjects(first: $n) { id } }", json!({ "n": null }), Ok(())),
        ("{ subjects(first: 30) { targets(first: 30) { id } } }", Value::Null, Ok(())),
        ("{ subjects(first: 40) { targets(first: 30) { id } } }", Value::Null, Err(1241)),
        (
            "{ subjects(first: 40) { ...T } } fragment T on Subject { targets(first: 30) { id } }",
            Value::Null,
            Err(1241),
        ),
        (
            "{ ... { subjects(first: 40) { ... on Subject { targets(first: 30) { id } } } } }",
            Value::Null,
            Err(1241),
        ),
    ];
    for (query, variables, expected) in rows {
        let answer = harness.ask_with(Actor::Key, query, variables).await;
        match expected {
            Ok(()) => assert_eq!(answer.code(), "OK", "{query}: {}", answer.body),
            Err(found) => assert_limited(&answer, "complexity", 1000, found),
        }
    }
    let answer = harness.ask(Actor::Admin, &format!("{{ members {{ {} }} }}", "id ".repeat(10))).await;
    assert_limited(&answer, "complexity", 1000, 1001);
}

#[tokio::test]
async fn what_a_new_user_asks_for_is_allowed() {
    let harness = Harness::new().await;
    let query = "{ subjects { id name description baseUrl createdAt updatedAt targets { id subjectId name description \
                 version environment buildKey buildNumber buildUrl metadata createdAt updatedAt __typename } } }";
    assert_eq!(harness.ask(Actor::Key, query).await.code(), "OK");
}

#[tokio::test]
async fn aliases_are_limited() {
    let harness = Harness::new().await;
    let aliases = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("a{n}: __typename")).collect();
        names.join(" ")
    };
    assert_eq!(harness.ask(Actor::Key, &format!("{{ {} }}", aliases(50))).await.code(), "OK");
    assert_limited(&harness.ask(Actor::Key, &format!("{{ {} }}", aliases(51))).await, "aliases", 50, 51);
    let spread = format!(
        "{{ x: viewer {{ ...V }} ...Q }} fragment Q on Query {{ y: viewer {{ ...V }} }} fragment V on Viewer {{ {} }}",
        aliases(25)
    );
    assert_limited(&harness.ask(Actor::Key, &spread).await, "aliases", 50, 52);
}

#[tokio::test]
async fn tokens_are_limited() {
    let harness = Harness::with(Settings { tokens: 100, ..Settings::default() }, |_| {}).await;
    let answer = harness.ask(Actor::Key, &format!("{{ {} }}", "__typename ".repeat(200))).await;
    assert_eq!((answer.extension("limitOf"), answer.extension("limit")), (&json!("tokens"), &json!(100)));
}

#[tokio::test]
async fn introspection_has_a_limit_of_its_own() {
    let harness = Harness::with(Settings { depth: 2, complexity: 10, ..Settings::default() }, |_| {}).await;
    assert_eq!(harness.ask(Actor::Key, &introspection::everything()).await.code(), "OK");
    let fields = "fields { type { ".repeat(12) + "name" + &" } }".repeat(12);
    let answer = harness.ask(Actor::Key, &format!("{{ __schema {{ types {{ {fields} }} }} }}")).await;
    assert_eq!((answer.code(), answer.extension("limitOf")), ("VALIDATION_FAILED", &json!("introspection")));
    assert!(answer.message().contains("one type at a time"));
    let many = format!("{{ __schema {{ types {{ {} }} }} }}", "name ".repeat(10_000));
    assert_eq!(harness.ask(Actor::Key, &many).await.extension("limitOf"), "introspection");
}
