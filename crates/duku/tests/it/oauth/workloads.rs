//! Keys without a secret over HTTP: three spellings, one answer for strangers, and issuers that are fetched safely.

use super::tls_issuer::{Document, TlsIssuer};
use crate::{on_both, server::Server};
use domain::{Clock, Timestamp, workload::Preset};
use jose::assertion::AssertionAlgorithm;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Answer, Engine, TestIssuer};

on_both! { a_workload_gets_a_token_in_three_spellings }

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

fn now() -> Timestamp {
    duku::system_clock::SystemClock.now().to_whole_second()
}

/// A server that may fetch the issuer on this machine.
fn server_for(engine: Engine, tls: &TlsIssuer) -> Server {
    let authority = tls.authority.display().to_string();
    let settings = [("DUKU_INSIDE_ISSUERS", "localhost"), ("DUKU_ISSUER_CA", authority.as_str())];
    let server = Server::start_with(engine, &settings);
    server.make_acme();
    server
}

const GENERATE: &str = "mutation ($input: GenerateSecretlessApiKeyInput!) { generateSecretlessApiKey(input: $input) \
    { clientId authenticationMethod workloadIdentity { issuer audience waitingUntil } } }";

async fn generate(server: &Server, issuer: &str) -> Answer {
    let input = json!({ "input": { "label": "Deployments", "workloadIdentity": {
        "preset": "OIDC", "issuer": issuer, "pins": [{ "claim": "sub", "equals": ["workload-1"] }],
        "conditions": [{ "claim": "ref", "equals": ["main"] }],
    } } });
    let api = server.api();
    let request = api
        .client()
        .post(format!("{}/graphql", api.url))
        .bearer_auth(server.admin_token())
        .json(&json!({ "query": GENERATE, "variables": input }));
    Answer::of(request).await
}

async fn post(server: &Server, form: &[(&str, &str)]) -> Answer {
    let api = server.api();
    Answer::of(api.client().post(api.protocol("token")).form(form)).await
}

async fn as_client(server: &Server, client_id: &str, token: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", token),
    ];
    post(server, &form).await
}

fn token(issuer: &TestIssuer, server: &Server, changes: &Value) -> String {
    let audience = format!("{}/realms/duku", server.url);
    let changes = testkit::changed(&json!({ "ref": "main" }), changes);
    issuer.token(Preset::AnyOidc, &audience, now(), &changes)
}

async fn a_workload_gets_a_token_in_three_spellings(engine: Engine) {
    let tls = TlsIssuer::start();
    let issuer = TestIssuer::new(&tls.url, AssertionAlgorithm::Rs256);
    tls.publish(&issuer);
    let server = server_for(engine, &tls);
    let made = generate(&server, &tls.url).await.data()["generateSecretlessApiKey"].clone();
    assert_eq!(made["authenticationMethod"], "WORKLOAD_IDENTITY");
    let client_id = made["clientId"].as_str().unwrap();
    let fresh = || token(&issuer, &server, &json!({}));

    let first = fresh();
    let answer = as_client(&server, client_id, &first).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(300), &json!("Bearer")));
    assert!(body.get("client_secret_expires_at").is_none() && body.get("refresh_token").is_none());
    let access_token = body["access_token"].as_str().unwrap().to_owned();
    let second = fresh();
    let grant = [("grant_type", JWT_BEARER), ("client_id", client_id), ("assertion", second.as_str())];
    assert_eq!(post(&server, &grant).await.status, 200);
    let third = fresh();
    let exchange = [
        ("grant_type", TOKEN_EXCHANGE),
        ("client_id", client_id),
        ("subject_token", third.as_str()),
        ("subject_token_type", JWT),
    ];
    let answer = post(&server, &exchange).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");

    // The token says which run it is for, and so does introspection.
    let asking = fresh();
    let api = server.api();
    let form = [
        ("client_id", client_id),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", asking.as_str()),
        ("token", access_token.as_str()),
    ];
    let facts = Answer::of(api.client().post(api.protocol("token/introspect")).form(&form)).await.json();
    assert_eq!((&facts["active"], &facts["workload"]["issuer"]), (&json!(true), &json!(tls.url)));
    assert_eq!(facts["workload"]["run"], "workload-1");

    // Each spelling rejects in its own words, and what was exchanged once is told so.
    let again = as_client(&server, client_id, &first).await;
    assert_eq!((again.status.as_u16(), again.error().as_str()), (401, "invalid_client"));
    assert!(again.description().contains("exchanged before"), "{}", again.text);
    let again = post(&server, &grant).await;
    assert_eq!((again.status.as_u16(), again.error().as_str()), (400, "invalid_grant"));
    let again = post(&server, &exchange).await;
    assert_eq!((again.status.as_u16(), again.error().as_str()), (400, "invalid_request"));
    let elsewhere =
        as_client(&server, client_id, &token(&issuer, &server, &json!({ "ref": "x\"\\\u{202E}" }))).await;
    assert!(elsewhere.description().contains("`ref` must be main"), "{}", elsewhere.text);
    strangers_learn_nothing(&server, &issuer, client_id).await;
    requests_that_are_no_use_are_said_to_be(&server, client_id, &fresh()).await;
}

/// Whatever is wrong with a stranger's token, the answer is the same to the byte.
async fn strangers_learn_nothing(server: &Server, issuer: &TestIssuer, client_id: &str) {
    let stranger = TestIssuer::new(&issuer.url, AssertionAlgorithm::Rs256);
    let good = token(issuer, server, &json!({}));
    let mut answers = Vec::new();
    for (client_id, token) in [
        (client_id, token(issuer, server, &json!({ "sub": "workload-2" }))),
        (client_id, token(issuer, server, &json!({ "sub": "workload-2", "exp": 1 }))),
        (client_id, token(issuer, server, &json!({ "sub": "workload-2", "aud": "https://other.example" }))),
        (client_id, token(issuer, server, &json!({ "iss": "https://other.example" }))),
        (client_id, token(&stranger, server, &json!({}))),
        (client_id, "nonsense".to_owned()),
        (client_id, format!("{good}x")),
        ("key_01m86b0ev2etta2q778m598pdv", good.clone()),
        ("nobody", good),
    ] {
        let answer = as_client(server, client_id, &token).await;
        answers.push((answer.status, answer.text));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, 401);
}

async fn requests_that_are_no_use_are_said_to_be(server: &Server, client_id: &str, token: &str) {
    let client = ("client_id", client_id);
    for (form, error) in [
        (vec![("grant_type", "client_credentials"), client, ("client_assertion", token)], "invalid_request"),
        (
            vec![
                ("grant_type", "client_credentials"),
                client,
                ("client_assertion", token),
                ("client_assertion_type", ASSERTION),
                ("client_secret", "x"),
            ],
            "invalid_request",
        ),
        (vec![("grant_type", JWT_BEARER), ("assertion", token)], "invalid_request"),
        (vec![("grant_type", JWT_BEARER), client], "invalid_request"),
        (
            vec![("grant_type", JWT_BEARER), client, ("assertion", token), ("client_secret", "x")],
            "invalid_request",
        ),
        (vec![("grant_type", TOKEN_EXCHANGE), client, ("subject_token", token)], "invalid_request"),
        (
            vec![
                ("grant_type", TOKEN_EXCHANGE),
                client,
                ("subject_token", token),
                ("subject_token_type", JWT),
                ("actor_token", "x"),
            ],
            "invalid_request",
        ),
        (
            vec![
                ("grant_type", TOKEN_EXCHANGE),
                client,
                ("subject_token", token),
                ("subject_token_type", JWT),
                ("audience", "https://other.example"),
            ],
            "invalid_target",
        ),
        (
            vec![
                ("grant_type", "client_credentials"),
                client,
                ("client_assertion", token),
                ("client_assertion_type", ASSERTION),
                ("scope", "everything"),
            ],
            "invalid_scope",
        ),
    ] {
        let answer = post(server, &form).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error().as_str()),
            (400, error),
            "{form:?}: {}",
            answer.text
        );
    }
    // None of them used the token up.
    let answer = as_client(server, client_id, token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_misbehaves_is_named_when_it_is_saved() {
    let tls = TlsIssuer::start();
    let issuer = TestIssuer::new(&tls.url, AssertionAlgorithm::Es256);
    let server = server_for(Engine::Sqlite, &tls);
    let discovery = "/.well-known/openid-configuration";
    let response = |status: &str, headers: &str, body: &str| {
        let length = body.len();
        Document::Raw(format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    };
    let good = issuer.discovery().to_string();
    let to = |jwks: &str| json!({ "issuer": tls.url, "jwks_uri": jwks }).to_string();
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(70_000));
    let json = "Content-Type: application/json\r\n";
    let moved = format!("Location: {}/jwks\r\n", tls.url);
    for (path, document, advice) in [
        (discovery, response("302 Found", &moved, ""), "redirects"),
        (
            discovery,
            response("307 Temporary Redirect", "Location: http://169.254.169.254/\r\n", ""),
            "redirects",
        ),
        (discovery, response("404 Not Found", "", ""), "404"),
        (discovery, response("500 Internal Server Error", json, "{}"), "500"),
        (discovery, response("200 OK", "Content-Type: text/html\r\n", &good), "JSON"),
        (discovery, response("200 OK", json, "<html>"), "JSON"),
        (
            discovery,
            Document::Json(json!({ "issuer": "https://evil.example", "jwks_uri": "x" }).to_string()),
            "evil",
        ),
        (discovery, Document::Json(to("http://localhost/jwks")), "https"),
        (discovery, Document::Json(to("https://127.0.0.1/jwks")), "not public"),
        (discovery, Document::Json(to("https://169.254.169.254/latest/meta-data")), "not public"),
        (discovery, Document::Json(to("https://[::1]/jwks")), "not public"),
        (discovery, Document::Json(to("https://user:secret@localhost/jwks")), "user name"),
        (discovery, Document::Json(to("file:///etc/passwd")), "https"),
        (discovery, Document::Stalls(Duration::from_secs(8)), "5 seconds"),
        ("/jwks", Document::Json(huge), "64 KiB"),
        ("/jwks", Document::Json("{}".to_owned()), "keys"),
        ("/jwks", Document::Stalls(Duration::from_millis(1)), ""),
    ] {
        tls.publish(&issuer);
        tls.put(path, document.clone());
        let answer = generate(&server, &tls.url).await;
        assert_eq!(answer.code(), "VALIDATION_FAILED", "{document:?}: {}", answer.text);
        assert!(answer.text.contains("cannot be fetched"), "{document:?}: {}", answer.text);
        assert!(answer.text.contains(advice), "{document:?} without {advice}: {}", answer.text);
    }
    tls.publish(&issuer);
    generate(&server, &tls.url).await.data();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_inside_is_fetched_only_if_an_operator_says_so() {
    let tls = TlsIssuer::start();
    let issuer = TestIssuer::new(&tls.url, AssertionAlgorithm::Es256);
    tls.publish(&issuer);
    let authority = tls.authority.display().to_string();
    for (settings, advice) in [
        (vec![("DUKU_ISSUER_CA", authority.as_str())], "not public"),
        (
            vec![("DUKU_ISSUER_CA", authority.as_str()), ("DUKU_INSIDE_ISSUERS", "other.example,127.0.0.1")],
            "not public",
        ),
        (vec![("DUKU_INSIDE_ISSUERS", "localhost")], "certificate"),
    ] {
        let server = Server::start_with(Engine::Sqlite, &settings);
        server.make_acme();
        let answer = generate(&server, &tls.url).await;
        assert!(answer.text.to_lowercase().contains(advice), "{settings:?}: {}", answer.text);
    }
}
