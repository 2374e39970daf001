//! `private_key_jwt`: clients that sign their assertions themselves (RFC 7523 §2.2).

use super::{Told, exchange_by, new_key, verdict, world};
use crate::fixture::{Fixture, ISSUER, at, on_both_engines, rejection_in, time};
use domain::workload::RejectionReason as Reason;
use jose::assertion::{AssertionAlgorithm, AssertionSigner};
use serde_json::{Value, json};
use service::{
    Rejection,
    keys::identities::{NewIdentity, NewPublicKeys},
    tokens::{assertion::PresentedAssertion, client_authentication::ClientProof, introspection::TokenFacts},
};

on_both_engines!(a_clients_own_assertion_is_checked_to_the_letter, keys_are_replaced_one_by_one);

fn pasted(text: impl Into<String>) -> NewIdentity {
    NewIdentity::PublicKeys(NewPublicKeys::Pasted(text.into()))
}

fn claims(client: &str, seconds: i64) -> Value {
    let now = time(seconds).seconds();
    json!({ "iss": client, "sub": client, "aud": ISSUER, "jti": format!("{client}-{seconds}"), "iat": now, "exp": now + 60 })
}

fn proof<'a>(client_id: Option<&'a str>, token: &'a str) -> ClientProof<'a> {
    ClientProof::Assertion(PresentedAssertion { client_id, token, is_client_assertion: true })
}

async fn a_clients_own_assertion_is_checked_to_the_letter(fixture: Fixture) {
    let world = world(fixture).await;
    let signer = AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap();
    let key = world.key(pasted(signer.public_jwk("a").to_string())).await;
    let (service, id) = (&world.fixture.service, key.id.as_str());
    let now = time(0).seconds();
    let explained = |reason| Some((reason, Told::Why));
    let uniform = |reason| Some((reason, Told::Nothing));
    for (number, (changes, expected)) in [
        (json!({}), None),
        (json!({ "aud": [ISSUER] }), None),
        (json!({ "exp": now + 300 }), None),
        (json!({ "exp": now + 361 }), explained(Reason::Lifetime)),
        (json!({ "exp": now - 61 }), explained(Reason::Expired)),
        (json!({ "exp": null }), explained(Reason::Times)),
        (json!({ "iat": now + 61 }), explained(Reason::IssuedInFuture)),
        (json!({ "aud": [ISSUER, "https://other.example"] }), explained(Reason::Audience)),
        (json!({ "aud": format!("{ISSUER}/protocol/openid-connect/token") }), explained(Reason::Audience)),
        (json!({ "aud": null }), explained(Reason::Audience)),
        (json!({ "jti": null }), explained(Reason::TokenId)),
        (json!({ "sub": "key_01m86b0ev2etta2q778m598pdv" }), uniform(Reason::Pins)),
        (json!({ "iss": "key_01m86b0ev2etta2q778m598pdv" }), uniform(Reason::Issuer)),
        (json!({ "iss": null }), uniform(Reason::Issuer)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut fresh = claims(id, 0);
        fresh["jti"] = json!(format!("row-{number}"));
        let token = signer.sign_claims("a", &testkit::changed(&fresh, &changes)).unwrap();
        let outcome = exchange_by(service, &at(0), proof(Some(id), &token)).await;
        assert_eq!(verdict(outcome), expected, "{changes}");
        if expected.is_none() {
            let again = exchange_by(service, &at(1), proof(Some(id), &token)).await;
            assert_eq!(verdict(again), explained(Reason::Replay), "{changes}");
        }
    }
    for (typ, expected) in [
        ("client-authentication+jwt", None),
        ("application/client-authentication+jwt", None),
        ("at+jwt", explained(Reason::Form)),
    ] {
        let header = json!({ "alg": "ES256", "kid": "a", "typ": typ }).to_string();
        let mut fresh = claims(id, 0);
        fresh["jti"] = json!(typ);
        let token = signer.sign(header.as_bytes(), fresh.to_string().as_bytes()).unwrap();
        assert_eq!(verdict(exchange_by(service, &at(0), proof(Some(id), &token)).await), expected, "{typ}");
    }
    // The assertion names its client, and it counts as nothing but a client assertion.
    let token = signer.sign_claims("a", &claims(id, 5)).unwrap();
    let as_grant = ClientProof::Assertion(PresentedAssertion {
        client_id: Some(id),
        token: &token,
        is_client_assertion: false,
    });
    assert_eq!(verdict(exchange_by(service, &at(5), as_grant).await), uniform(Reason::Key));
    assert_eq!(verdict(exchange_by(service, &at(5), proof(None, &token)).await), None);
    let stranger = AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap();
    let forged = stranger.sign_claims("a", &claims(id, 6)).unwrap();
    assert_eq!(
        verdict(exchange_by(service, &at(6), proof(Some(id), &forged)).await),
        uniform(Reason::Signature)
    );
}

async fn keys_are_replaced_one_by_one(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let [old, new] = [AssertionAlgorithm::Es384, AssertionAlgorithm::EdDsa]
        .map(|algorithm| AssertionSigner::generate(algorithm).unwrap());
    let key = world.key(pasted(old.public_jwk("old").to_string())).await;
    let id = key.id.as_str();
    let service = &world.fixture.service;
    let by = |signer: &AssertionSigner, kid: &str, second: i64| {
        signer.sign_claims(kid, &claims(id, second)).unwrap()
    };
    let both = json!({ "keys": [old.public_jwk("old"), new.public_jwk("new")] }).to_string();
    keys.change_identity(&at(1), admin, id, pasted(both), false).await.unwrap();
    let issued = exchange_by(service, &at(2), proof(Some(id), &by(&old, "old", 2))).await.unwrap();
    assert_eq!(verdict(exchange_by(service, &at(3), proof(Some(id), &by(&new, "new", 3))).await), None);
    // An assertion authenticates at introspection and at revocation, too, and is used up there.
    let asking = by(&new, "new", 4);
    let facts: TokenFacts = service
        .tokens()
        .introspect(&at(4), proof(Some(id), &asking), &issued.access_token)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(facts.client_id, id);
    assert!(
        service.tokens().introspect(&at(5), proof(Some(id), &asking), &issued.access_token).await.is_err()
    );
    service
        .tokens()
        .revoke(&at(6), proof(Some(id), &by(&new, "new", 6)), &issued.access_token)
        .await
        .unwrap();
    assert!(!world.fixture.accepts(7, &issued.access_token).await);
    keys.change_identity(&at(8), admin, id, pasted(new.public_pem()), true).await.unwrap();
    let outcome = exchange_by(service, &at(9), proof(Some(id), &by(&old, "old", 9))).await;
    assert_eq!(verdict(outcome), Some((Reason::Signature, Told::Nothing)));
    for (text, advice) in [
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", "private"),
        (r#"{"kty":"oct","k":"c2VjcmV0"}"#, "private"),
        ("", "key"),
    ] {
        let made = keys.generate_without_secret(&at(10), admin, new_key(pasted(text))).await;
        match rejection_in(made) {
            Rejection::Invalid(invalid) => {
                assert_eq!(invalid.field, "publicKeys");
                assert!(invalid.message.contains(advice), "{invalid}");
            }
            other => panic!("{other:?}"),
        }
    }
}
