//! The other endpoints of the authorization server.

use crate::{app::App, on_both};
use duku::settings::GivenSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Answer, Engine, Pair};

on_both! {
    discovery_names_what_is_there
    the_jwks_is_fresh_and_public
    introspection_tells_the_organisations_own_keys
    a_client_revokes_its_own_tokens
    userinfo_says_whose_token_it_is
}

async fn get(app: &App, path: &str) -> Answer {
    Answer::of(app.api.client().get(format!("{}{path}", app.api.url))).await
}

async fn ask(app: &App, endpoint: &str, pair: &Pair, token: &str) -> Answer {
    let form =
        [("client_id", pair.client_id.as_str()), ("client_secret", &pair.client_secret), ("token", token)];
    Answer::of(app.api.client().post(app.api.protocol(endpoint)).form(&form)).await
}

async fn discovery_names_what_is_there(engine: Engine) {
    let app = App::start(engine).await;
    let oidc = get(&app, "/realms/duku/.well-known/openid-configuration").await.json();
    let oauth = get(&app, "/.well-known/oauth-authorization-server/realms/duku").await.json();
    assert_eq!(oidc, oauth);
    assert_eq!(oidc["issuer"], format!("{}/realms/duku", app.api.url));
    assert_eq!(
        oidc["grant_types_supported"],
        json!([
            "authorization_code",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange"
        ])
    );
    let endpoints: Vec<&Value> = oidc
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .map(|(_, url)| url)
        .collect();
    assert_eq!(endpoints.len(), 8);
    for url in endpoints {
        let answer = Answer::of(app.api.client().get(url.as_str().unwrap())).await;
        assert_ne!(answer.status, StatusCode::NOT_FOUND, "{url}");
    }
    let realm = get(&app, "/realms/duku").await.json();
    assert_eq!(realm["realm"], "duku");
    assert_eq!(realm["token-service"], format!("{}/realms/duku/protocol/openid-connect", app.api.url));
    assert_eq!(realm["tokens-not-before"], 0);
    assert!(
        realm["public_key"].as_str().unwrap().starts_with("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
        "P-256"
    );
    for missing in ["/realms/other", "/realms/duku/protocol/openid-connect/nothing", "/nothing"] {
        let answer = get(&app, missing).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (StatusCode::NOT_FOUND, "not_found"),
            "{missing}"
        );
    }
}

async fn the_jwks_is_fresh_and_public(engine: Engine) {
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let given = GivenSettings { signing_algorithm: Some(algorithm.into()), ..GivenSettings::default() };
        let app = App::start_with(engine, given).await;
        let actor = service::tokens::signing_keys::operator("test");
        app.service.tokens().rotate_signing_key(&app.ctx(), actor, false).await.unwrap();
        let answer = get(&app, "/realms/duku/protocol/openid-connect/certs").await;
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let keys = answer.json()["keys"].as_array().unwrap().clone();
        assert_eq!(keys.len(), 2, "the next key is published before it signs");
        for key in &keys {
            assert_eq!((&key["alg"], &key["use"]), (&json!(algorithm), &json!("sig")));
            assert!(["d", "p", "q", "k"].iter().all(|private| key.get(private).is_none()), "{key}");
        }
        let pair = app.generate("CI", None).await;
        assert!(app.api.accepts(&app.api.token(&pair).await).await, "{algorithm}");
    }
}

async fn introspection_tells_the_organisations_own_keys(engine: Engine) {
    let app = App::start(engine).await;
    let pair = app.generate("CI", None).await;
    let sibling = app.generate("Sibling", None).await;
    let token = app.api.token(&pair).await;
    for caller in [&pair, &sibling] {
        let facts = ask(&app, "token/introspect", caller, &token).await;
        assert_eq!(facts.header("cache-control"), "no-store");
        let facts = facts.json();
        assert_eq!(
            (&facts["active"], &facts["client_id"], &facts["sub"], &facts["token_type"]),
            (&json!(true), &json!(pair.client_id), &json!(pair.client_id), &json!("Bearer"))
        );
        assert_eq!(facts["exp"].as_i64().unwrap() - facts["iat"].as_i64().unwrap(), 300);
    }
    let foreign = foreign_pair(&app).await;
    let inactive = json!({ "active": false });
    assert_eq!(ask(&app, "token/introspect", &foreign, &token).await.json(), inactive);
    assert_eq!(ask(&app, "token/introspect", &pair, "no token").await.json(), inactive);
    app.clock.advance_seconds(300);
    assert_eq!(ask(&app, "token/introspect", &pair, &token).await.json(), inactive);
    let wrong = Pair { client_secret: "wrong".into(), ..pair.clone() };
    let rejected = ask(&app, "token/introspect", &wrong, &token).await;
    assert_eq!((rejected.status.as_u16(), rejected.error().as_str()), (401, "invalid_client"));
    let missing = ask(&app, "token/introspect", &pair, "").await;
    assert_eq!((missing.status.as_u16(), missing.error().as_str()), (400, "invalid_request"));
}

async fn a_client_revokes_its_own_tokens(engine: Engine) {
    let app = App::start(engine).await;
    let pair = app.generate("CI", None).await;
    let sibling = app.generate("Sibling", None).await;
    let foreign = foreign_pair(&app).await;
    let (token, kept) = (app.api.token(&pair).await, app.api.token(&pair).await);
    assert_eq!(
        ask(&app, "revoke", &foreign, &token).await.status,
        StatusCode::OK,
        "an unknown token is as good as revoked"
    );
    let others = ask(&app, "revoke", &sibling, &token).await;
    assert_eq!((others.status.as_u16(), others.error().as_str()), (400, "unauthorized_client"));
    assert!(app.api.accepts(&token).await);
    for _ in 0..2 {
        assert_eq!(ask(&app, "revoke", &pair, &token).await.status, StatusCode::OK);
        assert!(!app.api.accepts(&token).await);
    }
    assert!(app.api.accepts(&kept).await);
    assert_eq!(ask(&app, "token/introspect", &pair, &token).await.json(), json!({ "active": false }));
    assert_eq!(ask(&app, "revoke", &pair, "garbage").await.status, StatusCode::OK);
}

async fn userinfo_says_whose_token_it_is(engine: Engine) {
    let app = App::start(engine).await;
    let pair = app.generate("CI", None).await;
    let userinfo = |token: String| {
        let request = app.api.client().get(app.api.protocol("userinfo"));
        Answer::of(if token.is_empty() { request } else { request.bearer_auth(token) })
    };
    let of_key = userinfo(app.api.token(&pair).await).await.json();
    assert_eq!(
        (&of_key["sub"], &of_key["name"], &of_key["org_name"]),
        (&json!(pair.client_id), &json!("CI"), &json!("Acme"))
    );
    let of_person = userinfo(app.admin_token().await).await.json();
    assert_eq!((&of_person["email"], &of_person["role"]), (&json!("ada@example.org"), &json!("admin")));
    let without = userinfo(String::new()).await;
    assert_eq!((without.status.as_u16(), without.header("www-authenticate")), (401, "Bearer"));
    let bad = userinfo("garbage".into()).await;
    assert_eq!(bad.status.as_u16(), 401);
    assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));
}

/// A key of another organisation.
async fn foreign_pair(app: &App) -> Pair {
    let ctx = app.ctx();
    let other =
        app.service.organisations().create(&ctx, "test", "Other", "eve@example.org", None).await.unwrap();
    let principal = service::Principal::operator("test", &other);
    let input = service::keys::GenerateKey { label: "Foreign".into(), expires_in_days: None };
    let made = app.service.keys().generate(&ctx, &principal, &input).await.unwrap();
    Pair { client_id: made.key.id.to_string(), client_secret: made.secret.expose().to_owned() }
}
