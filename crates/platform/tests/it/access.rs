//! Who may call what: one row per field of `Query` and `Mutation`. A field without a row fails the test.

use crate::{
    harness::{Actor, Harness},
    introspection::Introspected,
};
use std::collections::BTreeSet;

const EVERYONE: &[Actor] = &[Actor::Admin, Actor::Member, Actor::Key, Actor::Reader];
const WRITERS: &[Actor] = &[Actor::Admin, Actor::Member, Actor::Key];
const ADMINS: &[Actor] = &[Actor::Admin];

/// The root field, its call (`PRODUCT`, `TARGET`, `KEY`, `WAITING` and `ATTEMPT` stand for ids that exist) and who may.
const TABLE: &[(&str, &str, &[Actor])] = &[
    ("Query.viewer", "viewer", EVERYONE),
    ("Query.subjects", "subjects", EVERYONE),
    ("Query.subject", "subject(id: PRODUCT)", EVERYONE),
    ("Query.targets", "targets(subjectId: PRODUCT)", EVERYONE),
    ("Query.target", "target(id: TARGET)", EVERYONE),
    ("Query.organisation", "organisation", EVERYONE),
    ("Query.apiKeys", "apiKeys", ADMINS),
    ("Query.apiKeyAttempts", "apiKeyAttempts(id: WAITING)", ADMINS),
    ("Query.checkToken", "checkToken(input: {id: WAITING, token: \"x\"})", ADMINS),
    ("Query.members", "members", ADMINS),
    ("Query.auditLog", "auditLog", ADMINS),
    ("Mutation.createSubject", "createSubject(input: {name: \"New\"})", WRITERS),
    ("Mutation.updateSubject", "updateSubject(input: {id: PRODUCT, name: \"Renamed\"})", WRITERS),
    ("Mutation.deleteSubject", "deleteSubject(id: PRODUCT)", WRITERS),
    (
        "Mutation.upsertSimulationTarget",
        "upsertSimulationTarget(input: {subjectId: PRODUCT, buildKey: \"b\", name: \"n\", version: \"1\", environment: \"e\"})",
        WRITERS,
    ),
    ("Mutation.generateApiKey", "generateApiKey(input: {label: \"New\"})", ADMINS),
    ("Mutation.renameApiKey", "renameApiKey(input: {id: KEY, label: \"New\"})", ADMINS),
    ("Mutation.rotateApiKey", "rotateApiKey(input: {id: KEY})", ADMINS),
    ("Mutation.endGrace", "endGrace(id: KEY)", ADMINS),
    ("Mutation.revokeApiKey", "revokeApiKey(id: KEY)", ADMINS),
    (
        "Mutation.generateSecretlessApiKey",
        "generateSecretlessApiKey(input: {label: \"New\", workloadIdentity: {preset: GITHUB_ACTIONS, keySet: JWKS}})",
        ADMINS,
    ),
    (
        "Mutation.changeApiKeyAuthentication",
        "changeApiKeyAuthentication(input: {id: WAITING, workloadIdentity: {preset: GITHUB_ACTIONS, keySet: JWKS}})",
        ADMINS,
    ),
    (
        "Mutation.replaceApiKeySecret",
        "replaceApiKeySecret(input: {id: KEY, workloadIdentity: {preset: GITHUB_ACTIONS, keySet: JWKS}})",
        ADMINS,
    ),
    ("Mutation.waitForFirstRun", "waitForFirstRun(id: WAITING)", ADMINS),
    ("Mutation.allowWorkload", "allowWorkload(input: {id: WAITING, attemptId: ATTEMPT})", ADMINS),
    ("Mutation.renewApiKey", "renewApiKey(input: {id: WAITING})", ADMINS),
];

#[tokio::test]
async fn every_field_has_a_row() {
    let schema = Introspected::of(&Harness::new().await).await;
    let fields =
        |of: &str| schema.fields(of).into_iter().map(|name| format!("{of}.{name}")).collect::<Vec<_>>();
    let there: BTreeSet<_> = [fields("Query"), fields("Mutation")].concat().into_iter().collect();
    let rows: BTreeSet<_> = TABLE.iter().map(|(field, ..)| (*field).to_owned()).collect();
    assert_eq!(there, rows, "give each field of the schema a row that says who may call it");
}

#[tokio::test]
async fn every_role_may_do_what_the_table_says_and_no_more() {
    for (field, call, allowed) in TABLE {
        let harness = Harness::new().await;
        let schema = Introspected::of(&harness).await;
        let (of, name) = field.split_once('.').unwrap();
        let operation = if of == "Query" { "query" } else { "mutation" };
        for actor in EVERYONE {
            let document = format!(
                "{operation} {{ {}{} }}",
                with_ids(&harness, call).await,
                schema.everything(of, name)
            );
            let expected = if allowed.contains(actor) { "OK" } else { "FORBIDDEN" };
            let answer = harness.ask(*actor, &document).await;
            assert_eq!(answer.code(), expected, "{actor:?} {document}: {}", answer.body);
            assert_eq!(answer.status, 200);
        }
        let document = format!("{operation} {{ {}{} }}", call, schema.everything(of, name));
        assert_eq!(harness.ask_by("stranger", &document, ().into()).await.status, 401, "{document}");
    }
}

/// The call with ids of Acme that exist; the key has a grace that runs.
async fn with_ids(harness: &Harness, call: &str) -> String {
    let quoted = |id: &str| format!("\"{id}\"");
    let mut call = call.to_owned();
    if call.contains("PRODUCT") || call.contains("TARGET") {
        let product = harness.product("Shop").await;
        let target = harness.target(&product, "main").await;
        call = call.replace("PRODUCT", &quoted(&product)).replace("TARGET", &quoted(&target));
    }
    if call.contains("WAITING") || call.contains("JWKS") {
        let (waiting, attempt, jwks) = harness.waiting_key().await;
        let jwks = serde_json::Value::String(jwks).to_string();
        call = call.replace("WAITING", &quoted(&waiting)).replace("ATTEMPT", &quoted(&attempt));
        call = call.replace("JWKS", &jwks);
    }
    if call.contains("KEY") {
        let key = harness.key("Deploy").await.id;
        let rotate =
            format!("mutation {{ rotateApiKey(input: {{id: \"{key}\", graceSeconds: 60}}) {{ clientId }} }}");
        harness.ask(Actor::Admin, &rotate).await.text("/rotateApiKey/clientId");
        call = call.replace("KEY", &quoted(&key));
    }
    call
}
