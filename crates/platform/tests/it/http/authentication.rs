//! Authentication comes first, whatever is asked.

use crate::harness::{AUDIENCE, Actor, Answer, Harness, ISSUER, METADATA, post};
use axum::body::Body;
use http::{Request, header};
use platform::Settings;
use serde_json::{Value, json};

fn assert_unauthenticated(answer: &Answer, why: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"), "{}", answer.body);
    assert!(answer.message().contains(why), "{}", answer.message());
    let expected = format!(
        "Bearer error=\"invalid_token\", error_description=\"{}\", resource_metadata=\"{METADATA}\"",
        answer.message()
    );
    assert_eq!(answer.header("www-authenticate"), expected);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), 1);
    assert!(answer.body.get("data").is_none());
}

async fn with_headers(harness: &Harness, values: &[&str]) -> Answer {
    let mut request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
    for value in values {
        request = request.header(header::AUTHORIZATION, *value);
    }
    harness.send(request.body(Body::from(r#"{"query":"{ viewer { id } }"}"#)).unwrap()).await
}

#[tokio::test]
async fn whoever_presents_no_token_is_told_where_to_get_one() {
    let harness = Harness::new().await;
    for values in [&[][..], &["Basic a2V5OnNlY3JldA=="], &["Digest x"]] {
        let answer = with_headers(&harness, values).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"));
        // RFC 6750 §3: no error where there were no credentials.
        assert_eq!(answer.header("www-authenticate"), format!("Bearer resource_metadata=\"{METADATA}\""));
        assert!(answer.message().contains(&format!("{ISSUER}/protocol/openid-connect/token")));
    }
}

#[tokio::test]
async fn the_metadata_says_who_issues_tokens() {
    let harness = Harness::new().await;
    let path = METADATA.strip_prefix("https://platform.example").unwrap();
    let answer = harness.send(Request::get(path).body(Body::empty()).unwrap()).await;
    let expected = json!({
        "resource": AUDIENCE,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["openid", "platform:read", "platform:write"],
    });
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &expected));
    let answer = harness.send(Request::post(path).body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn the_scheme_has_no_case() {
    let harness = Harness::new().await;
    let token = harness.token(Actor::Key).await;
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        let answer = with_headers(&harness, &[&format!("{scheme} {token}")]).await;
        assert_eq!(answer.data("/viewer/id"), harness.pair.id.as_str(), "{scheme}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_rejected_with_a_reason() {
    let harness = Harness::new().await;
    let token = harness.token(Actor::Key).await;
    let bearer = format!("Bearer {token}");
    assert_unauthenticated(&with_headers(&harness, &["Bearer"]).await, "no token stands behind Bearer");
    assert_unauthenticated(&with_headers(&harness, &["Bearer "]).await, "no token stands behind Bearer");
    assert_unauthenticated(&with_headers(&harness, &[&bearer, &bearer]).await, "exactly one Authorization");
    assert_unauthenticated(&with_headers(&harness, &["Bearer \u{FC}"]).await, "characters");
    assert_unauthenticated(&with_headers(&harness, &["Bearer x.y.z"]).await, "malformed");
    assert_unauthenticated(&with_headers(&harness, &[&format!("{bearer} {token}")]).await, "malformed");
    let tampered = format!("{bearer}AAAA");
    assert_unauthenticated(&with_headers(&harness, &[&tampered]).await, "");
    let secret = format!("Bearer {}", harness.pair.secret);
    let answer = with_headers(&harness, &[&secret]).await;
    assert_unauthenticated(&answer, "this is a client_secret, not an access token");
    assert!(!answer.body.to_string().contains(&harness.pair.secret));
}

#[tokio::test]
async fn authentication_comes_before_everything_else() {
    let harness = Harness::new().await;
    let token = "not.a.token";
    let requests = [
        post(token).body(Body::from("{ not json")).unwrap(),
        post(token).body(Body::from(vec![b' '; 2 * 1024 * 1024])).unwrap(),
        post(token).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap(),
        Request::post("/graphql").header(header::AUTHORIZATION, "Bearer x").body(Body::empty()).unwrap(),
        Request::get("/graphql?query=nonsense")
            .header(header::AUTHORIZATION, "Bearer x")
            .body(Body::empty())
            .unwrap(),
    ];
    for request in requests {
        assert_eq!(harness.send(request).await.status, 401);
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time() {
    let harness = Harness::new().await;
    let token = harness.token(Actor::Key).await;
    harness.clock.advance_seconds(299);
    assert_eq!(harness.ask_by(&token, "{ viewer { id } }", Value::Null).await.code(), "OK");
    harness.clock.advance_seconds(1);
    assert_unauthenticated(
        &harness.ask_by(&token, "{ viewer { id } }", Value::Null).await,
        "expired at 2027-01-15T08:05:00Z",
    );
}

#[tokio::test]
async fn a_token_ends_with_its_key_in_the_next_request() {
    let harness = Harness::new().await;
    let key = harness.key("Deploy").await;
    let token = harness.issue_token(&key, "").await;
    assert_eq!(
        harness.ask_by(&token, "{ viewer { name } }", Value::Null).await.data("/viewer/name"),
        "Deploy"
    );
    let end = format!(
        "mutation {{ rotateApiKey(input: {{id: \"{}\", endIssuedTokens: true}}) {{ clientId clientSecret }} }}",
        key.id
    );
    let rotated = harness.ask(Actor::Admin, &end).await.pair("rotateApiKey");
    assert_unauthenticated(
        &harness.ask_by(&token, "{ viewer { name } }", Value::Null).await,
        "ended the tokens",
    );

    let token = harness.issue_token(&rotated, "").await;
    let revoke = format!("mutation {{ revokeApiKey(id: \"{}\") }}", key.id);
    assert_eq!(harness.ask(Actor::Admin, &revoke).await.text("/revokeApiKey"), key.id);
    assert_unauthenticated(&harness.ask_by(&token, "{ viewer { name } }", Value::Null).await, "was revoked");
}

#[tokio::test]
async fn a_person_who_left_is_rejected() {
    let harness = Harness::new().await;
    let token = harness.token(Actor::Member).await;
    harness.service.users().remove_member(&harness.ctx(), &harness.acme, "max@acme.example").await.unwrap();
    assert_unauthenticated(
        &harness.ask_by(&token, "{ viewer { id } }", Value::Null).await,
        "no member of the organisation",
    );
}

#[tokio::test]
async fn guessing_is_slowed_down_and_good_tokens_are_not() {
    let harness = Harness::with(Settings::default(), |policy| policy.failures_per_address = 3).await;
    for _ in 0..3 {
        assert_eq!(harness.ask_by("a.b.c", "{ viewer { id } }", Value::Null).await.status, 401);
    }
    let limited = harness.ask_by("a.b.c", "{ viewer { id } }", Value::Null).await;
    assert_eq!((limited.status.as_u16(), limited.code()), (429, "RATE_LIMITED"));
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait) && limited.message().contains(&format!("wait {wait} seconds")));
    assert_eq!(harness.ask(Actor::Key, "{ viewer { id } }").await.code(), "OK");
}

#[tokio::test]
async fn the_viewer_is_who_asks() {
    let harness = Harness::new().await;
    let query = "{ viewer { kind id name role scopes organisation { name activeKeyLimit defaultKeyLifetimeDays maximumKeyLifetimeDays createdAt } } }";
    let organisation = json!({
        "name": "Acme", "activeKeyLimit": 10, "defaultKeyLifetimeDays": 90, "maximumKeyLifetimeDays": 365,
        "createdAt": "2027-01-15T08:00:00Z",
    });
    let mut key = harness.ask(Actor::Reader, query).await.data("/viewer");
    assert_eq!(key["id"].take(), harness.pair.id.as_str());
    assert_eq!(
        key,
        json!({
            "kind": "API_KEY", "id": null, "name": "CI", "role": null, "scopes": ["openid", "platform:read"],
            "organisation": organisation,
        })
    );
    let mut user = harness.ask(Actor::Admin, query).await.data("/viewer");
    assert!(user["id"].take().as_str().unwrap().starts_with("usr_"));
    assert_eq!(
        user,
        json!({
            "kind": "PERSON", "id": null, "name": "ada@acme.example", "role": "ADMIN", "scopes": ["openid"],
            "organisation": organisation,
        })
    );
}
