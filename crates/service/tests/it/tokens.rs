//! Access tokens: which are accepted, when, and why the others are not.

use crate::fixture::{
    AUDIENCE, DAY, Fixture, ISSUER, at, exchange, generate, on_both_engines, policy, reason, time,
};
use jose::{SigningKey, base64url};
use serde_json::{Value, json};
use service::{
    Policy, PrincipalKind, Service,
    tokens::{TokenRejection, issuance::IssuanceRejection, user_tokens::OPERATOR_CLIENT},
};
use testkit::Engine;

on_both_engines!(
    a_token_says_what_the_contract_promises,
    a_token_is_accepted_on_every_node,
    a_token_of_a_person_opens_the_persons_organisation,
    forged_tokens_are_rejected_with_a_reason,
    tokens_of_other_issuers_and_audiences_are_rejected,
    a_token_is_rejected_outside_its_times,
    claims_that_contradict_the_store_are_rejected,
    a_scope_that_is_unknown_is_rejected_and_counts_as_no_use,
);

/// A token's claims, unverified.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// A token's header or claims, unverified.
pub(crate) fn part(token: &str, number: usize) -> Value {
    let text = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&base64url::decode(text).unwrap()).unwrap()
}

/// The key that the installation signs with: nobody but a test that has the master key can get at it.
async fn own_key(fixture: &Fixture) -> SigningKey {
    let stored = fixture.service.store().reader().await.unwrap().signing_keys().await.unwrap().remove(0);
    let context = format!("signing key {}", stored.kid);
    let document = fixture.master_key.open(&context, &stored.sealed_private_key).unwrap();
    SigningKey::from_pkcs8(jose::Algorithm::parse(&stored.algorithm).unwrap(), &document).unwrap()
}

async fn a_token_says_what_the_contract_promises(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(10, &pair).await;
    let header = part(&token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("at+jwt")));
    let claims = claims(&token);
    let jti = claims["jti"].as_str().unwrap();
    assert!(jti.starts_with("tok_"), "{jti}");
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": pair.id, "client_id": pair.id, "azp": pair.id, "aud": AUDIENCE,
            "iat": time(10).seconds(), "exp": time(310).seconds(), "jti": jti, "scope": "openid",
            "org_id": fixture.acme.id.as_str(), "org_name": "Acme", "token_epoch": 0
        })
    );
    let jwks: Value = serde_json::from_str(&fixture.service.tokens().jwks().await.unwrap()).unwrap();
    assert_eq!(jwks["keys"][0]["kid"], header["kid"]);
    let other = fixture.issue_token(10, &pair).await;
    assert_ne!(crate::tokens::claims(&other)["jti"], jti, "each token has its own id");
}

async fn a_token_is_accepted_on_every_node(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let pair = generate(&other, &fixture.admin, 0).await.unwrap();
    let token = fixture.issue_token(0, &pair).await;
    // Twice on each: the second time the signature is remembered.
    for node in [&other, &other, &fixture.service, &fixture.service] {
        let principal = node.tokens().authenticate(&at(1), &token).await.unwrap();
        assert_eq!(principal.organisation_id, fixture.acme.id);
        let PrincipalKind::ApiKey { id, label } = principal.holder else { panic!("no key") };
        assert_eq!((id.as_str(), label.as_str()), (pair.id.as_str(), "CI"));
    }
}

async fn a_token_of_a_person_opens_the_persons_organisation(fixture: Fixture) {
    let token =
        fixture.service.tokens().issue_for_user(&at(0), "root", crate::fixture::MAX, None).await.unwrap();
    let claims = claims(&token);
    assert_eq!((&claims["client_id"], &claims["azp"]), (&json!(OPERATOR_CLIENT), &json!(OPERATOR_CLIENT)));
    assert!(claims["sub"].as_str().unwrap().starts_with("usr_"));
    let max = fixture.service.tokens().authenticate(&at(299), &token).await.unwrap();
    assert_eq!((&max.organisation_id, max.actor().name.as_str()), (&fixture.acme.id, crate::fixture::MAX));
    assert!(!fixture.accepts(300, &token).await);
}

/// The token with another header, payload or signature.
fn with(token: &str, number: usize, part: &str) -> String {
    let mut parts: Vec<_> = token.split('.').collect();
    parts[number] = part;
    parts.join(".")
}

fn encoded(json: &Value) -> String {
    base64url::encode(json.to_string().as_bytes())
}

async fn forged_tokens_are_rejected_with_a_reason(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(0, &pair).await;
    let (header, good) = (part(&token, 0), claims(&token));
    let (foreign, _) = SigningKey::generate(jose::Algorithm::Es256).unwrap();
    let foreign = foreign.sign(&good).unwrap();
    let head = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        with(&token, 0, &encoded(&header))
    };
    let mut richer = good.clone();
    richer["scope"] = json!("openid platform:write");
    let wrong_key = "the token was signed by a key that is not ours, or no longer";
    let algorithm = "the token is signed with an algorithm that is not accepted";
    for (forged, expected) in [
        (String::new(), "the token is malformed"),
        ("x".repeat(100_000), "the token is malformed"),
        ("a.b.c".into(), "the token is malformed"),
        (pair.secret.clone(), "the token is malformed"),
        (format!("{token}."), "the token is malformed"),
        (format!(" {token}"), "the token is malformed"),
        (with(&head("alg", json!("none")), 2, ""), algorithm),
        (head("alg", json!("none")), algorithm),
        (head("alg", json!("HS256")), algorithm),
        (head("alg", json!("RS256")), algorithm),
        (head("typ", json!("JWT")), "the token is not an access token: its typ must be at+jwt"),
        (head("kid", json!("another")), wrong_key),
        (head("jwk", json!({ "kty": "EC" })), "the token is malformed"),
        (foreign.clone(), wrong_key),
        (with(&foreign, 0, token.split('.').next().unwrap()), "the token's signature is wrong"),
        (with(&token, 1, &encoded(&richer)), "the token's signature is wrong"),
        (with(&token, 2, ""), "the token's signature is wrong"),
    ] {
        assert_eq!(reason(&fixture.service, 1, &forged).await, expected, "{forged}");
    }
    assert!(fixture.accepts(1, &token).await);
}

async fn node_with(fixture: &Fixture, policy: Policy) -> Service {
    crate::fixture::open(&fixture.database, &fixture.master_key, policy, 0).await
}

async fn tokens_of_other_issuers_and_audiences_are_rejected(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let elsewhere =
        node_with(&fixture, Policy { issuer: "https://elsewhere.example/realms/duku".into(), ..policy() })
            .await;
    let otherwise =
        node_with(&fixture, Policy { audience: "https://another.example/graphql".into(), ..policy() }).await;
    for (node, expected) in
        [(&elsewhere, "the token is from another issuer"), (&otherwise, "the token is for another audience")]
    {
        // Signed with the same key.
        let token = exchange(node, 0, &pair).await.unwrap().access_token;
        assert!(crate::fixture::accepts(node, 1, &token).await);
        assert_eq!(reason(&fixture.service, 1, &token).await, expected);
    }
}

async fn a_token_is_rejected_outside_its_times(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(1000, &pair).await;
    // Clocks of nodes may differ by five seconds.
    for (seconds, good) in [
        (1000, true),
        (995, true),
        (994, false),
        (1299, true),
        (1300, false),
        (5 * DAY, false),
        (-5 * DAY, false),
    ] {
        assert_eq!(fixture.accepts(seconds, &token).await, good, "{seconds}");
    }
    assert_eq!(
        reason(&fixture.service, 900, &token).await,
        "the token was issued in the future: check the servers' clocks"
    );
    let expected = format!("the token expired at {}: exchange the key for a new one", time(1300));
    assert_eq!(reason(&fixture.service, 1300, &token).await, expected);
}

async fn claims_that_contradict_the_store_are_rejected(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let own = own_key(&fixture).await;
    let good = claims(&fixture.issue_token(0, &pair).await);
    let token = |changes: Value| {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        own.sign(&claims).unwrap()
    };
    assert!(fixture.accepts(1, &token(json!({}))).await);
    let unknown = "key_00000000000000000000000000";
    for (changes, expected) in [
        (json!({ "sub": unknown }), "the API key of this token was revoked"),
        (
            json!({ "org_id": fixture.outsider.organisation_id.as_str() }),
            "the API key of this token was revoked",
        ),
        (json!({ "token_epoch": 1 }), "an Admin ended the tokens issued before the key's last rotation"),
        (json!({ "token_epoch": -1 }), "an Admin ended the tokens issued before the key's last rotation"),
        (json!({ "sub": "duku" }), "the token's subject is unknown here"),
        (json!({ "scope": "platform:everything" }), "the token's scope is unknown here"),
        (
            json!({ "sub": fixture.admin.actor().id, "org_id": fixture.outsider.organisation_id.as_str() }),
            "the person of this token is no member of the organisation any more",
        ),
    ] {
        assert_eq!(reason(&fixture.service, 1, &token(changes.clone())).await, expected, "{changes}");
    }
    for changes in [json!({ "exp": "soon" }), json!({ "iat": null }), json!({ "aud": [AUDIENCE] })] {
        let why = reason(&fixture.service, 1, &token(changes.clone())).await;
        assert!(why.starts_with("the token's claims are unusable: "), "{changes}: {why}");
    }
    // A key's own expiry ends its tokens, whatever they say.
    let long = token(json!({ "exp": time(90 * DAY).seconds() }));
    assert!(fixture.accepts(30 * DAY - 1, &long).await);
    let expected = format!("the API key of this token expired at {}", time(30 * DAY));
    assert_eq!(reason(&fixture.service, 30 * DAY, &long).await, expected);
}

async fn a_scope_that_is_unknown_is_rejected_and_counts_as_no_use(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let rejection =
        fixture.service.tokens().issue_for_client(&at(0), pair.credential(), "openid everything").await;
    assert!(
        matches!(&rejection, Err(IssuanceRejection::Scope(scope)) if scope.0 == "everything"),
        "{rejection:?}"
    );
    let overview = fixture.service.keys().get(&fixture.admin, &pair.id).await.unwrap();
    assert_eq!(overview.last_used_at, None);
    for (asked, granted) in [("", "openid"), ("platform:write platform:read", "platform:read platform:write")]
    {
        let issued =
            fixture.service.tokens().issue_for_client(&at(0), pair.credential(), asked).await.unwrap();
        assert_eq!(issued.scopes.to_string(), granted);
        assert_eq!(claims(&issued.access_token)["scope"], granted);
    }
}

#[tokio::test]
async fn a_store_that_fails_authenticates_nobody() {
    let fixture = Fixture::on(Engine::Sqlite).await;
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(0, &pair).await;
    assert!(fixture.accepts(1, &token).await);
    fixture.database.sql("ALTER TABLE api_keys RENAME TO away").await;
    let rejection = fixture.service.tokens().authenticate(&at(1), &token).await.unwrap_err();
    assert!(matches!(rejection, TokenRejection::Error(_)), "{rejection:?}");
    assert!(fixture.service.tokens().issue_for_client(&at(1), pair.credential(), "").await.is_err());
}
