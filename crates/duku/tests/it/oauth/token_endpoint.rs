//! The token endpoint, row by row of the contract's table, over HTTP on both databases.

use crate::{app::App, on_both};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use duku::settings::GivenSettings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::keys::RotateKey;
use testkit::{Answer, Engine, Pair};

on_both! {
    a_good_pair_buys_a_token
    basic_credentials_are_form_decoded
    unknown_clients_and_wrong_secrets_get_the_same_rejection
    the_holder_of_a_dead_secret_is_told_why
    malformed_requests_are_rejected_with_a_reason
    only_post_is_taken
    a_large_body_is_rejected
    too_many_failures_are_answered_429
    scopes_are_granted_or_rejected
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

async fn post(app: &App, form: &[(&str, &str)]) -> Answer {
    Answer::of(app.api.client().post(app.api.protocol("token")).form(form)).await
}

async fn post_basic(app: &App, authorization: &str, form: &[(&str, &str)]) -> Answer {
    let request = app.api.client().post(app.api.protocol("token")).form(form);
    Answer::of(request.header("authorization", authorization)).await
}

async fn post_raw(app: &App, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = app.api.client().post(app.api.protocol("token")).header("content-type", kind);
    Answer::of(request.body(body)).await
}

fn basic(client_id: &str, client_secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{client_id}:{client_secret}")))
}

/// Every byte as `%XX`, which a strict reader must undo.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&jose::base64url::decode(payload).unwrap()).unwrap()
}

fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&jose::base64url::decode(header).unwrap()).unwrap()
}

/// RFC 6749 §5.2: printable ASCII without quote and backslash.
fn assert_description(answer: &Answer) {
    let description = answer.description();
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    assert!(!description.is_empty() && description.chars().all(allowed), "{description:?}");
}

#[track_caller]
fn assert_rejected(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (status, error), "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_description(answer);
}

async fn a_good_pair_buys_a_token(engine: Engine) {
    let app = App::start(engine).await;
    let pair = app.generate("CI", Some(30)).await;
    let answer = app.api.exchange(&pair).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let body = answer.json();
    let token = body["access_token"].as_str().unwrap();
    let start = testkit::TestClock::START.seconds();
    let expected = json!({
        "access_token": token, "expires_in": 300, "token_type": "Bearer", "scope": "openid",
        "refresh_expires_in": 0, "not-before-policy": 0, "client_secret_expires_at": start + 30 * 86_400,
    });
    assert_eq!(body, expected);
    let url = &app.api.url;
    let claims = claims(token);
    assert!(claims["jti"].as_str().unwrap().len() > 20);
    assert_eq!(
        claims,
        json!({
            "iss": format!("{url}/realms/duku"), "aud": format!("{url}/graphql"),
            "sub": pair.client_id, "client_id": pair.client_id, "azp": pair.client_id,
            "iat": start, "exp": start + 300, "jti": claims["jti"], "scope": "openid",
            "org_id": app.organisation.id.as_str(), "org_name": "Acme", "token_epoch": 0,
        })
    );
    let header = header(token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("at+jwt")));
    let jwks = Answer::of(app.api.client().get(app.api.protocol("certs"))).await.json();
    assert_eq!(jwks["keys"][0]["kid"], header["kid"]);
    assert!(app.api.accepts(token).await);
}

async fn basic_credentials_are_form_decoded(engine: Engine) {
    let app = App::start(engine).await;
    let Pair { client_id, client_secret } = app.generate("CI", None).await;
    let plain = basic(&client_id, &client_secret);
    for authorization in [
        plain.clone(),
        plain.replace("Basic", "bAsIc"),
        basic(&percent(&client_id), &percent(&client_secret)),
    ] {
        let answer = post_basic(&app, &authorization, &[GRANT]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    let with_id = post_basic(&app, &plain, &[GRANT, ("client_id", &client_id)]).await;
    assert_eq!(with_id.status, StatusCode::OK, "the same id in the body is no second authentication");
    let other_id = post_basic(&app, &plain, &[GRANT, ("client_id", "key_other")]).await;
    assert_rejected(&other_id, 400, "invalid_request");
    let twice = post_basic(&app, &plain, &[GRANT, ("client_secret", &client_secret)]).await;
    assert_rejected(&twice, 400, "invalid_request");
    for badly_encoded in ["Basic !!!", "Basic bm9jb2xvbg==", &basic("a%zz", "b"), "Basic /////w=="] {
        assert_rejected(&post_basic(&app, badly_encoded, &[GRANT]).await, 400, "invalid_request");
    }
    let wrong = post_basic(&app, &basic(&client_id, "strange: +%41"), &[GRANT]).await;
    assert_rejected(&wrong, 401, "invalid_client");
    assert!(wrong.header("www-authenticate").starts_with("Basic "));
    let scheme = post_basic(&app, "Digest x", &[GRANT]).await;
    assert_rejected(&scheme, 401, "invalid_client");
    assert!(scheme.header("www-authenticate").starts_with("Basic "));
}

async fn unknown_clients_and_wrong_secrets_get_the_same_rejection(engine: Engine) {
    let app = App::start(engine).await;
    let pair = app.generate("CI", None).await;
    let other = app.generate("Other", None).await;
    let unknown_id = pair.client_id.replace("key_", "key_7").chars().take(30).collect::<String>();
    let cases = [
        Pair { client_secret: other.client_secret.clone(), ..pair.clone() },
        Pair { client_secret: "x".into(), ..pair.clone() },
        Pair { client_id: unknown_id, ..pair.clone() },
        Pair { client_id: "nobody".into(), ..pair.clone() },
        Pair { client_id: "key_' OR 1=1 --".into(), ..pair.clone() },
        Pair { client_id: "ключ".into(), ..pair.clone() },
    ];
    let mut bodies = Vec::new();
    for case in cases {
        let answer = app.api.exchange(&case).await;
        assert_rejected(&answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "", "only for those who used Basic");
        bodies.push(answer.text);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one uniform rejection: {bodies:?}");
}

async fn the_holder_of_a_dead_secret_is_told_why(engine: Engine) {
    let app = App::start(engine).await;
    let first = app.generate("CI", Some(1)).await;
    let second = app.rotate(&first, RotateKey::default()).await;
    let rejected = app.api.exchange(&first).await;
    assert_rejected(&rejected, 401, "invalid_client");
    let description = rejected.description();
    assert!(
        description.contains("rotation and has been rejected since 2027-01-15T08:00:00Z"),
        "{description}"
    );

    app.clock.advance_seconds(86_400);
    let expired = app.api.exchange(&second).await;
    assert_rejected(&expired, 401, "invalid_client");
    assert!(expired.description().contains("expired at 2027-01-16T08:00:00Z"), "{}", expired.text);
    assert!(expired.description().contains("Admin"), "it says what an Admin can do");
    assert!(app.api.exchange(&first).await.description().contains("rotation"));

    app.revoke(&second).await;
    let revoked = app.api.exchange(&second).await;
    assert_rejected(&revoked, 401, "invalid_client");
    assert!(revoked.description().contains("revoked at 2027-01-16T08:00:00Z"), "{}", revoked.text);
    let forgotten = app.api.exchange(&first).await;
    assert_eq!(forgotten.text, app.api.exchange(&Pair { client_secret: "x".into(), ..first }).await.text);
}

async fn malformed_requests_are_rejected_with_a_reason(engine: Engine) {
    let app = App::start(engine).await;
    let Pair { client_id, client_secret } = app.generate("CI", None).await;
    let pair = [("client_id", client_id.as_str()), ("client_secret", client_secret.as_str())];
    assert_rejected(&post(&app, &pair).await, 400, "invalid_request");
    assert_rejected(&post(&app, &[("grant_type", ""), pair[0], pair[1]]).await, 400, "invalid_request");
    for grant in ["password", "implicit", "CLIENT_CREDENTIALS"] {
        let answer = post(&app, &[("grant_type", grant), pair[0], pair[1]]).await;
        assert_rejected(&answer, 400, "unsupported_grant_type");
    }
    for repeated in [GRANT, pair[0], pair[1], ("scope", "openid")] {
        let form = [GRANT, pair[0], pair[1], ("scope", "openid"), repeated];
        assert_rejected(&post(&app, &form).await, 400, "invalid_request");
    }
    assert_rejected(&post(&app, &[GRANT, pair[1]]).await, 400, "invalid_request");
    assert_rejected(&post(&app, &[GRANT]).await, 401, "invalid_client");
    assert_rejected(&post(&app, &[GRANT, pair[0]]).await, 401, "invalid_client");

    let form = "application/x-www-form-urlencoded";
    let good = format!("grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}");
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        assert_rejected(&post_raw(&app, kind, good.clone()).await, 400, "invalid_request");
    }
    let charset = post_raw(&app, "Application/X-WWW-Form-Urlencoded; charset=utf-8", good.clone()).await;
    assert_eq!(charset.status, StatusCode::OK, "{}", charset.text);
    let keycloak = post_raw(&app, form, format!("{good}&username=&password=&code=&unknown=x")).await;
    assert_eq!(
        keycloak.status,
        StatusCode::OK,
        "unknown and empty parameters are ignored: {}",
        keycloak.text
    );
    for bad in [&b"grant_type=%zz"[..], b"grant_type=%", b"\xff\xfe", b"grant_type=%ff"] {
        assert_rejected(&post_raw(&app, form, bad.to_vec()).await, 400, "invalid_request");
    }
    assert_rejected(&post_raw(&app, form, "").await, 400, "invalid_request");

    let in_url = format!("{}?client_secret={client_secret}", app.api.protocol("token"));
    let answer = Answer::of(app.api.client().post(in_url).form(&[GRANT])).await;
    assert_rejected(&answer, 400, "invalid_request");
    assert!(!answer.text.contains(&client_secret));
}

async fn only_post_is_taken(engine: Engine) {
    let app = App::start(engine).await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::HEAD] {
        let answer = Answer::of(app.api.client().request(method.clone(), app.api.protocol("token"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method}");
    }
}

async fn a_large_body_is_rejected(engine: Engine) {
    let app = App::start(engine).await;
    let form = "application/x-www-form-urlencoded";
    let at_limit = post_raw(&app, form, "x".repeat(32 * 1024)).await;
    assert_rejected(&at_limit, 400, "invalid_request");
    assert_rejected(&post_raw(&app, form, "x".repeat(32 * 1024 + 1)).await, 413, "invalid_request");
}

async fn too_many_failures_are_answered_429(engine: Engine) {
    let given = GivenSettings { failures_per_client: Some(3), ..GivenSettings::default() };
    let app = App::start_with(engine, given).await;
    let pair = app.generate("CI", None).await;
    let wrong = Pair { client_secret: "wrong".into(), ..pair.clone() };
    for _ in 0..3 {
        assert_rejected(&app.api.exchange(&wrong).await, 401, "invalid_client");
    }
    let limited = app.api.exchange(&wrong).await;
    assert_rejected(&limited, 429, "temporarily_unavailable");
    let seconds: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(app.api.exchange(&pair).await.status, StatusCode::OK, "a right secret is not locked out");
    let other = app.generate("Other", None).await;
    let other_wrong = Pair { client_secret: "wrong".into(), ..other };
    assert_rejected(&app.api.exchange(&other_wrong).await, 401, "invalid_client");
}

async fn scopes_are_granted_or_rejected(engine: Engine) {
    let app = App::start(engine).await;
    let Pair { client_id, client_secret } = app.generate("CI", None).await;
    let rows = [
        ("openid", Some("openid")),
        ("", Some("openid")),
        ("platform:read", Some("platform:read")),
        ("platform:write openid", Some("openid platform:write")),
        ("openid admin", None),
        ("OPENID", None),
    ];
    for (scope, granted) in rows {
        let form = [GRANT, ("client_id", &client_id), ("client_secret", &client_secret), ("scope", scope)];
        let answer = post(&app, &form).await;
        match granted {
            Some(granted) => assert_eq!(answer.json()["scope"], granted, "{}", answer.text),
            None => assert_rejected(&answer, 400, "invalid_scope"),
        }
    }
}
