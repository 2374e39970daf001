//! An API key's life, as Admins and pipelines see it.

use crate::harness::{Actor, Harness, Pair};
use serde_json::{Value, json};

const GENERATE: &str = "mutation ($i: GenerateApiKeyInput!) { generateApiKey(input: $i) { \
    clientId clientSecret combinedKey apiKey { id clientId label status createdAt createdBy expiresAt lifetimeDays \
    rotatedAt graceUntil lastUsedAt lastUsedFrom secretHint deadSecretUses deadSecretSeenAt } } }";
const ROTATE: &str = "mutation ($i: RotateApiKeyInput!) { rotateApiKey(input: $i) { \
    clientId clientSecret apiKey { status expiresAt rotatedAt graceUntil lastUsedAt lastUsedFrom secretUsedAt } } }";

#[tokio::test]
async fn a_key_is_generated_with_its_secret_once() {
    let harness = Harness::new().await;
    let answer = harness.ask_with(Actor::Admin, GENERATE, json!({ "i": { "label": " Deploy " } })).await;
    let pair = answer.pair("generateApiKey");
    assert!(pair.id.starts_with("key_") && pair.secret.starts_with("dks_"));
    let combined = answer.text("/generateApiKey/combinedKey");
    assert_eq!(combined, base64(&format!("{}:{}", pair.id, pair.secret)));
    let expected = json!({
        "id": pair.id, "clientId": pair.id, "label": "Deploy", "status": "ACTIVE",
        "createdAt": "2027-01-15T08:00:00Z", "createdBy": "ada@acme.example",
        "expiresAt": "2027-04-15T08:00:00Z", "lifetimeDays": 90, "rotatedAt": null, "graceUntil": null,
        "lastUsedAt": null, "lastUsedFrom": null, "secretHint": pair.secret[pair.secret.len() - 4..],
        "deadSecretUses": 0, "deadSecretSeenAt": null,
    });
    assert_eq!(answer.data("/generateApiKey/apiKey"), expected);

    harness.clock.advance_seconds(60);
    let token = harness.issue_token(&pair, "").await;
    assert_eq!(harness.ask_by(&token, "{ subjects { id name } }", Value::Null).await.code(), "OK");
    let listed =
        harness.ask(Actor::Admin, "{ apiKeys { label status lastUsedAt lastUsedFrom secretUsedAt } }").await;
    assert_eq!(
        listed.data("/apiKeys/1"),
        json!({
            "label": "Deploy", "status": "ACTIVE", "lastUsedAt": "2027-01-15T08:01:00Z", "lastUsedFrom": "192.0.2.7",
            "secretUsedAt": "2027-01-15T08:01:00Z",
        })
    );
    assert!(!listed.body.to_string().contains(&pair.secret));
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap()];
            encoded.push(if place > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    encoded
}

#[tokio::test]
async fn inputs_are_checked() {
    let harness = Harness::new().await;
    let rows = [
        (json!({ "label": "" }), "label"),
        (json!({ "label": "x".repeat(65) }), "label"),
        (json!({ "label": "a\u{200B}b" }), "label"),
        (json!({ "label": "CI", "expiresInDays": 0 }), "expiresInDays"),
        (json!({ "label": "CI", "expiresInDays": 366 }), "expiresInDays"),
    ];
    for (input, field) in rows {
        let answer = harness.ask_with(Actor::Admin, GENERATE, json!({ "i": input })).await;
        assert_eq!(
            (answer.code(), answer.extension("field")),
            ("VALIDATION_FAILED", &json!(field)),
            "{input}"
        );
    }
    for grace in [-1, 604_801] {
        let input = json!({ "i": { "id": harness.pair.id, "graceSeconds": grace } });
        let answer = harness.ask_with(Actor::Admin, ROTATE, input).await;
        assert_eq!(answer.extension("field"), "graceSeconds");
    }
    for (input, hint) in [
        (json!({}), "label"),
        (json!({ "label": 7 }), "String"),
        (json!({ "label": "CI", "lifetime": 7 }), "lifetime"),
        (json!("CI"), "not an object"),
    ] {
        let answer = harness.ask_with(Actor::Admin, GENERATE, json!({ "i": input })).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED");
        assert!(answer.message().contains(hint), "{input}: {}", answer.message());
    }
    assert_eq!(
        harness.ask(Actor::Admin, "{ apiKeys { id } }").await.data("/apiKeys").as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn the_eleventh_key_is_rejected_and_told_which_could_go() {
    let harness = Harness::new().await;
    assert_eq!(harness.ask(Actor::Key, "{ viewer { id } }").await.code(), "OK");
    for number in 2..=10 {
        harness.clock.advance_seconds(1);
        harness.key(&format!("Key {number}")).await;
    }
    let rejected = harness.ask_with(Actor::Admin, GENERATE, json!({ "i": { "label": "Eleventh" } })).await;
    assert_eq!((rejected.code(), rejected.extension("limit")), ("LIMIT_REACHED", &json!(10)));
    let candidates = rejected.extension("candidates").as_array().unwrap();
    assert_eq!(candidates.len(), 10);
    assert_eq!(candidates[0]["label"], "Key 2");
    assert_eq!(candidates[0]["lastUsedAt"], Value::Null);
    assert!(rejected.message().contains("Key 2"));

    let revoke = format!("mutation {{ revokeApiKey(id: \"{}\") }}", candidates[0]["id"].as_str().unwrap());
    harness.ask(Actor::Admin, &revoke).await.text("/revokeApiKey");
    assert_eq!(harness.key("Eleventh").await.id.len(), 30);
    // A rotation needs no free place.
    let rotated = harness.ask_with(Actor::Admin, ROTATE, json!({ "i": { "id": harness.pair.id } })).await;
    assert_eq!(rotated.code(), "OK");
}

#[tokio::test]
async fn a_rotation_replaces_the_secret_at_once() {
    let harness = Harness::new().await;
    harness.clock.advance_seconds(10);
    let token = harness.token(Actor::Key).await;
    let answer = harness.ask_with(Actor::Admin, ROTATE, json!({ "i": { "id": harness.pair.id } })).await;
    let new = answer.pair("rotateApiKey");
    assert_eq!(new.id, harness.pair.id);
    assert_eq!(answer.data("/rotateApiKey/apiKey/graceUntil"), Value::Null);
    assert_eq!(answer.data("/rotateApiKey/apiKey/rotatedAt"), "2027-01-15T08:00:10Z");
    assert_eq!(answer.data("/rotateApiKey/apiKey/expiresAt"), "2027-04-15T08:00:10Z");
    // The answer knows the key's use although the key is new again.
    assert_eq!(harness.ask_by(&token, "{ viewer { id } }", Value::Null).await.code(), "OK");
    harness.clock.advance_seconds(1);
    let again = harness.ask_with(Actor::Admin, ROTATE, json!({ "i": { "id": new.id } })).await;
    assert_eq!(again.data("/rotateApiKey/apiKey/lastUsedFrom"), "192.0.2.7");
    assert_eq!(again.data("/rotateApiKey/apiKey/secretUsedAt"), Value::Null);
    assert!(harness.exchange(&harness.pair, "").await.is_none());
    assert!(harness.exchange(&new, "").await.is_none());
    let newest = again.pair("rotateApiKey");
    assert!(harness.exchange(&newest, "").await.is_some());
}

#[tokio::test]
async fn a_grace_can_be_ended() {
    let harness = Harness::new().await;
    let input = json!({ "i": { "id": harness.pair.id, "graceSeconds": 3600 } });
    let answer = harness.ask_with(Actor::Admin, ROTATE, input).await;
    assert_eq!(answer.data("/rotateApiKey/apiKey/graceUntil"), "2027-01-15T09:00:00Z");
    assert!(harness.exchange(&harness.pair, "").await.is_some());
    let end = format!("mutation {{ endGrace(id: \"{}\") {{ id graceUntil }} }}", harness.pair.id);
    let ended = harness.ask(Actor::Admin, &end).await;
    assert_eq!(ended.data("/endGrace"), json!({ "id": harness.pair.id, "graceUntil": null }));
    assert!(harness.exchange(&harness.pair, "").await.is_none());
    assert_eq!(harness.ask(Actor::Admin, &end).await.code(), "CONFLICT");
}

#[tokio::test]
async fn explicit_nulls_mean_the_defaults() {
    let harness = Harness::new().await;
    let input = json!({ "i": { "id": harness.pair.id, "graceSeconds": null, "endIssuedTokens": null } });
    assert_eq!(
        harness.ask_with(Actor::Admin, ROTATE, input).await.data("/rotateApiKey/apiKey/graceUntil"),
        Value::Null
    );
    let input = json!({ "i": { "label": "CI", "expiresInDays": null } });
    assert_eq!(
        harness.ask_with(Actor::Admin, GENERATE, input).await.data("/generateApiKey/apiKey/lifetimeDays"),
        90
    );
}

#[tokio::test]
async fn an_expired_key_is_listed_and_comes_back() {
    let harness = Harness::new().await;
    harness.clock.advance_seconds(91 * 86_400);
    assert_eq!(
        harness.ask(Actor::Admin, "{ apiKeys { status } }").await.data("/apiKeys/0/status"),
        "EXPIRED"
    );
    let answer = harness
        .ask_with(Actor::Admin, ROTATE, json!({ "i": { "id": harness.pair.id, "graceSeconds": 60 } }))
        .await;
    assert_eq!(answer.data("/rotateApiKey/apiKey/status"), "ACTIVE");
    assert_eq!(answer.data("/rotateApiKey/apiKey/graceUntil"), Value::Null);
}

#[tokio::test]
async fn a_revoked_key_is_gone() {
    let harness = Harness::new().await;
    let Pair { id, .. } = harness.key("Deploy").await;
    let revoke = format!("mutation {{ revokeApiKey(id: \"{id}\") }}");
    assert_eq!(harness.ask(Actor::Admin, &revoke).await.text("/revokeApiKey"), id);
    assert_eq!(harness.ask(Actor::Admin, &revoke).await.code(), "NOT_FOUND");
    let query = "{ auditLog { actorKind actorId actor action objectId object details address sequence } }";
    let log = harness.ask(Actor::Admin, query).await.data("/auditLog");
    let mut newest =
        log.as_array().unwrap().iter().find(|event| event["action"] == "api_key.revoked").unwrap().clone();
    assert!(newest["actorId"].take().as_str().unwrap().starts_with("usr_"));
    assert!(newest["sequence"].take().as_i64().unwrap() > 3);
    assert_eq!(
        newest,
        json!({
            "actorKind": "person", "actorId": null, "actor": "ada@acme.example", "action": "api_key.revoked",
            "objectId": id, "object": "Deploy", "details": {}, "address": "192.0.2.7", "sequence": null,
        })
    );
}

#[tokio::test]
async fn the_audit_log_has_pages() {
    let harness = Harness::new().await;
    let all = harness.ask(Actor::Admin, "{ auditLog { id sequence hash at } }").await.data("/auditLog");
    let all = all.as_array().unwrap();
    assert!(
        all.len() > 3
            && all.windows(2).all(|pair| pair[0]["sequence"].as_i64() > pair[1]["sequence"].as_i64())
    );
    let query = "query ($after: ID) { auditLog(first: 2, after: $after) { id } }";
    let page =
        harness.ask_with(Actor::Admin, query, json!({ "after": all[0]["id"] })).await.data("/auditLog");
    // Each call of an Admin is one more entry: the token of a person is made by an operator.
    assert_eq!(page, json!([{ "id": all[1]["id"] }, { "id": all[2]["id"] }]));
    for after in ["evt_1", "sbj_00000000000000000000000000"] {
        let answer = harness.ask_with(Actor::Admin, query, json!({ "after": after })).await;
        assert_eq!(answer.extension("field"), "after");
    }
}

#[tokio::test]
async fn mutations_run_one_after_the_other() {
    let harness = Harness::new().await;
    let id = &harness.pair.id;
    let query = format!(
        "mutation {{ a: rotateApiKey(input: {{id: \"{id}\", graceSeconds: 60}}) {{ clientSecret }} \
         b: endGrace(id: \"{id}\") {{ graceUntil }} c: revokeApiKey(id: \"{id}\") }}"
    );
    let answer = harness.ask(Actor::Admin, &query).await;
    assert_eq!((answer.data("/b/graceUntil"), answer.text("/c")), (Value::Null, id.clone()));
}
