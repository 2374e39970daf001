//! Every token that must not be exchanged, with the check that stops it and what its holder is told; on both databases.

use super::{GITHUB, Told, World, exchange, exchange_by, on_github, shop, verdict, world};
use crate::fixture::{Fixture, ISSUER, at, on_both_engines, time};
use domain::workload::{Preset, RejectionReason as Reason};
use jose::{
    assertion::{AssertionAlgorithm, AssertionSigner},
    base64url,
};
use serde_json::{Value, json};
use service::tokens::{assertion::PresentedAssertion, client_authentication::ClientProof};
use testkit::{TestIssuer, changed};

on_both_engines!(no_wrong_token_is_exchanged, no_other_spelling_is_more_lenient);

type Expected = Option<(Reason, Told)>;

/// A row of the table.
struct Row {
    name: String,
    token: String,
    expected: Expected,
}

#[expect(clippy::unnecessary_wraps, reason = "rows are accepted or not")]
const fn uniform(reason: Reason) -> Expected {
    Some((reason, Told::Nothing))
}

#[expect(clippy::unnecessary_wraps, reason = "rows are accepted or not")]
const fn explained(reason: Reason) -> Expected {
    Some((reason, Told::Why))
}

/// What strangers change in the claims of a token that is validly signed.
fn changed_claims() -> Vec<(Value, Expected)> {
    use Reason::{
        Audience, Conditions, Expired, IssuedInFuture, Issuer, Lifetime, NotYetValid, Pins, Times, TokenId,
    };
    let now = time(0).seconds();
    vec![
        // Accepted: names have no case, numbers may come as such, an audience may be one of several.
        (json!({}), None),
        (json!({ "repository": "ACME/Shop" }), None),
        (json!({ "repository_id": 424_242 }), None),
        (json!({ "aud": [ISSUER, "https://other.example"] }), None),
        (json!({ "nbf": null, "iat": null }), None),
        (json!({ "exp": now - 59 }), None),
        (json!({ "iat": now + 59, "nbf": now + 59 }), None),
        // Another issuer, nearly.
        (json!({ "iss": format!("{GITHUB}/") }), uniform(Issuer)),
        (json!({ "iss": GITHUB.to_uppercase() }), uniform(Issuer)),
        (json!({ "iss": "https://Token.actions.githubusercontent.com" }), uniform(Issuer)),
        (json!({ "iss": "http://token.actions.githubusercontent.com" }), uniform(Issuer)),
        (json!({ "iss": format!("{GITHUB}/acme") }), uniform(Issuer)),
        (json!({ "iss": format!("{GITHUB}.evil.example") }), uniform(Issuer)),
        (json!({ "iss": [GITHUB] }), uniform(Issuer)),
        (json!({ "iss": null }), uniform(Issuer)),
        // The wrong time, told to the workload itself.
        (json!({ "exp": null }), explained(Times)),
        (json!({ "exp": "tomorrow" }), explained(Times)),
        (json!({ "exp": f64::from(2) + 0.5 }), explained(Times)),
        (json!({ "exp": now - 61 }), explained(Expired)),
        (json!({ "exp": -1 }), explained(Times)),
        (json!({ "nbf": now + 61 }), explained(NotYetValid)),
        (json!({ "iat": now + 61 }), explained(IssuedInFuture)),
        (json!({ "exp": now + 3600 + 61 }), explained(Lifetime)),
        (json!({ "exp": now + 315_360_000 }), explained(Lifetime)),
        (json!({ "exp": i64::MAX }), explained(Times)),
        // For somebody else.
        (json!({ "aud": null }), explained(Audience)),
        (json!({ "aud": "https://other.example" }), explained(Audience)),
        (json!({ "aud": format!("{ISSUER}/") }), explained(Audience)),
        (json!({ "aud": ISSUER.to_uppercase() }), explained(Audience)),
        (json!({ "aud": [] }), explained(Audience)),
        (json!({ "aud": [[ISSUER]] }), explained(Audience)),
        (json!({ "aud": { "0": ISSUER } }), explained(Audience)),
        // Another workload, however alike: renamed, registered anew, of another owner, in other forms.
        (json!({ "repository_id": "424243" }), uniform(Pins)),
        (json!({ "repository_id": "0424242" }), uniform(Pins)),
        (json!({ "repository_id": "424242 " }), uniform(Pins)),
        (json!({ "repository_id": "\u{FF14}24242" }), uniform(Pins)),
        (json!({ "repository_id": null }), uniform(Pins)),
        (json!({ "repository_id": ["424242"] }), uniform(Pins)),
        (json!({ "repository_id": { "id": "424242" } }), uniform(Pins)),
        (json!({ "repository_id": 424_242.0 }), uniform(Pins)),
        (json!({ "repository_id": true }), uniform(Pins)),
        (json!({ "repository_owner_id": "2021" }), uniform(Pins)),
        (json!({ "repository_owner_id": null }), uniform(Pins)),
        (json!({ "repository_id": "999", "repository": "acme/shop" }), uniform(Pins)),
        (json!({ "repository_id": "999", "exp": now - 61 }), uniform(Expired)),
        (json!({ "repository_id": "999", "aud": "https://other.example" }), uniform(Audience)),
        // The right workload at the wrong moment.
        (json!({ "ref": "refs/heads/main2" }), explained(Conditions)),
        (json!({ "ref": "refs/heads/Main" }), explained(Conditions)),
        (json!({ "ref": "refs/tags/main" }), explained(Conditions)),
        (json!({ "ref": "refs/heads/main/x" }), explained(Conditions)),
        (json!({ "ref": ["refs/heads/main"] }), explained(Conditions)),
        (json!({ "ref": null }), explained(Conditions)),
        (json!({ "ref": "refs/pull/7/merge" }), explained(Conditions)),
        (
            json!({ "workflow_ref": "acme/shop/.github/workflows/evil.yml@refs/heads/main" }),
            explained(Conditions),
        ),
        (
            json!({ "workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/evil" }),
            explained(Conditions),
        ),
        (json!({ "workflow_ref": null }), explained(Conditions)),
        (json!({ "event_name": "pull_request_target" }), explained(Conditions)),
        (json!({ "event_name": "workflow_run" }), explained(Conditions)),
        (json!({ "event_name": "issue_comment" }), explained(Conditions)),
        (json!({ "event_name": "pull_request" }), explained(Conditions)),
        (json!({ "event_name": null }), explained(Conditions)),
        (json!({ "event_name": ["push"] }), explained(Conditions)),
        // Without a name that can be used up.
        (json!({ "jti": null }), explained(TokenId)),
        (json!({ "jti": "" }), explained(TokenId)),
        (json!({ "jti": 7 }), explained(TokenId)),
        (json!({ "jti": ["a"] }), explained(TokenId)),
    ]
}

/// Tokens that are broken or signed wrongly.
fn forged(world: &World) -> Vec<(&'static str, String, Expected)> {
    use Reason::{Algorithm, Form, Signature, Size};
    let claims = world.github.claims(Preset::GitHubActions, ISSUER, time(0));
    let good = world.github.sign(&claims);
    let kid = world.github.kid();
    let parts: Vec<&str> = good.split('.').collect();
    let payload = claims.to_string();
    let signed = |header: Value, payload: &str| {
        world.github.signer().sign(header.to_string().as_bytes(), payload.as_bytes()).unwrap()
    };
    let with_header = |header: Value| signed(header, &payload);
    let unsigned = |header: Value, signature: &str| {
        format!("{}.{}.{signature}", base64url::encode(header.to_string().as_bytes()), parts[1])
    };
    let stranger = |algorithm| AssertionSigner::generate(algorithm).unwrap();
    let by_stranger = |algorithm, kid: &str| stranger(algorithm).sign_claims(kid, &claims).unwrap();
    let twice = payload.replacen('{', r#"{"repository_id":"424242","#, 1);
    let elsewhere = TestIssuer::new("https://evil.example", AssertionAlgorithm::Rs256);
    vec![
        ("empty", String::new(), uniform(Form)),
        ("no token", "secret".to_owned(), uniform(Form)),
        ("two parts", parts[..2].join("."), uniform(Form)),
        ("four parts", format!("{good}.x"), uniform(Form)),
        ("five parts, as if encrypted", format!("{good}.x.y"), uniform(Form)),
        ("padding", format!("{}=.{}.{}", parts[0], parts[1], parts[2]), uniform(Form)),
        ("standard base64", good.replace('-', "+").replace('_', "/") + "+", uniform(Form)),
        ("blanks", format!(" {good}"), uniform(Form)),
        ("too long", signed(json!({ "alg": "RS256", "kid": kid }), &" ".repeat(13_000)), uniform(Size)),
        ("none", unsigned(json!({ "alg": "none", "kid": kid }), ""), uniform(Algorithm)),
        ("None", unsigned(json!({ "alg": "None", "kid": kid }), ""), uniform(Algorithm)),
        ("HMAC", unsigned(json!({ "alg": "HS256", "kid": kid }), parts[2]), uniform(Algorithm)),
        ("RS512", with_header(json!({ "alg": "RS512", "kid": kid })), uniform(Algorithm)),
        ("lower case", with_header(json!({ "alg": "rs256", "kid": kid })), uniform(Algorithm)),
        ("no algorithm", with_header(json!({ "kid": kid })), uniform(Form)),
        ("algorithm of another kind", with_header(json!({ "alg": "ES256", "kid": kid })), uniform(Algorithm)),
        ("PSS for a key of PKCS 1", with_header(json!({ "alg": "PS256", "kid": kid })), uniform(Algorithm)),
        ("jwk", with_header(json!({ "alg": "RS256", "kid": kid, "jwk": {} })), uniform(Form)),
        (
            "jku",
            with_header(json!({ "alg": "RS256", "kid": kid, "jku": "https://evil.example" })),
            uniform(Form),
        ),
        (
            "x5u",
            with_header(json!({ "alg": "RS256", "kid": kid, "x5u": "https://evil.example" })),
            uniform(Form),
        ),
        ("x5c", with_header(json!({ "alg": "RS256", "kid": kid, "x5c": [] })), uniform(Form)),
        ("crit", with_header(json!({ "alg": "RS256", "kid": kid, "crit": ["exp"] })), uniform(Form)),
        ("zip", with_header(json!({ "alg": "RS256", "kid": kid, "zip": "DEF" })), uniform(Form)),
        ("kid that is no text", with_header(json!({ "alg": "RS256", "kid": 1 })), uniform(Form)),
        ("unknown kid", with_header(json!({ "alg": "RS256", "kid": "other" })), uniform(Signature)),
        (
            "signature of another token",
            format!("{}.{}.{}", parts[0], base64url::encode(b"{}"), parts[2]),
            uniform(Reason::Issuer),
        ),
        (
            "changed payload",
            format!(
                "{}.{}.{}",
                parts[0],
                base64url::encode(payload.replace("424242", "1").as_bytes()),
                parts[2]
            ),
            uniform(Signature),
        ),
        ("stranger's key, same kid", by_stranger(AssertionAlgorithm::Rs256, kid), uniform(Signature)),
        ("stranger's EC key, same kid", by_stranger(AssertionAlgorithm::Es256, kid), uniform(Algorithm)),
        ("stranger's Ed25519 key, same kid", by_stranger(AssertionAlgorithm::EdDsa, kid), uniform(Algorithm)),
        (
            "same kid at a foreign issuer",
            elsewhere.sign(&changed(&claims, &json!({ "iss": "https://evil.example" }))),
            uniform(Reason::Issuer),
        ),
        ("foreign issuer's key under our issuer's name", elsewhere.sign(&claims), uniform(Signature)),
        ("a claim twice", signed(json!({ "alg": "RS256", "kid": kid }), &twice), uniform(Reason::Issuer)),
        ("no JSON", signed(json!({ "alg": "RS256", "kid": kid }), "not json"), uniform(Reason::Issuer)),
        ("a list", signed(json!({ "alg": "RS256", "kid": kid }), "[]"), uniform(Reason::Issuer)),
        (
            "our own access token",
            "eyJhbGciOiJFUzI1NiIsImtpZCI6IngiLCJ0eXAiOiJhdCtqd3QifQ.e30.AAAA".to_owned(),
            uniform(Reason::Issuer),
        ),
    ]
}

async fn no_wrong_token_is_exchanged(fixture: Fixture) {
    let world = world(fixture).await;
    let key = world.key(on_github(Some(shop()))).await;
    let rows: Vec<Row> = changed_claims()
        .into_iter()
        .map(|(changes, expected)| Row {
            name: changes.to_string(),
            token: world.token(0, &changes),
            expected,
        })
        .chain(forged(&world).into_iter().map(|(name, token, expected)| Row {
            name: name.to_owned(),
            token,
            expected,
        }))
        .collect();
    assert!(rows.len() >= 80, "{}", rows.len());
    for Row { name, token, expected } in rows {
        let outcome = world.exchange(0, &key, &token).await;
        assert_eq!(verdict(outcome), expected, "{name}");
        if expected.is_none() {
            let again = world.exchange(0, &key, &token).await;
            assert_eq!(verdict(again), explained(Reason::Replay), "{name}, again");
        }
    }
    no_other_key_is_opened(&world).await;
}

/// A good token for a key that it is not for: nobody is told anything.
async fn no_other_key_is_opened(world: &World) {
    let service = &world.fixture.service;
    let pair = world.fixture.generate(0).await;
    let token = world.token(0, &json!({}));
    for client_id in [pair.id.as_str(), "key_01m86b0ev2etta2q778m598pdv", "duku-cli", "", "key_"] {
        let outcome = exchange(service, &at(0), client_id, &token).await;
        assert_eq!(verdict(outcome), uniform(Reason::Key), "{client_id}");
    }
    let proof = ClientProof::Assertion(PresentedAssertion {
        client_id: None,
        token: &token,
        is_client_assertion: true,
    });
    assert_eq!(verdict(exchange_by(service, &at(0), proof).await), uniform(Reason::Key));
    let revoked = world.key(on_github(Some(shop()))).await;
    service.keys().revoke(&at(1), &world.fixture.admin, revoked.id.as_str()).await.unwrap();
    assert_eq!(verdict(world.exchange(2, &revoked, &token).await), uniform(Reason::Key));
    // None of these used the token up.
    let key = world.key(on_github(Some(shop()))).await;
    assert_eq!(verdict(world.exchange(3, &key, &token).await), None);
    let other = world.key(on_github(Some(shop()))).await;
    assert_eq!(verdict(world.exchange(4, &other, &token).await), explained(Reason::Replay));
}

async fn no_other_spelling_is_more_lenient(fixture: Fixture) {
    let world = world(fixture).await;
    let key = world.key(on_github(Some(shop()))).await;
    let service = &world.fixture.service;
    for (changes, expected) in changed_claims() {
        let token = world.token(0, &changes);
        let proof = ClientProof::Assertion(PresentedAssertion {
            client_id: Some(key.id.as_str()),
            token: &token,
            is_client_assertion: false,
        });
        assert_eq!(verdict(exchange_by(service, &at(0), proof).await), expected, "{changes}");
    }
}
