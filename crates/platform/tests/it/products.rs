//! Products and targets.

use crate::{
    harness::{Actor, Harness},
    introspection::Introspected,
};
use serde_json::{Value, json};

const UPDATE: &str = "mutation ($i: UpdateSubjectInput!) { updateSubject(input: $i) { id name description baseUrl createdAt updatedAt } }";
const UPSERT: &str = "mutation ($i: UpsertSimulationTargetInput!) { upsertSimulationTarget(input: $i) { \
    id subjectId subject { name } name description version environment buildKey buildNumber buildUrl metadata \
    createdAt updatedAt } }";

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name_and_clears_what_is_null() {
    let harness = Harness::new().await;
    let create =
        "mutation ($i: CreateSubjectInput!) { createSubject(input: $i) { id name description baseUrl } }";
    let input = json!({ "name": "Shop", "description": "Sells.", "baseUrl": "https://shop.example/" });
    let made = harness.ask_with(Actor::Key, create, json!({ "i": input })).await;
    let id = made.text("/createSubject/id");
    assert_eq!(made.data("/createSubject/baseUrl"), "https://shop.example/");

    harness.clock.advance_seconds(1);
    let changed = harness.ask_with(Actor::Key, UPDATE, json!({ "i": { "id": id, "name": "Store" } })).await;
    let expected = json!({
        "id": id, "name": "Store", "description": "Sells.", "baseUrl": "https://shop.example/",
        "createdAt": "2027-01-15T08:00:00Z", "updatedAt": "2027-01-15T08:00:01Z",
    });
    assert_eq!(changed.data("/updateSubject"), expected);
    let input = json!({ "id": id, "name": null, "description": null });
    let cleared = harness.ask_with(Actor::Key, UPDATE, json!({ "i": input })).await.data("/updateSubject");
    assert_eq!(
        (&cleared["name"], &cleared["description"], &cleared["baseUrl"]),
        (&json!("Store"), &Value::Null, &json!("https://shop.example/"))
    );
    let literal =
        format!("mutation {{ updateSubject(input: {{id: \"{id}\", baseUrl: null}}) {{ name baseUrl }} }}");
    assert_eq!(
        harness.ask(Actor::Key, &literal).await.data("/updateSubject"),
        json!({ "name": "Store", "baseUrl": null })
    );

    let gone = format!("mutation {{ deleteSubject(id: \"{id}\") }}");
    assert_eq!(harness.ask(Actor::Member, &gone).await.text("/deleteSubject"), id);
    assert_eq!(harness.ask(Actor::Member, &gone).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn products_are_checked() {
    let harness = Harness::new().await;
    let create = "mutation ($i: CreateSubjectInput!) { createSubject(input: $i) { id } }";
    for (input, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "name": "x".repeat(201) }), "name"),
        (json!({ "name": "Shop", "baseUrl": "javascript:alert(1)" }), "baseUrl"),
        (json!({ "name": "Shop", "description": "x".repeat(4001) }), "description"),
    ] {
        let answer = harness.ask_with(Actor::Key, create, json!({ "i": input })).await;
        assert_eq!((answer.code(), answer.extension("field")), ("VALIDATION_FAILED", &json!(field)));
    }
}

#[tokio::test]
async fn the_same_build_key_updates_its_target() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let input = json!({
        "subjectId": product, "buildKey": "main", "name": "Staging", "description": "Every push.", "version": "1.2",
        "environment": "staging", "buildNumber": 7, "buildUrl": "https://ci.example/7", "metadata": { "commit": "abc" },
    });
    let made =
        harness.ask_with(Actor::Key, UPSERT, json!({ "i": input })).await.data("/upsertSimulationTarget");
    let mut expected = input.clone();
    expected["id"] = made["id"].clone();
    expected["subject"] = json!({ "name": "Shop" });
    expected["createdAt"] = "2027-01-15T08:00:00Z".into();
    expected["updatedAt"] = "2027-01-15T08:00:00Z".into();
    assert_eq!(made, expected);

    harness.clock.advance_seconds(5);
    let mut next = input.clone();
    next["version"] = "1.3".into();
    let updated =
        harness.ask_with(Actor::Key, UPSERT, json!({ "i": next })).await.data("/upsertSimulationTarget");
    assert_eq!((&updated["id"], &updated["version"]), (&made["id"], &json!("1.3")));
    assert_eq!(updated["updatedAt"], "2027-01-15T08:00:05Z");
    next["buildKey"] = "other".into();
    let other =
        harness.ask_with(Actor::Key, UPSERT, json!({ "i": next })).await.data("/upsertSimulationTarget");
    assert_ne!(other["id"], made["id"]);

    let query =
        "query ($p: ID!) { targets(subjectId: $p) { id } subject(id: $p) { targets(first: 1) { id } } }";
    let listed = harness.ask_with(Actor::Key, query, json!({ "p": product })).await;
    assert_eq!(listed.data("/targets"), json!([{ "id": made["id"] }, { "id": other["id"] }]));
    assert_eq!(listed.data("/subject/targets"), json!([{ "id": made["id"] }]));
}

#[tokio::test]
async fn metadata_keeps_any_json() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let values = [
        json!({ "a": { "b": [1, 2.5, "x", null, true, { "c": {} }] }, "n": 9_007_199_254_740_993_i64, "a-b": "ü", "": [] }),
        json!([[], {}, [[1]]]),
        json!("text"),
        json!(u64::MAX),
        json!(-0.25),
        json!(false),
    ];
    for value in values {
        let input = json!({
            "subjectId": product, "buildKey": "b", "name": "n", "version": "1", "environment": "e", "metadata": value
        });
        let by_input = harness.ask_with(Actor::Key, UPSERT, json!({ "i": input })).await;
        assert_eq!(by_input.data("/upsertSimulationTarget/metadata"), value);
        let query = format!(
            "mutation ($m: JSON) {{ upsertSimulationTarget(input: {{subjectId: \"{product}\", buildKey: \"b\", name: \"n\", \
             version: \"1\", environment: \"e\", metadata: $m}}) {{ metadata }} }}"
        );
        let alone = harness.ask_with(Actor::Key, &query, json!({ "m": value })).await;
        assert_eq!(alone.data("/upsertSimulationTarget/metadata"), value);
    }
    assert_eq!(
        harness.ask(Actor::Key, "{ targets { metadata } }").await.data("/targets"),
        json!([{ "metadata": false }])
    );
}

#[tokio::test]
async fn metadata_can_stand_in_the_document() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let upsert = |metadata: &str, header: &str| {
        format!(
            "mutation {header} {{ upsertSimulationTarget(input: {{subjectId: \"{product}\", metadata: {metadata}, \
             buildKey: \"b\", name: \"n\", version: \"1\", environment: \"e\"}}) {{ metadata }} }}"
        )
    };
    let rows = [
        (
            "{commit: \"abc\", jobs: [1, {x: null}], metadata: {deep: true}}",
            json!({ "commit": "abc", "jobs": [1, { "x": null }], "metadata": { "deep": true } }),
        ),
        ("[]", json!([])),
        ("{}", json!({})),
        ("\"text\"", json!("text")),
        ("12345678901", json!(12_345_678_901_i64)),
        ("true", json!(true)),
        ("null", Value::Null),
    ];
    for (literal, expected) in rows {
        let answer = harness.ask(Actor::Key, &upsert(literal, "")).await;
        assert_eq!(answer.data("/upsertSimulationTarget/metadata"), expected, "{literal}");
    }
    let default = upsert("$m", "($m: JSON = {a: [1]})");
    assert_eq!(
        harness.ask(Actor::Key, &default).await.data("/upsertSimulationTarget/metadata"),
        json!({ "a": [1] })
    );
    let given = harness.ask_with(Actor::Key, &default, json!({ "m": { "b": 2 } })).await;
    assert_eq!(given.data("/upsertSimulationTarget/metadata"), json!({ "b": 2 }));

    for (literal, message) in
        [("FOO", "a string needs quotes"), ("{a: $b}", "as one variable"), ("{\"a\": 1}", "without quotes")]
    {
        let answer = harness.ask(Actor::Key, &upsert(literal, "")).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED");
        assert!(answer.message().contains(message), "{}", answer.message());
    }
    // Errors behind a literal still point to their place.
    let wrong = harness
        .ask(Actor::Key, "mutation {\n  createSubject(input: {metadata: {a: 1, b: 2}, name: 7}) { id }\n}")
        .await;
    assert_eq!(wrong.body["errors"][0]["locations"], json!([{ "line": 2, "column": 24 }]), "{}", wrong.body);
    let large = json!({ "subjectId": product, "buildKey": "b", "name": "n", "version": "1", "environment": "e", "metadata": "x".repeat(20_000) });
    assert_eq!(
        harness.ask_with(Actor::Key, UPSERT, json!({ "i": large })).await.extension("field"),
        "metadata"
    );
}

#[tokio::test]
async fn lists_come_in_pages() {
    let harness = Harness::new().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(harness.product(&format!("Product {number}")).await);
        harness.clock.advance_seconds(1);
    }
    let query = "query ($first: Int, $after: ID) { subjects(first: $first, after: $after) { id } }";
    let page = async |variables: Value| {
        let answer = harness.ask_with(Actor::Reader, query, variables).await.data("/subjects");
        answer
            .as_array()
            .unwrap()
            .iter()
            .map(|subject| subject["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(json!({})).await, ids);
    assert_eq!(page(json!({ "first": null })).await, ids);
    assert_eq!(page(json!({ "first": 2 })).await, ids[..2]);
    assert_eq!(page(json!({ "first": 2, "after": ids[1] })).await, ids[2..4]);
    assert_eq!(page(json!({ "first": 1000, "after": ids[4] })).await, Vec::<String>::new());
    assert_eq!(page(json!({ "after": null })).await, ids);

    let list = |field: &str, first: i64| format!("{{ {field}(first: {first}) {{ id }} }}");
    for field in ["subjects", "targets", "auditLog"] {
        for first in [0, 1001, -1] {
            let answer = harness.ask(Actor::Admin, &list(field, first)).await;
            assert_eq!(
                (answer.code(), answer.extension("field")),
                ("VALIDATION_FAILED", &json!("first")),
                "{field} {first}"
            );
        }
        assert_eq!(harness.ask(Actor::Admin, &list(field, 1000)).await.code(), "OK");
    }
    let nested = harness.ask(Actor::Key, "{ subjects { targets(first: 0) { id } } }").await;
    assert_eq!(nested.extension("field"), "first");
    let malformed =
        harness.ask_with(Actor::Key, query, json!({ "after": "smt_00000000000000000000000000" })).await;
    assert_eq!((malformed.code(), malformed.extension("field")), ("VALIDATION_FAILED", &json!("after")));
}

#[tokio::test]
async fn a_product_without_targets_is_not_a_mistyped_id() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    let query = "query ($p: ID) { targets(subjectId: $p) { id } }";
    assert_eq!(
        harness.ask_with(Actor::Key, query, json!({ "p": product })).await.data("/targets"),
        json!([])
    );
    assert_eq!(harness.ask_with(Actor::Key, query, json!({ "p": null })).await.data("/targets"), json!([]));
    for id in ["sbj_00000000000000000000000000", "nonsense"] {
        assert_eq!(harness.ask_with(Actor::Key, query, json!({ "p": id })).await.code(), "NOT_FOUND");
    }
}

/// Lists of plain values are resolved in a way of their own: it must say the same as the other one.
#[tokio::test]
async fn plain_values_are_the_same_alone_and_beside_objects() {
    let harness = Harness::new().await;
    let product = harness.product("Shop").await;
    harness.target(&product, "main").await;
    let lists = Introspected::of(&harness).await.lists();
    assert!(lists.iter().any(|(list, leaves)| list == "subjects" && leaves.contains(&"name".to_owned())));
    let (waiting, ..) = harness.waiting_key().await;
    let token = harness.token(Actor::Admin).await;
    for (list, leaves) in lists {
        let all = leaves.join(" ");
        let call = if list == "apiKeyAttempts" { format!("{list}(id: \"{waiting}\")") } else { list.clone() };
        let whole = harness.ask_by(&token, &format!("{{ {call} {{ {all} }} }}"), Value::Null).await.data("");
        assert_ne!(whole[&list], json!([]));
        for leaf in &leaves {
            let alone =
                harness.ask_by(&token, &format!("{{ {call} {{ {leaf} }} }}"), Value::Null).await.data("");
            assert_eq!(alone[&list][0][leaf], whole[&list][0][leaf], "{list}.{leaf}");
        }
        let entry = match list.as_str() {
            "subjects" => "targets { __typename }",
            "targets" => "subject { __typename }",
            _ => continue,
        };
        let mut beside =
            harness.ask_by(&token, &format!("{{ {list} {{ {all} {entry} }} }}"), Value::Null).await.data("");
        beside[&list][0].as_object_mut().unwrap().remove(entry.split(' ').next().unwrap());
        assert_eq!(beside, whole);
        let kind = if list == "subjects" { "Subject" } else { "Target" };
        let query = format!(
            "{{ {list} {{ ...F ... {{ ...F }} ...G }} }} fragment F on {kind} {{ {all} }} fragment G on {kind} {{ ...F }}"
        );
        assert_eq!(harness.ask_by(&token, &query, Value::Null).await.data(""), whole);
    }
}
