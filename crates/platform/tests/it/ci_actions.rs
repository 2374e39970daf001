//! What the platform's public CI actions send, and what they look for in answers.

use crate::harness::{Actor, Harness};
use serde_json::{Value, json};

const UPSERT: &str = "mutation ($input: UpsertSimulationTargetInput!) { upsertSimulationTarget(input: $input) { \
    id name buildKey version environment buildUrl metadata } }";

fn input(product: &str) -> Value {
    json!({
        "subjectId": product, "buildKey": "main", "name": "Preview", "version": "1", "environment": "preview",
        "buildUrl": "https://shop-preview.example/", "metadata": { "ciRunUrl": "https://ci.example/runs/7" },
    })
}

async fn report(harness: &Harness, input: &Value) -> Value {
    harness.ask_with(Actor::Key, UPSERT, json!({ "input": input })).await.data("/upsertSimulationTarget")
}

#[tokio::test]
async fn names_are_taken_as_pipelines_have_them() {
    let harness = Harness::new().await;
    let mut input = input(&harness.product("Shop").await);
    let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
    for (sent, kept) in [
        (format!("{family} preview"), format!("{family} preview")),
        ("می\u{200C}خواهم".to_owned(), "می\u{200C}خواهم".to_owned()),
        ("feat:\u{200B} a\u{202E}b\n".to_owned(), "feat: ab".to_owned()),
        ("x".repeat(255), "x".repeat(255)),
    ] {
        input["name"] = sent.into();
        assert_eq!(report(&harness, &input).await["name"], kept);
    }
    input["name"] = "x".repeat(256).into();
    let answer = harness.ask_with(Actor::Key, UPSERT, json!({ "input": input })).await;
    assert_eq!((answer.code(), answer.extension("field")), ("VALIDATION_FAILED", &json!("name")));
    input["name"] = "Preview".into();
    for field in ["buildKey", "version", "environment"] {
        let mut long = input.clone();
        long[field] = "y".repeat(512).into();
        assert_eq!(report(&harness, &long).await[field], long[field]);
        long[field] = "y".repeat(513).into();
        let answer = harness.ask_with(Actor::Key, UPSERT, json!({ "input": long })).await;
        assert_eq!((answer.code(), answer.extension("field")), ("VALIDATION_FAILED", &json!(field)));
    }
}

/// JavaScript cuts strings by units, so a message that is cut may end in half a pair.
#[tokio::test]
async fn half_of_a_surrogate_pair_is_replaced() {
    let harness = Harness::new().await;
    let mut input = input(&harness.product("Shop").await);
    for (escaped, kept) in [
        (r"cut \ud83d", "cut \u{FFFD}"),
        (r"\uDE00 rest", "\u{FFFD} rest"),
        (r"\ud83d\ud83d\ude00", "\u{FFFD}\u{1F600}"),
        (r"a \\ud83d \ud83d", r"a \ud83d �"),
    ] {
        input["name"] = "NAME".into();
        let body = json!({ "query": UPSERT, "variables": { "input": input } }).to_string();
        let body = body.replace("NAME", escaped);
        let answer = harness.post(&harness.token(Actor::Key).await, body).await;
        assert_eq!(answer.data("/upsertSimulationTarget/name"), kept, "{escaped}");
    }
    let broken = harness.post(&harness.token(Actor::Key).await, r#"{"query": "\ud83d""#).await;
    assert_eq!(broken.status, 400);
}

/// Newer versions of the actions try a newer field first, and step back when the answer says that it is unknown.
#[tokio::test]
async fn unknown_fields_are_told_in_the_words_of_graphql_js() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let mut newer = input(&product);
    newer["previewKind"] = "static".into();
    let variables = harness.ask_with(Actor::Key, UPSERT, json!({ "input": newer })).await;
    let literal = format!(
        "mutation {{ upsertSimulationTarget(input: {{ subjectId: \"{product}\", buildKey: \"b\", name: \"n\", version: \"1\", \
         environment: \"e\", previewKind: 1 }}) {{ id }} }}"
    );
    for answer in [variables, harness.ask(Actor::Key, &literal).await] {
        let said = answer.message();
        assert!(
            said.contains("Field \"previewKind\" is not defined by type \"UpsertSimulationTargetInput\"."),
            "{said}"
        );
        assert_eq!(answer.code(), "VALIDATION_FAILED");
    }
    let field = harness.ask(Actor::Key, "{ subjects { id slug } }").await;
    assert_eq!(field.message(), "Cannot query field \"slug\" on type \"Subject\".");
    let argument = harness.ask(Actor::Key, "{ subjects(last: 3) { id } }").await;
    assert_eq!(argument.message(), "Unknown argument \"last\" on field \"Query.subjects\".");
}

#[tokio::test]
async fn a_secret_in_metadata_is_never_read_back() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let mut input = input(&product);
    let secret = "opens-the-preview-4711";
    input["metadata"]["vercelAutomationBypassSecret"] = secret.into();
    let made = report(&harness, &input).await;
    assert_eq!(
        made["metadata"],
        json!({ "ciRunUrl": "https://ci.example/runs/7", "vercelAutomationBypassSecret": "(set)" })
    );
    let query = "{ targets { metadata subject { targets { metadata } } } auditLog { details } }";
    let read = harness.ask(Actor::Admin, query).await;
    assert!(
        read.body.to_string().contains("(set)") && !read.body.to_string().contains(secret),
        "{}",
        read.body
    );
}
