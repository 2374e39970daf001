//! An API key's life as an Admin drives it over GraphQL, on a clock that the test moves.

use crate::{app::App, on_both};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Engine, Pair};

on_both! {
    a_rotation_ends_the_previous_secret_at_once
    a_grace_keeps_the_previous_secret_until_it_ends
    ending_issued_tokens_rejects_them_at_once
    a_revoked_key_and_its_tokens_are_rejected_at_once
    an_expired_key_stops_with_its_tokens_and_can_come_back
    the_limit_of_ten_never_blocks_a_rotation
    bad_inputs_change_nothing
}

struct Admin<'a> {
    app: &'a App,
}

impl Admin<'_> {
    /// A fresh token each time, because the clock moves.
    async fn ask(&self, query: &str, variables: Value) -> testkit::Answer {
        self.app.api.graphql(&self.app.admin_token().await, query, variables).await
    }

    async fn generate(&self, input: Value) -> testkit::Answer {
        let query = "mutation ($input: GenerateApiKeyInput!) { generateApiKey(input: $input) \
                     { clientId clientSecret combinedKey apiKey { id label status expiresAt createdBy } } }";
        self.ask(query, json!({ "input": input })).await
    }

    async fn rotate(&self, input: Value) -> testkit::Answer {
        let query = "mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) \
                     { clientId clientSecret apiKey { expiresAt graceUntil rotatedAt status } } }";
        self.ask(query, json!({ "input": input })).await
    }

    async fn pair(&self, label: &str) -> Pair {
        Pair::of(&self.generate(json!({ "label": label })).await.data()["generateApiKey"])
    }

    async fn rotated(&self, input: Value) -> Pair {
        Pair::of(&self.rotate(input).await.data()["rotateApiKey"])
    }

    async fn revoke(&self, id: &str) -> testkit::Answer {
        self.ask("mutation ($id: ID!) { revokeApiKey(id: $id) }", json!({ "id": id })).await
    }

    async fn keys(&self) -> Vec<Value> {
        let query = "{ apiKeys { id label status lastUsedAt lastUsedFrom graceUntil deadSecretUses } }";
        self.ask(query, Value::Null).await.data()["apiKeys"].as_array().unwrap().clone()
    }
}

async fn exchanges(app: &App, pair: &Pair) -> bool {
    app.api.exchange(pair).await.status == StatusCode::OK
}

async fn a_rotation_ends_the_previous_secret_at_once(engine: Engine) {
    let app = App::start(engine).await;
    let admin = Admin { app: &app };
    let made = admin.generate(json!({ "label": "  GitHub Actions " })).await.data()["generateApiKey"].clone();
    assert_eq!(made["apiKey"]["label"], "GitHub Actions");
    assert_eq!(made["apiKey"]["createdBy"], "ada@example.org");
    assert_eq!(made["apiKey"]["expiresAt"], "2027-04-15T08:00:00Z", "90 days");
    let first = Pair::of(&made);
    let combined = base64::Engine::encode(
        &base64::prelude::BASE64_STANDARD,
        format!("{}:{}", first.client_id, first.client_secret),
    );
    assert_eq!(made["combinedKey"], combined);
    let token = app.api.token(&first).await;
    app.clock.advance_seconds(86_400 - 1);
    let token_of_today = app.api.token(&first).await;
    let second = admin.rotated(json!({ "id": first.client_id })).await;
    assert_eq!(second.client_id, first.client_id);
    assert!(!exchanges(&app, &first).await && exchanges(&app, &second).await);
    assert!(app.api.accepts(&token_of_today).await, "tokens live out their five minutes");
    assert!(!app.api.accepts(&token).await);
    app.service.keys().flush_usage(&app.ctx()).await.unwrap();
    let keys = admin.keys().await;
    assert_eq!((&keys[0]["deadSecretUses"], &keys[0]["lastUsedFrom"]), (&json!(1), &json!("127.0.0.1")));
}

async fn a_grace_keeps_the_previous_secret_until_it_ends(engine: Engine) {
    let app = App::start(engine).await;
    let admin = Admin { app: &app };
    let first = admin.pair("CI").await;
    let second = admin.rotated(json!({ "id": first.client_id, "graceSeconds": 3600 })).await;
    let answer = app.api.exchange(&first).await.json();
    let start = testkit::TestClock::START.seconds();
    assert_eq!(answer["client_secret_expires_at"], start + 3600, "a pipeline with the old secret is warned");
    app.clock.advance_seconds(3599);
    assert!(exchanges(&app, &first).await && exchanges(&app, &second).await);
    app.clock.advance_seconds(1);
    assert!(!exchanges(&app, &first).await && exchanges(&app, &second).await);

    let third = admin.rotated(json!({ "id": first.client_id, "graceSeconds": 86_400 })).await;
    assert!(exchanges(&app, &second).await && exchanges(&app, &third).await);
    let end = "mutation ($id: ID!) { endGrace(id: $id) { graceUntil } }";
    let ended = admin.ask(end, json!({ "id": first.client_id })).await.data();
    assert_eq!(ended["endGrace"]["graceUntil"], Value::Null);
    assert!(!exchanges(&app, &second).await && exchanges(&app, &third).await);
    assert_eq!(admin.ask(end, json!({ "id": first.client_id })).await.code(), "CONFLICT");
}

async fn ending_issued_tokens_rejects_them_at_once(engine: Engine) {
    let app = App::start(engine).await;
    let admin = Admin { app: &app };
    let first = admin.pair("CI").await;
    let leaked = app.api.token(&first).await;
    assert!(app.api.accepts(&leaked).await);
    let second = admin.rotated(json!({ "id": first.client_id, "endIssuedTokens": true })).await;
    assert!(!app.api.accepts(&leaked).await, "issued in the same second, rejected all the same");
    assert!(app.api.accepts(&app.api.token(&second).await).await);
}

async fn a_revoked_key_and_its_tokens_are_rejected_at_once(engine: Engine) {
    let app = App::start(engine).await;
    let admin = Admin { app: &app };
    let pair = admin.pair("CI").await;
    let token = app.api.token(&pair).await;
    assert!(app.api.accepts(&token).await);
    assert_eq!(admin.revoke(&pair.client_id).await.data()["revokeApiKey"], pair.client_id);
    assert!(!app.api.accepts(&token).await && !exchanges(&app, &pair).await);
    assert_eq!(admin.revoke(&pair.client_id).await.code(), "NOT_FOUND");
    assert_eq!(admin.rotate(json!({ "id": pair.client_id })).await.code(), "NOT_FOUND");
    assert!(admin.keys().await.is_empty());
    let log = "{ auditLog { action objectId actor } }";
    let newest = admin.ask(log, Value::Null).await.data()["auditLog"].clone();
    let revoked =
        newest.as_array().unwrap().iter().find(|event| event["action"] == "api_key.revoked").unwrap();
    assert_eq!(
        (&revoked["objectId"], &revoked["actor"]),
        (&json!(pair.client_id), &json!("ada@example.org"))
    );
}

async fn an_expired_key_stops_with_its_tokens_and_can_come_back(engine: Engine) {
    let app = App::start(engine).await;
    let admin = Admin { app: &app };
    let made = admin.generate(json!({ "label": "CI", "expiresInDays": 1 })).await.data();
    let pair = Pair::of(&made["generateApiKey"]);
    app.clock.advance_seconds(86_400 - 10);
    let answer = app.api.exchange(&pair).await.json();
    assert_eq!(answer["expires_in"], 10, "a token never outlives its key");
    let token = answer["access_token"].as_str().unwrap();
    app.clock.advance_seconds(10);
    assert!(!app.api.accepts(token).await && !exchanges(&app, &pair).await);
    assert_eq!(admin.keys().await[0]["status"], "EXPIRED");
    for number in 0..10 {
        admin.pair(&format!("Key {number}")).await;
    }
    let rejected = admin.rotate(json!({ "id": pair.client_id })).await;
    assert_eq!(rejected.code(), "LIMIT_REACHED", "{}", rejected.text);
    let other = admin.keys().await[1]["id"].as_str().unwrap().to_owned();
    admin.revoke(&other).await.data();
    let back = admin.rotated(json!({ "id": pair.client_id, "graceSeconds": 3600 })).await;
    assert!(exchanges(&app, &back).await && !exchanges(&app, &pair).await, "an expired secret gets no grace");
}

async fn the_limit_of_ten_never_blocks_a_rotation(engine: Engine) {
    let app = App::start(engine).await;
    let admin = Admin { app: &app };
    let mut pairs = Vec::new();
    for number in 0..10 {
        // Ids of one millisecond come in any order.
        app.clock.advance_seconds(1);
        pairs.push(admin.pair(&format!("Key {number}")).await);
    }
    app.api.token(&pairs[0]).await;
    let rejected = admin.generate(json!({ "label": "Eleventh" })).await;
    assert_eq!(rejected.code(), "LIMIT_REACHED");
    let message = rejected.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("Key 1") && message.contains("never used") && !message.contains("Key 0 "),
        "{message}"
    );
    let rotated = admin.rotated(json!({ "id": pairs[3].client_id })).await;
    assert!(exchanges(&app, &rotated).await);
}

async fn bad_inputs_change_nothing(engine: Engine) {
    let app = App::start(engine).await;
    let admin = Admin { app: &app };
    let pair = admin.pair("CI").await;
    let long = "x".repeat(65);
    for input in [
        json!({ "label": "" }),
        json!({ "label": "   " }),
        json!({ "label": long }),
        json!({ "label": "a\u{200B}b" }),
        json!({ "label": "\u{3164}" }),
        json!({ "label": "CI", "expiresInDays": 0 }),
        json!({ "label": "CI", "expiresInDays": 366 }),
        json!({ "label": "CI", "expiresInDays": -1 }),
    ] {
        let answer = admin.generate(input.clone()).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED", "{input}: {}", answer.text);
    }
    for grace in [-1, 604_801, 2_147_483_647] {
        let answer = admin.rotate(json!({ "id": pair.client_id, "graceSeconds": grace })).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED", "{}", answer.text);
    }
    for id in ["key_00000000000000000000000000", "sbj_1", "", "' OR 1=1"] {
        assert_eq!(admin.rotate(json!({ "id": id })).await.code(), "NOT_FOUND", "{id}");
    }
    assert!(exchanges(&app, &pair).await);
    assert_eq!(admin.keys().await.len(), 1);
}
