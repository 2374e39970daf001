//! Tokens that are not ours, or not for us, are rejected; each row starts from a good token and changes one thing.

use crate::{app::App, on_both};
use jose::{Algorithm, SigningKey, base64url};
use serde_json::{Value, json};
use testkit::{Engine, Pair};

on_both! {
    forged_and_foreign_tokens_are_rejected
    a_token_lives_within_its_times
    the_rejection_is_that_of_rfc_6750
}

struct Parts {
    header: Value,
    payload: Value,
    signature: String,
}

fn take_apart(token: &str) -> Parts {
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap();
    Parts { header: json(parts[0]), payload: json(parts[1]), signature: parts[2].to_owned() }
}

fn encode(value: &Value) -> String {
    base64url::encode(value.to_string().as_bytes())
}

impl Parts {
    fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[name] = value;
        format!("{}.{}.{}", encode(&header), encode(&self.payload), self.signature)
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut payload = self.payload.clone();
        payload[name] = value;
        format!("{}.{}.{}", encode(&self.header), encode(&payload), self.signature)
    }

    /// The claims with changes, signed by a key.
    fn signed_by(&self, key: &SigningKey, changes: &[(&str, Value)]) -> String {
        let mut payload = self.payload.clone();
        for (name, value) in changes {
            payload[*name] = value.clone();
        }
        key.sign(&payload).unwrap()
    }
}

async fn forged_and_foreign_tokens_are_rejected(engine: Engine) {
    let app = App::start(engine).await;
    let pair = app.generate("CI", None).await;
    let token = app.api.token(&pair).await;
    let good = take_apart(&token);
    let (foreign, _) = SigningKey::generate(Algorithm::Es256).unwrap();
    let jwks = app.service.tokens().jwks().await.unwrap();
    let public_key = base64url::encode(jwks.as_bytes());
    let unsigned = |algorithm: &str| {
        let header = json!({ "alg": algorithm, "typ": "at+jwt", "kid": good.header["kid"] });
        format!("{}.{}.", encode(&header), encode(&good.payload))
    };
    let hmac = {
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": good.header["kid"] });
        let message = format!("{}.{}", encode(&header), encode(&good.payload));
        let mac = jose::hmac_sha256(&jose::sha256(public_key.as_bytes()), message.as_bytes());
        format!("{message}.{}", base64url::encode(&mac))
    };
    let rows = [
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg HS256 with the public key", hmac),
        ("a foreign key", good.signed_by(&foreign, &[])),
        ("a foreign key under our kid", {
            let parts = take_apart(&good.signed_by(&foreign, &[]));
            parts.with_header("kid", good.header["kid"].clone())
        }),
        ("another algorithm's name", good.with_header("alg", json!("RS256"))),
        ("an ID token's type", good.with_header("typ", json!("JWT"))),
        ("a critical extension", good.with_header("crit", json!(["b64"]))),
        ("a changed organisation", good.with_claim("org_id", json!("org_00000000000000000000000000"))),
        ("a changed expiry", good.with_claim("exp", json!(4_000_000_000i64))),
        ("no signature", format!("{}.{}.", encode(&good.header), encode(&good.payload))),
        ("a cut signature", token[..token.len() - 2].to_owned()),
        ("two parts", token.rsplit_once('.').unwrap().0.to_owned()),
        ("four parts", format!("{token}.x")),
        ("padding", format!("{token}==")),
        ("nothing", "x".to_owned()),
        ("too much", format!("{token}{}", "A".repeat(9000))),
    ];
    for (what, forged) in rows {
        assert!(!app.api.accepts(&forged).await, "{what} was accepted");
    }
    assert!(app.api.accepts(&token).await);
    assert!(foreign_issuer_is_rejected(engine, &app, &pair).await);
}

/// A token of another installation, which has the same kind of key and another issuer and audience.
async fn foreign_issuer_is_rejected(engine: Engine, app: &App, pair: &Pair) -> bool {
    let other = App::start(engine).await;
    let theirs = other.generate("CI", None).await;
    let token = other.api.token(&theirs).await;
    let ours = app.api.token(pair).await;
    !app.api.accepts(&token).await && !other.api.accepts(&ours).await && other.api.accepts(&token).await
}

async fn a_token_lives_within_its_times(engine: Engine) {
    let app = App::start(engine).await;
    let pair = app.generate("CI", None).await;
    let token = app.api.token(&pair).await;
    app.clock.advance_seconds(299);
    assert!(app.api.accepts(&token).await);
    app.clock.advance_seconds(1);
    assert!(!app.api.accepts(&token).await, "exp is the first second at which it is rejected");
    app.clock.advance_seconds(-300 - 5);
    assert!(app.api.accepts(&token).await, "clocks of nodes may differ by five seconds");
    app.clock.advance_seconds(-1);
    assert!(!app.api.accepts(&token).await, "a token from the future");
    app.clock.advance_seconds(-86_400);
    assert!(!app.api.accepts(&token).await, "a clock that jumped back a day");
}

async fn the_rejection_is_that_of_rfc_6750(engine: Engine) {
    let app = App::start(engine).await;
    let answer = app.api.graphql("garbage", "{ viewer { id } }", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "UNAUTHENTICATED"), "{}", answer.text);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""), "{challenge}");
    let (_, metadata) = challenge.split_once("resource_metadata=\"").unwrap();
    let metadata = metadata.split('"').next().unwrap();
    let document = testkit::Answer::of(app.api.client().get(metadata)).await.json();
    assert_eq!(document["resource"], format!("{}/graphql", app.api.url));
    assert_eq!(document["authorization_servers"], json!([format!("{}/realms/duku", app.api.url)]));
}
