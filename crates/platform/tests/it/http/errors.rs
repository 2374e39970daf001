//! Every error code, and what errors never say.

use crate::harness::{Actor, Answer, Harness};
use serde_json::{Value, json};

#[tokio::test]
async fn each_code_of_fields_has_its_extensions() {
    let harness = Harness::new().await;
    let key = harness.pair.id.clone();
    let cases = [
        (Actor::Member, "{ apiKeys { id } }".to_owned(), "FORBIDDEN", "only Admins can manage API keys"),
        (Actor::Key, "{ members { id } }".to_owned(), "FORBIDDEN", "an API key cannot manage members"),
        (Actor::Reader, "mutation { deleteSubject(id: \"sbj_1\") }".to_owned(), "FORBIDDEN", "may only read"),
        (
            Actor::Admin,
            "mutation { revokeApiKey(id: \"key_1\") }".to_owned(),
            "NOT_FOUND",
            "there is no API key key_1",
        ),
        (
            Actor::Admin,
            "mutation { generateApiKey(input: {label: \" \"}) { clientId } }".to_owned(),
            "VALIDATION_FAILED",
            "label: ",
        ),
        (
            Actor::Admin,
            format!("mutation {{ endGrace(id: \"{key}\") {{ id }} }}"),
            "CONFLICT",
            "no grace runs",
        ),
    ];
    for (actor, query, code, message) in cases {
        let answer = harness.ask(actor, &query).await;
        assert_eq!(answer.code(), code, "{query}: {}", answer.body);
        assert!(answer.message().contains(message), "{}", answer.message());
        assert_eq!(answer.status, 200);
        let field = query.split(['{', '(']).nth(1).unwrap().trim();
        assert_eq!(answer.body["errors"][0]["path"], json!([field]));
        assert_eq!(answer.body["errors"][0]["locations"][0]["line"], 1);
    }
}

#[tokio::test]
async fn an_error_of_one_field_leaves_the_nullable_ones() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let query = "query ($id: ID!) { subject(id: $id) { name } target(id: \"nonsense\") { id } }";
    let answer = harness.ask_with(Actor::Key, query, json!({ "id": product })).await;
    assert_eq!(answer.body["data"], json!({ "subject": { "name": "Shop" }, "target": null }));
    assert_eq!((answer.code(), &answer.body["errors"][0]["path"]), ("NOT_FOUND", &json!(["target"])));
}

#[tokio::test]
async fn a_failure_of_ours_is_named_and_nothing_more() {
    let harness = Harness::new().await;
    harness.database.sql("ALTER TABLE subjects RENAME TO elsewhere").await;
    let answer = harness.ask(Actor::Key, "{ subjects { id } }").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (200, "INTERNAL"));
    let id = answer.extension("requestId").as_str().unwrap();
    assert!(id.starts_with("request-") && answer.message().contains(id));
    assert!(!answer.body.to_string().contains("table"), "{}", answer.body);
    assert_eq!(answer.body["data"], Value::Null);
    let cause = answer.cause.as_deref().unwrap();
    assert!(cause.contains("no such table"), "{cause}");

    let token = harness.token(Actor::Key).await;
    harness.database.sql("ALTER TABLE api_keys RENAME TO elsewhere_too").await;
    let answer = harness.ask_by(&token, "{ viewer { id } }", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (500, "INTERNAL"));
    assert!(answer.message().contains(answer.extension("requestId").as_str().unwrap()));
    assert!(!answer.body.to_string().contains("table"));
    assert!(answer.cause.is_some_and(|cause| cause.contains("no such table")));
}

#[tokio::test]
async fn the_causes_of_several_fields_are_told_once_each_and_those_of_clients_not() {
    let harness = Harness::new().await;
    harness.database.sql("ALTER TABLE subjects RENAME TO elsewhere").await;
    let document = "{ a: subjects { id } b: subjects { id } subject(id: \"nonsense\") { id } }";
    let answer = harness.ask(Actor::Key, document).await;
    let cause = answer.cause.unwrap();
    assert_eq!(cause.matches("no such table").count(), 1, "{cause}");
    let rejected = harness.ask(Actor::Key, "{ subject(id: \"nonsense\") { id } }").await;
    assert_eq!((rejected.code(), rejected.cause.as_deref()), ("NOT_FOUND", None));
}

#[tokio::test]
async fn document_errors_have_a_code_and_a_place() {
    let harness = Harness::new().await;
    let rows = [
        ("{\n  subjects {\n    nothing\n  }\n}", json!([{ "line": 3, "column": 5 }])),
        ("{\n  subjects(first: ) { id }\n}", json!([{ "line": 2, "column": 19 }])),
        ("query ($a: Int) { subjects { id } }", json!([{ "line": 1, "column": 8 }])),
        ("{ subjects(first: \"ten\") { id } }", json!([{ "line": 1, "column": 19 }])),
        ("{ subjects }", json!([{ "line": 1, "column": 3 }])),
    ];
    for (query, locations) in rows {
        let answer = harness.ask(Actor::Key, query).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED", "{}", answer.body);
        assert_eq!(answer.body["errors"][0]["locations"], locations, "{}", answer.body);
    }
    let unknown: Vec<_> = (0..500).map(|n| format!("x{n}")).collect();
    let many = harness.ask(Actor::Key, &format!("{{ {} }}", unknown.join(" "))).await;
    assert_eq!(many.body["errors"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn numbers_beyond_32_bits_are_rejected_with_a_reason() {
    let harness = Harness::new().await;
    let literal = harness.ask(Actor::Key, "{ subjects(first: 3000000000) { id } }").await;
    assert_eq!(literal.code(), "VALIDATION_FAILED");
    assert!(literal.message().contains("3000000000 does not fit into Int"), "{}", literal.message());
    for number in [
        json!(3_000_000_000_i64),
        json!(-3_000_000_000_i64),
        json!(u64::MAX),
        json!(1e300),
        json!(1.5),
        json!("1"),
    ] {
        let query = "query ($n: Int) { subjects(first: $n) { id } }";
        let answer = harness.ask_with(Actor::Key, query, json!({ "n": number })).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED", "{number}");
        assert!(
            answer.message().contains("\"$n\"") && answer.message().contains("Int"),
            "{}",
            answer.message()
        );
    }
    let product = harness.product("Shop").await;
    harness.target(&product, "main").await;
    harness.database.sql("UPDATE targets SET build_number = 3000000000").await;
    let answer = harness.ask(Actor::Key, "{ targets { name buildNumber } }").await;
    assert!(answer.message().contains("3000000000, which does not fit"), "{}", answer.body);
    assert_eq!(answer.body["data"], json!({ "targets": [{ "name": "main", "buildNumber": null }] }));
}

/// Whatever goes wrong with a request that holds a secret, no error says it to anyone but its sender's mistake.
#[tokio::test]
async fn no_error_tells_a_secret() {
    let harness = Harness::new().await;
    let (secret, token) = (harness.pair.secret.clone(), harness.token(Actor::Key).await);
    let hidden = |answer: &Answer| {
        let said = format!("{} {:?}", answer.body, answer.headers);
        assert!(!said.contains(&secret) && !said.contains(&token), "{said}");
    };
    hidden(&harness.ask_by(&secret, "{ viewer { id } }", Value::Null).await);
    hidden(&harness.ask_by(&format!("{token}x"), "{ viewer { id } }", Value::Null).await);
    for body in [
        json!({ "query": 1, "variables": secret }).to_string(),
        json!({ "query": "{ viewer { id } }", "operationName": { "secret": secret } }).to_string(),
        json!(secret).to_string(),
        format!("{{\"query\": {secret}}}"),
    ] {
        hidden(&harness.post(&token, body).await);
    }
    harness.database.sql("ALTER TABLE subjects RENAME TO elsewhere").await;
    let create = "mutation ($n: String!) { createSubject(input: {name: $n}) { id } }";
    hidden(&harness.ask_with(Actor::Key, create, json!({ "n": secret })).await);
}
