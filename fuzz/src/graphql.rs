//! GraphQL: the document, then its variables and the operation's name, each after a zero byte. Input that begins like JSON is
//! the body as it stands.

use super::installation::{Answer, installation};
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Far more than any document takes that our limits let through, also where other work goes on.
const PATIENCE: Duration = Duration::from_secs(20);

/// Panics if a document makes the server fail, is answered with something else than GraphQL, or keeps it busy.
pub fn run(data: &[u8]) {
    let body = if data.starts_with(b"{\"") { data.to_vec() } else { body_of(data) };
    let (answer, took) = ask(&body);
    // A machine that stood still is not the document's fault; one that takes as long again is.
    assert!(took < PATIENCE || ask(&body).1 < PATIENCE, "it took {took:?}");
    let json = answer.json();
    assert!(json.get("data").is_some() || json["errors"].is_array(), "{json}");
    for error in json["errors"].as_array().into_iter().flatten() {
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        assert_ne!(error["extensions"]["code"], "INTERNAL", "{json}");
    }
}

fn ask(body: &[u8]) -> (Answer, Duration) {
    let started = Instant::now();
    let request = Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {}", installation().admin_token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_vec()))
        .unwrap();
    (installation().ask(request), started.elapsed())
}

fn body_of(data: &[u8]) -> Vec<u8> {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut body = json!({ "query": String::from_utf8_lossy(parts.next().unwrap_or_default()) });
    if let Some(variables) = parts.next().and_then(|text| serde_json::from_slice::<Value>(text).ok()) {
        body["variables"] = variables;
    }
    if let Some(name) = parts.next() {
        body["operationName"] = String::from_utf8_lossy(name).into();
    }
    body.to_string().into_bytes()
}
