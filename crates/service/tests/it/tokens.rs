//! Access tokens: which are accepted, when, and why the others are not.

use crate::house::{
    AUDIENCE, DAY, House, ISSUER, at, exchange, generate, on_both_engines, policy, reason, time,
};
use jose::{SigningKey, base64url};
use serde_json::{Value, json};
use service::{
    Holder, Policy, Service, exchange::ExchangeRefusal, person_tokens::OPERATOR_CLIENT, tokens::TokenRefusal,
};
use testkit::Engine;

on_both_engines!(
    a_token_says_what_the_contract_promises,
    a_token_is_accepted_on_every_node,
    a_token_of_a_person_opens_the_persons_organisation,
    forged_tokens_are_refused_with_a_reason,
    tokens_of_other_issuers_and_audiences_are_refused,
    a_token_is_refused_outside_its_times,
    claims_that_contradict_the_store_are_refused,
    a_scope_that_is_unknown_is_refused_and_counts_as_no_use,
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
async fn own_key(house: &House) -> SigningKey {
    let stored = house.service.store().reader().await.unwrap().signing_keys().await.unwrap().remove(0);
    let context = format!("signing key {}", stored.kid);
    let document = house.master_key.open(&context, &stored.sealed_private_key).unwrap();
    SigningKey::from_pkcs8(jose::Algorithm::parse(&stored.algorithm).unwrap(), &document).unwrap()
}

async fn a_token_says_what_the_contract_promises(house: House) {
    let pair = house.generate(0).await;
    let token = house.buy(10, &pair).await;
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
            "org_id": house.acme.id.as_str(), "org_name": "Acme", "token_epoch": 0
        })
    );
    let jwks: Value = serde_json::from_str(&house.service.jwks().await.unwrap()).unwrap();
    assert_eq!(jwks["keys"][0]["kid"], header["kid"]);
    let other = house.buy(10, &pair).await;
    assert_ne!(crate::tokens::claims(&other)["jti"], jti, "each token has its own id");
}

async fn a_token_is_accepted_on_every_node(house: House) {
    let other = house.another_node(0).await;
    let pair = generate(&other, &house.admin, 0).await.unwrap();
    let token = house.buy(0, &pair).await;
    // Twice on each: the second time the signature is remembered.
    for node in [&other, &other, &house.service, &house.service] {
        let principal = node.authenticate(&at(1), &token).await.unwrap();
        assert_eq!(principal.organisation_id, house.acme.id);
        let Holder::ApiKey { id, label } = principal.holder else { panic!("no key") };
        assert_eq!((id.as_str(), label.as_str()), (pair.id.as_str(), "CI"));
    }
}

async fn a_token_of_a_person_opens_the_persons_organisation(house: House) {
    let token = house.service.issue_person_token(&at(0), "root", crate::house::MAX, None).await.unwrap();
    let claims = claims(&token);
    assert_eq!((&claims["client_id"], &claims["azp"]), (&json!(OPERATOR_CLIENT), &json!(OPERATOR_CLIENT)));
    assert!(claims["sub"].as_str().unwrap().starts_with("usr_"));
    let max = house.service.authenticate(&at(299), &token).await.unwrap();
    assert_eq!((&max.organisation_id, max.actor().name.as_str()), (&house.acme.id, crate::house::MAX));
    assert!(!house.accepts(300, &token).await);
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

async fn forged_tokens_are_refused_with_a_reason(house: House) {
    let pair = house.generate(0).await;
    let token = house.buy(0, &pair).await;
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
        assert_eq!(reason(&house.service, 1, &forged).await, expected, "{forged}");
    }
    assert!(house.accepts(1, &token).await);
}

async fn node_with(house: &House, policy: Policy) -> Service {
    crate::house::open(&house.database, &house.master_key, policy, 0).await
}

async fn tokens_of_other_issuers_and_audiences_are_refused(house: House) {
    let pair = house.generate(0).await;
    let elsewhere =
        node_with(&house, Policy { issuer: "https://elsewhere.example/realms/duku".into(), ..policy() })
            .await;
    let otherwise =
        node_with(&house, Policy { audience: "https://another.example/graphql".into(), ..policy() }).await;
    for (node, expected) in
        [(&elsewhere, "the token is from another issuer"), (&otherwise, "the token is for another audience")]
    {
        // Signed with the same key.
        let token = exchange(node, 0, &pair).await.unwrap().access_token;
        assert!(crate::house::accepts(node, 1, &token).await);
        assert_eq!(reason(&house.service, 1, &token).await, expected);
    }
}

async fn a_token_is_refused_outside_its_times(house: House) {
    let pair = house.generate(0).await;
    let token = house.buy(1000, &pair).await;
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
        assert_eq!(house.accepts(seconds, &token).await, good, "{seconds}");
    }
    assert_eq!(
        reason(&house.service, 900, &token).await,
        "the token was issued in the future: check the servers' clocks"
    );
    let expected = format!("the token expired at {}: exchange the key for a new one", time(1300));
    assert_eq!(reason(&house.service, 1300, &token).await, expected);
}

async fn claims_that_contradict_the_store_are_refused(house: House) {
    let pair = house.generate(0).await;
    let own = own_key(&house).await;
    let good = claims(&house.buy(0, &pair).await);
    let token = |changes: Value| {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        own.sign(&claims).unwrap()
    };
    assert!(house.accepts(1, &token(json!({}))).await);
    let unknown = "key_00000000000000000000000000";
    for (changes, expected) in [
        (json!({ "sub": unknown }), "the API key of this token was revoked"),
        (
            json!({ "org_id": house.outsider.organisation_id.as_str() }),
            "the API key of this token was revoked",
        ),
        (json!({ "token_epoch": 1 }), "an Admin ended the tokens issued before the key's last rotation"),
        (json!({ "token_epoch": -1 }), "an Admin ended the tokens issued before the key's last rotation"),
        (json!({ "sub": "duku" }), "the token's subject is unknown here"),
        (json!({ "scope": "platform:everything" }), "the token's scope is unknown here"),
        (
            json!({ "sub": house.admin.actor().id, "org_id": house.outsider.organisation_id.as_str() }),
            "the person of this token is no member of the organisation any more",
        ),
    ] {
        assert_eq!(reason(&house.service, 1, &token(changes.clone())).await, expected, "{changes}");
    }
    for changes in [json!({ "exp": "soon" }), json!({ "iat": null }), json!({ "aud": [AUDIENCE] })] {
        let why = reason(&house.service, 1, &token(changes.clone())).await;
        assert!(why.starts_with("the token's claims are unusable: "), "{changes}: {why}");
    }
    // A key's own expiry ends its tokens, whatever they say.
    let long = token(json!({ "exp": time(90 * DAY).seconds() }));
    assert!(house.accepts(30 * DAY - 1, &long).await);
    let expected = format!("the API key of this token expired at {}", time(30 * DAY));
    assert_eq!(reason(&house.service, 30 * DAY, &long).await, expected);
}

async fn a_scope_that_is_unknown_is_refused_and_counts_as_no_use(house: House) {
    let pair = house.generate(0).await;
    let refusal = house.service.exchange(&at(0), pair.credential(), "openid everything").await;
    assert!(matches!(&refusal, Err(ExchangeRefusal::Scope(scope)) if scope.0 == "everything"), "{refusal:?}");
    let overview = house.service.get_key(&house.admin, &pair.id).await.unwrap();
    assert_eq!(overview.last_used_at, None);
    for (asked, granted) in [("", "openid"), ("platform:write platform:read", "platform:read platform:write")]
    {
        let bought = house.service.exchange(&at(0), pair.credential(), asked).await.unwrap();
        assert_eq!(bought.scopes.to_string(), granted);
        assert_eq!(claims(&bought.access_token)["scope"], granted);
    }
}

#[tokio::test]
async fn a_store_that_fails_lets_nobody_in() {
    let house = House::on(Engine::Sqlite).await;
    let pair = house.generate(0).await;
    let token = house.buy(0, &pair).await;
    assert!(house.accepts(1, &token).await);
    house.database.sql("ALTER TABLE api_keys RENAME TO away").await;
    let refusal = house.service.authenticate(&at(1), &token).await.unwrap_err();
    assert!(matches!(refusal, TokenRefusal::Failure(_)), "{refusal:?}");
    assert!(house.service.exchange(&at(1), pair.credential(), "").await.is_err());
}
