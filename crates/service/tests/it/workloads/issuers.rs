//! Issuers that change their keys, are down, slow, or lie.

use super::{GITHUB, Told, on_github, shop, verdict, world};
use crate::fixture::{Fixture, at};
use domain::workload::RejectionReason as Reason;
use futures::future::join_all;
use jose::assertion::AssertionAlgorithm;
use serde_json::json;
use std::time::Duration;
use testkit::{Engine, TestIssuer};

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_an_unknown_kid_at_most_twice_a_minute() {
    let mut world = world(Fixture::on(Engine::Sqlite).await).await;
    let key = world.key(on_github(Some(shop()))).await;
    let jwks = world.github.jwks_url();
    assert_eq!(world.internet.count(&jwks), 1, "fetched when it was saved");
    for second in 0..5 {
        assert!(world.accepts_fresh_token(second, &key).await);
    }
    assert_eq!(world.internet.count(&jwks), 1);
    // The issuer has a new key. Whoever comes first makes us look, but no more than once in half a minute.
    world.github.add_key(AssertionAlgorithm::Es256);
    world.internet.publish(&world.github);
    assert!(!world.accepts_fresh_token(29, &key).await);
    assert!(world.accepts_fresh_token(30, &key).await);
    let stranger = TestIssuer::new(GITHUB, AssertionAlgorithm::Rs256);
    let mut forged =
        stranger.claims(domain::workload::Preset::GitHubActions, crate::fixture::ISSUER, at(31).now);
    forged["jti"] = json!("forged");
    for second in 31..91 {
        let token = stranger.signer().sign_claims(&format!("unknown-{second}"), &forged).unwrap();
        let outcome = world.exchange(second, &key, &token).await;
        assert_eq!(verdict(outcome), Some((Reason::Signature, Told::Nothing)));
    }
    assert!(world.internet.count(&jwks) <= 4, "{}", world.internet.count(&jwks));
    // A key that the issuer withdrew is accepted until the keys are fetched again, and then no more.
    let old = world.token(100, &json!({}));
    world.github.add_key(AssertionAlgorithm::Rs256);
    world.github.withdraw_old_keys();
    world.internet.publish(&world.github);
    let outcome = world.exchange(100 + 700, &key, &old).await;
    assert_eq!(verdict(outcome), Some((Reason::Signature, Told::Nothing)));
}

#[tokio::test]
async fn the_last_good_keys_outlive_an_outage_for_a_day() {
    let world = world(Fixture::on(Engine::Sqlite).await).await;
    let key = world.key(on_github(Some(shop()))).await;
    world.internet.fail(&world.github.jwks_url(), "answered 503");
    for second in [1, 700, 7000, 80_000] {
        assert!(world.accepts_fresh_token(second, &key).await, "{second}");
    }
    let late = 86_400 + 700;
    let outcome = world.exchange(late, &key, &world.token(late, &json!({}))).await;
    assert_eq!(verdict(outcome), Some((Reason::Signature, Told::ToTryAgain)));
    world.internet.publish(&world.github);
    assert!(world.accepts_fresh_token(late + 31, &key).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_share_one_fetch_and_what_ended_meanwhile_is_refused() {
    let world = world(Fixture::on(Engine::Sqlite).await).await;
    let key = world.key(on_github(Some(shop()))).await;
    let node = world.fixture.another_node(0).await;
    node.tokens().use_issuer_fetcher(world.internet.clone());
    world.internet.slow_down(Duration::from_millis(300));
    let before = world.internet.count(&world.github.jwks_url());
    let ctx = at(1);
    let tokens: Vec<_> = (0..8).map(|_| world.token(1, &json!({}))).collect();
    let tries = tokens.iter().map(|token| super::exchange(&node, &ctx, key.id.as_str(), token));
    let all = join_all(tries).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(world.internet.count(&world.github.jwks_url()), before + 1);
    // A third node has to fetch first. The key is revoked while it does.
    let node = world.fixture.another_node(0).await;
    node.tokens().use_issuer_fetcher(world.internet.clone());
    let token = world.token(2, &json!({}));
    let ctx = at(2);
    let exchanging = super::exchange(&node, &ctx, key.id.as_str(), &token);
    let revoking = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.fixture.service.keys().revoke(&at(2), &world.fixture.admin, key.id.as_str()).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(exchanging, revoking);
    assert_eq!(verdict(outcome), Some((Reason::Key, Told::Nothing)));
}

#[tokio::test]
async fn an_issuer_that_lies_is_not_believed() {
    let world = world(Fixture::on(Engine::Sqlite).await).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let (discovery, jwks) = (world.github.discovery_url(), world.github.jwks_url());
    let good = world.github.discovery();
    let many: Vec<_> =
        (0..10_000).map(|number| world.github.signer().public_jwk(&number.to_string())).collect();
    for (url, document) in [
        (&discovery, json!({ "issuer": "https://evil.example", "jwks_uri": jwks })),
        (&discovery, json!({ "issuer": format!("{GITHUB}/"), "jwks_uri": jwks })),
        (&discovery, json!({ "jwks_uri": jwks })),
        (&discovery, json!({ "issuer": GITHUB })),
        (&discovery, json!({ "issuer": GITHUB, "jwks_uri": 7 })),
        (&discovery, json!([])),
        (&jwks, json!({})),
        (&jwks, json!({ "keys": [] })),
        (&jwks, json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256" }] })),
        (&jwks, json!({ "keys": many })),
    ] {
        world.internet.put(&discovery, &good);
        world.internet.put(&jwks, &world.github.jwks());
        world.internet.put(url, &document);
        let made = keys.generate_without_secret(&at(0), admin, super::new_key(on_github(Some(shop())))).await;
        let shown: String = document.to_string().chars().take(90).collect();
        match crate::fixture::rejection_in(made) {
            service::Rejection::Invalid(invalid) => assert_eq!(invalid.field, "issuer", "{shown}"),
            other => panic!("{shown}: {other:?}"),
        }
    }
}
