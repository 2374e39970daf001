//! Nothing crosses the boundary of an organisation: another one's objects are like objects that never were.

use crate::harness::{Actor, Harness};
use serde_json::{Value, json};

const UNKNOWN: [&str; 3] = ["XXX_00000000000000000000000000", "", "' OR 1=1 --"];

#[tokio::test]
async fn reading_what_is_not_there_gives_not_found() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let target = harness.target(&product, "main").await;
    for (field, id) in [("subject", &product), ("target", &target)] {
        let prefix = &id[..4];
        let query = format!("query ($id: ID!) {{ {field}(id: $id) {{ id name }} }}");
        let unknown = UNKNOWN.map(|text| text.replace("XXX_", prefix));
        for id in unknown.iter().chain([id]) {
            let answer = harness.ask_with(Actor::Outsider, &query, json!({ "id": id })).await;
            assert_eq!(
                (answer.code(), &answer.body["data"][field]),
                ("NOT_FOUND", &Value::Null),
                "{field} {id}"
            );
        }
        let own = harness.ask_with(Actor::Member, &query, json!({ "id": id })).await;
        assert_eq!(own.text(&format!("/{field}/id")), *id);
    }
}

#[tokio::test]
async fn changing_what_is_not_there_gives_not_found() {
    let harness = Harness::new().await;
    let (product, key) = (harness.product("Shop").await, harness.key("Deploy").await.id);
    let target = "buildKey: \"b\", name: \"n\", version: \"1\", environment: \"e\"";
    let calls = [
        (
            &product,
            "mutation ($id: ID!) { updateSubject(input: {id: $id, name: \"Mine\"}) { id } }".to_owned(),
        ),
        (&product, "mutation ($id: ID!) { deleteSubject(id: $id) }".to_owned()),
        (
            &product,
            format!(
                "mutation ($id: ID!) {{ upsertSimulationTarget(input: {{subjectId: $id, {target}}}) {{ id }} }}"
            ),
        ),
        (&product, "query ($id: ID!) { targets(subjectId: $id) { id } }".to_owned()),
        (&key, "mutation ($id: ID!) { rotateApiKey(input: {id: $id}) { clientId } }".to_owned()),
        (&key, "mutation ($id: ID!) { renameApiKey(input: {id: $id, label: \"Mine\"}) { id } }".to_owned()),
        (&key, "mutation ($id: ID!) { endGrace(id: $id) { id } }".to_owned()),
        (&key, "mutation ($id: ID!) { revokeApiKey(id: $id) }".to_owned()),
    ];
    for (theirs, query) in &calls {
        let unknown = UNKNOWN.map(|text| text.replace("XXX_", &theirs[..4]));
        for id in unknown.iter().chain([*theirs]) {
            let answer = harness.ask_with(Actor::Outsider, query, json!({ "id": id })).await;
            assert_eq!(answer.code(), "NOT_FOUND", "{query} {id}: {}", answer.body);
            // Whoever guesses learns nothing from the words either.
            let kind = if theirs.starts_with("key_") { "API key" } else { "product" };
            assert_eq!(answer.message(), format!("there is no {kind} {id} in this organisation"));
        }
    }
    assert_eq!(harness.ask(Actor::Key, "{ subjects { id name } }").await.data("/subjects/0/name"), "Shop");
}

#[tokio::test]
async fn lists_hold_only_the_own_organisation() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    harness.target(&product, "main").await;
    let query = "{ viewer { organisation { name } } subjects { id } targets { id } apiKeys { id } members { email } \
                 auditLog { object } organisation { name } }";
    let theirs = harness.ask(Actor::Outsider, query).await;
    assert_eq!(theirs.data("/subjects"), json!([]));
    assert_eq!(theirs.data("/targets"), json!([]));
    assert_eq!(theirs.data("/apiKeys"), json!([]));
    assert_eq!(theirs.data("/members"), json!([{ "email": "eve@other.example" }]));
    assert_eq!(theirs.data("/organisation/name"), "Other");
    assert_eq!(theirs.data("/viewer/organisation/name"), "Other");
    assert!(!theirs.body.to_string().contains("acme"), "{}", theirs.body);
    // Another organisation's id as a cursor only says where to go on.
    let query = "query ($after: ID) { subjects(after: $after) { id } }";
    let answer = harness.ask_with(Actor::Outsider, query, json!({ "after": product })).await;
    assert_eq!(answer.data("/subjects"), json!([]));
}
