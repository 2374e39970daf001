//! GraphQL over HTTP: media types, methods, parameters and status codes.

use crate::harness::{Actor, Answer, Harness, post};
use axum::body::Body;
use http::{Method, Request, header};
use platform::Settings;
use serde_json::json;

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

async fn posted(harness: &Harness, accept: &str, body: impl Into<Body>) -> Answer {
    let token = harness.token(Actor::Key).await;
    harness.send(post(&token).header(header::ACCEPT, accept).body(body.into()).unwrap()).await
}

async fn got(harness: &Harness, query: &str) -> Answer {
    let token = harness.token(Actor::Key).await;
    let request =
        Request::get(format!("/graphql?{query}")).header(header::AUTHORIZATION, format!("Bearer {token}"));
    harness.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_status_depends_on_the_media_type() {
    let harness = Harness::new().await;
    // What is sent, the status of `application/json`, the status of `application/graphql-response+json`.
    let rows = [
        (r#"{"query":"{ __typename }"}"#, 200, 200),
        (r#"{"query":"{"}"#, 200, 400),
        (r#"{"query":"{ nothing }"}"#, 200, 400),
        (r#"{"query":"query ($id: ID!) { subject(id: $id) { id } }","variables":{"id":null}}"#, 200, 400),
        (r#"{"query":"query A { __typename } query B { __typename }"}"#, 200, 400),
        (r#"{"query":"{ __typename }","operationName":"A"}"#, 200, 400),
        (r#"{"query":"fragment F on Query { __typename }"}"#, 200, 400),
        (r#"{"query":"subscription { x }"}"#, 200, 400),
        (r#"{"query":""}"#, 200, 400),
        (r#"{"query":"{ apiKeys { id } }"}"#, 200, 200),
        ("NONSENSE", 400, 400),
        (r#"{"query":"#, 400, 400),
        ("", 400, 400),
        ("[]", 400, 400),
        (r#"[{"query":"{ __typename }"}]"#, 400, 400),
        (r#""{ __typename }""#, 400, 400),
        ("{}", 400, 400),
        (r#"{"qeury":"{ __typename }"}"#, 400, 400),
        (r#"{"query":null}"#, 400, 400),
        (r#"{"query":7}"#, 400, 400),
        (r#"{"query":["{ __typename }"]}"#, 400, 400),
        (r#"{"query":"{ __typename }","query":"{ __typename }"}"#, 400, 400),
        (r#"{"query":"{ __typename }","operationName":{}}"#, 400, 400),
        (r#"{"query":"{ __typename }","variables":[7]}"#, 400, 400),
        (r#"{"query":"{ __typename }","variables":"{}"}"#, 400, 400),
        (r#"{"query":"{ __typename }","extensions":0}"#, 400, 400),
        (r#"{"query":"{ __typename }","operationName":null,"variables":null,"extensions":null}"#, 200, 200),
        (
            r#"{"query":"{ __typename }","operationName":"","variables":{},"extensions":{"a":1},"other":1}"#,
            200,
            200,
        ),
        (r#"{"query":"query A { __typename } query B { __typename }","operationName":"B"}"#, 200, 200),
    ];
    for (body, json, graphql) in rows {
        for (media, status) in [(JSON, json), (GRAPHQL, graphql)] {
            let answer = posted(&harness, media, body).await;
            assert_eq!(answer.status, status, "{media} {body}: {}", answer.body);
            assert_eq!(answer.header("content-type"), format!("{media}; charset=utf-8"));
            assert_eq!(answer.header("cache-control"), "no-store");
            let ran = answer.body.get("data").is_some();
            assert!(ran || answer.code() == "VALIDATION_FAILED", "{media} {body}: {}", answer.body);
            assert!(ran || !answer.message().is_empty());
        }
    }
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let harness = Harness::new().await;
    let rows = [
        (r#"{"query":7}"#, "`query` must be a string; it is a number"),
        (r#"{"query":"{ a }","variables":[7]}"#, "`variables` must be an object or null; it is a list"),
        (r#"{"query":"{ a }","variables":"{}"}"#, "`variables` must be an object or null; it is a string"),
        (
            r#"{"query":"{ a }","operationName":true}"#,
            "`operationName` must be a string or null; it is a boolean",
        ),
        (r#"{"query":"{ a }","extensions":"x"}"#, "`extensions` must be an object or null; it is a string"),
        (r#"{"qeury":"{ a }"}"#, "`query` is missing"),
        (r#"[{"query":"{ a }"}]"#, "batches are not supported"),
        ("{\n  'query'", "not JSON (line 2, column 3)"),
        ("", "the body is empty"),
        (r#"{"query":"{ a }","query":"{ b }"}"#, "each parameter once"),
    ];
    for (body, message) in rows {
        let answer = posted(&harness, JSON, body).await;
        assert!(answer.message().contains(message), "{body}: {}", answer.message());
    }
    let invalid_utf8 = [b"{\"query\":\"{ __typename } #".as_slice(), &[0xFF], b"\"}"].concat();
    assert_eq!(posted(&harness, JSON, invalid_utf8).await.status, 400);
}

#[tokio::test]
async fn the_answer_is_what_the_client_accepts() {
    let harness = Harness::new().await;
    let rows = [
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL),
        ("application/json, multipart/mixed", JSON),
    ];
    for (accept, media) in rows {
        let answer = posted(&harness, accept, r#"{"query":"{ __typename }"}"#).await;
        assert_eq!(answer.header("content-type"), format!("{media}; charset=utf-8"), "{accept}");
    }
    let answer = harness.ask(Actor::Key, "{ __typename }").await;
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    let rejected = posted(&harness, "text/html", r#"{"query":"{ __typename }"}"#).await;
    assert_eq!((rejected.status.as_u16(), rejected.code()), (406, "VALIDATION_FAILED"));
}

#[tokio::test]
async fn bodies_are_json_in_utf_8_and_not_too_large() {
    let harness = Harness::with(Settings { body_bytes: 1000, ..Settings::default() }, |_| {}).await;
    let token = harness.token(Actor::Key).await;
    for (content_type, status) in [
        (Some("application/json"), 200),
        (Some("application/json; charset=utf-8"), 200),
        (Some("application/json; charset=utf-16"), 415),
        (Some("application/graphql"), 415),
        (Some("text/plain"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (None, 415),
    ] {
        let mut request = Request::post("/graphql").header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let body = Body::from(r#"{"query":"{ __type(name: \"Läufer🏃\") { name } }"}"#);
        let answer = harness.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, status, "{content_type:?}");
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    }
    let body = |length: usize| format!("{:<length$}", r#"{"query":"{ __typename }"}"#);
    assert_eq!(harness.post(&token, body(1000)).await.status, 200);
    let rejected = harness.post(&token, body(1001)).await;
    assert_eq!((rejected.status.as_u16(), rejected.code()), (413, "VALIDATION_FAILED"));
    assert!(rejected.message().contains("1000 bytes"));
}

#[tokio::test]
async fn queries_can_be_got() {
    let harness = Harness::new().await;
    let id = harness.product("Shop").await;
    let variables = format!("%7B%22id%22%3A%22{id}%22%7D");
    let rows = [
        ("query=%7B__typename%7D".to_owned(), json!({ "data": { "__typename": "Query" } })),
        (
            format!(
                "query=query+A(%24id%3AID!)%7Bsubject(id%3A%24id)%7Bname%7D%7D&operationName=A&variables={variables}"
            ),
            json!({ "data": { "subject": { "name": "Shop" } } }),
        ),
        (
            "query=%7B__typename%7D&variables=&extensions=&operationName=&x=1".to_owned(),
            json!({ "data": { "__typename": "Query" } }),
        ),
    ];
    for (query, body) in rows {
        let answer = got(&harness, &query).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, body), "{query}");
    }
    for (query, message) in [
        ("", "`query` is missing"),
        ("query=%7Ba%7D&query=%7Bb%7D", "`query` stands twice"),
        ("query=%7Ba%7D&variables=x", "`variables` in the URL must be a JSON object"),
        ("query=%7Ba%7D&variables=7", "`variables` must be an object or null"),
    ] {
        let answer = got(&harness, query).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.message().contains(message), "{query}: {}", answer.message());
    }
}

#[tokio::test]
async fn mutations_cannot_be_got() {
    let harness = Harness::new().await;
    let create = "mutation%20M%7BcreateSubject(input%3A%7Bname%3A%22Got%22%7D)%7Bid%7D%7D";
    for query in [
        format!("query={create}"),
        format!("query={create}%20query%20Q%7B__typename%7D&operationName=M"),
        "query=mutation%7B__typename%7D".to_owned(),
    ] {
        let answer = got(&harness, &query).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{}", answer.body);
        assert_eq!(answer.code(), "VALIDATION_FAILED");
    }
    let harmless =
        got(&harness, &format!("query={create}%20query%20Q%7B__typename%7D&operationName=Q")).await;
    assert_eq!(harmless.data("/__typename"), "Query");
    assert_eq!(harness.ask(Actor::Key, "{ subjects { id } }").await.data("/subjects"), json!([]));
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let harness = Harness::new().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let request = Request::builder().method(method.clone()).uri("/graphql").body(Body::empty()).unwrap();
        let answer = harness.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, POST"), "{method}");
        assert_eq!(answer.code(), "VALIDATION_FAILED");
    }
    let token = harness.token(Actor::Key).await;
    let head = Request::head("/graphql?query=%7B__typename%7D")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    assert_eq!(harness.send(head.body(Body::empty()).unwrap()).await.status, 200);
}
