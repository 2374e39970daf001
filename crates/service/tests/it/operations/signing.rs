//! The signing keys' life: published, signing, retired, withdrawn, on every node.

use crate::fixture::{
    DAY, Fixture, HOUR, Pair, accepts, at, exchange, on_both_engines, policy, reason, rejection_in, time,
};
use jose::Algorithm;
use serde_json::Value;
use service::{Policy, Rejection, Service, tokens::signing_keys::operator};

on_both_engines!(
    a_fresh_installation_signs_at_once,
    the_next_key_is_published_before_it_signs,
    a_retired_key_verifies_until_its_last_token_has_expired,
    another_algorithm_takes_over_after_the_lead_time,
    an_operators_process_takes_the_keys_as_they_are,
    nodes_set_to_different_algorithms_do_not_make_key_after_key,
    a_key_made_at_once_signs_at_once_and_the_old_tokens_live_on,
    a_withdrawn_key_ends_its_tokens_at_once_on_every_node,
    a_withdrawn_key_signs_nothing_more_on_any_node,
    the_key_that_signs_cannot_be_withdrawn,
    nodes_that_do_the_same_work_at_once_make_one_key,
);

/// When a key of 30 days is due to have its successor made.
const DUE: i64 = 30 * DAY - HOUR;

/// The names of the published keys.
async fn published(node: &Service) -> Vec<String> {
    let jwks: Value = serde_json::from_str(&node.tokens().jwks().await.unwrap()).unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    for key in keys {
        assert!(key.get("d").is_none() && key["use"] == "sig", "{key}");
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn token(node: &Service, seconds: i64, pair: &Pair) -> (String, String) {
    let token = exchange(node, seconds, pair).await.unwrap().access_token;
    (crate::tokens::part(&token, 0)["kid"].as_str().unwrap().to_owned(), token)
}

async fn long_lived(fixture: &Fixture) -> Pair {
    let input = service::keys::GenerateKey { label: "CI".into(), expires_in_days: Some(365) };
    fixture.service.keys().generate(&at(0), &fixture.admin, &input).await.unwrap().into()
}

async fn a_fresh_installation_signs_at_once(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let (kid, issued) = token(&fixture.service, 0, &pair).await;
    assert_eq!(published(&fixture.service).await, std::slice::from_ref(&kid));
    assert!(fixture.accepts(0, &issued).await);
    let listed = fixture.service.tokens().list_signing_keys(&at(0)).await.unwrap();
    let [key] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((key.kid.as_str(), key.algorithm.as_str(), key.signs_now), (kid.as_str(), "ES256", true));
    assert_eq!((key.created_at, key.signs_from), (time(0), time(0)));
    let der = fixture.service.tokens().current_public_key(&at(0)).await.unwrap();
    assert!(der.starts_with(&[0x30]), "a SubjectPublicKeyInfo");
}

async fn the_next_key_is_published_before_it_signs(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let pair = long_lived(&fixture).await;
    let (first, _) = token(&fixture.service, 0, &pair).await;
    fixture.service.operations().every_minute(&at(DUE - 1)).await.unwrap();
    assert_eq!(published(&fixture.service).await.len(), 1);
    fixture.service.operations().every_minute(&at(DUE)).await.unwrap();
    let both = published(&fixture.service).await;
    assert_eq!((both.len(), &both[0]), (2, &first));
    assert_eq!(published(&other).await, both);
    fixture.service.operations().every_minute(&at(DUE + 60)).await.unwrap();
    assert_eq!(published(&fixture.service).await, both);
    // The other node knows it before anyone signs with it, and they change over at the same second.
    other.operations().every_minute(&at(DUE + 60)).await.unwrap();
    for node in [&fixture.service, &other] {
        assert_eq!(token(node, 30 * DAY - 1, &pair).await.0, first);
        assert_eq!(token(node, 30 * DAY, &pair).await.0, both[1]);
    }
    let listed = fixture.service.tokens().list_signing_keys(&at(30 * DAY)).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.signs_now).collect::<Vec<_>>(), [false, true]);
}

async fn a_retired_key_verifies_until_its_last_token_has_expired(fixture: Fixture) {
    let pair = long_lived(&fixture).await;
    fixture.service.operations().every_minute(&at(DUE)).await.unwrap();
    let (first, last_token) = token(&fixture.service, 30 * DAY - 1, &pair).await;
    let change = 30 * DAY;
    for (later, keys) in [(0, 2), (299, 2), (300, 2), (900, 2), (901, 1)] {
        fixture.service.operations().every_minute(&at(change + later)).await.unwrap();
        let published = published(&fixture.service).await;
        assert_eq!(published.len(), keys, "{later}");
        assert_eq!(published.contains(&first), keys == 2);
        assert_eq!(fixture.accepts(change + later, &last_token).await, later < 299, "{later}");
    }
    // The next change comes 30 days after this one, and so on.
    for month in 2..=4 {
        fixture.service.operations().every_minute(&at(month * 30 * DAY - HOUR - 1)).await.unwrap();
        assert_eq!(published(&fixture.service).await.len(), 1);
        fixture.service.operations().every_minute(&at(month * 30 * DAY - HOUR)).await.unwrap();
        assert_eq!(published(&fixture.service).await.len(), 2);
        fixture.service.operations().every_minute(&at(month * 30 * DAY + HOUR)).await.unwrap();
    }
}

async fn node_with(fixture: &Fixture, algorithm: Algorithm, seconds: i64) -> Service {
    let policy = Policy { algorithm, ..policy() };
    crate::fixture::open(&fixture.database, &fixture.master_key, policy, seconds).await
}

async fn another_algorithm_takes_over_after_the_lead_time(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let mut start = 0;
    for (algorithm, name) in
        [(Algorithm::EdDsa, "EdDSA"), (Algorithm::Rs256, "RS256"), (Algorithm::Es256, "ES256")]
    {
        start += DAY;
        let before = published(&fixture.service).await;
        let node = node_with(&fixture, algorithm, start).await;
        node.tokens().keep_signing_keys(&at(start)).await.unwrap();
        assert_eq!(published(&node).await.len(), before.len() + 1);
        let (old, _) = token(&node, start + HOUR - 1, &pair).await;
        assert_eq!(Some(&old), before.last());
        let (new, issued) = token(&node, start + HOUR, &pair).await;
        assert_ne!(new, old);
        assert_eq!(crate::tokens::part(&issued, 0)["alg"], name);
        // Nodes of any setting verify it.
        assert!(accepts(&fixture.service, start + HOUR, &issued).await);
        node.operations().every_minute(&at(start + 3 * HOUR)).await.unwrap();
        assert_eq!(published(&node).await, [new]);
    }
}

async fn an_operators_process_takes_the_keys_as_they_are(fixture: Fixture) {
    // It may not have been given the server's settings.
    let operators = node_with(&fixture, Algorithm::EdDsa, 60 * DAY).await;
    assert_eq!(published(&operators).await.len(), 1);
    let made = operators.tokens().rotate_signing_key(&at(60 * DAY), operator("root"), true).await.unwrap();
    assert_eq!(made.algorithm, "ES256");
    assert_eq!(published(&fixture.service).await.len(), 2);
}

async fn nodes_set_to_different_algorithms_do_not_make_key_after_key(fixture: Fixture) {
    let other = node_with(&fixture, Algorithm::EdDsa, 0).await;
    for minute in 0..240 {
        fixture.service.operations().every_minute(&at(minute * 60)).await.unwrap();
        other.operations().every_minute(&at(minute * 60)).await.unwrap();
    }
    let made = fixture.service.audit_log().export("system", 0).await.unwrap().len();
    assert!(made <= 6, "{made} keys in four hours");
    let left = published(&fixture.service).await.len();
    assert!(left <= 3, "{left} published keys");
}

async fn a_key_made_at_once_signs_at_once_and_the_old_tokens_live_on(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let pair = fixture.generate(0).await;
    let (old, before) = token(&fixture.service, 10, &pair).await;
    let made = fixture.service.tokens().rotate_signing_key(&at(10), operator("root"), true).await.unwrap();
    assert!(made.signs_now && made.signs_from == time(10));
    let (new, after) = token(&fixture.service, 10, &pair).await;
    assert_eq!(new, made.kid);
    assert_eq!(published(&other).await, [old, new]);
    for node in [&fixture.service, &other] {
        assert!(accepts(node, 11, &before).await && accepts(node, 11, &after).await);
    }
    // Without haste it waits for the lead time.
    let later = fixture.service.tokens().rotate_signing_key(&at(20), operator("root"), false).await.unwrap();
    assert!(!later.signs_now && later.signs_from == time(20 + HOUR));
    assert_eq!(token(&fixture.service, 20 + HOUR - 1, &pair).await.0, made.kid);
    assert_eq!(token(&fixture.service, 20 + HOUR, &pair).await.0, later.kid);
}

async fn a_withdrawn_key_ends_its_tokens_at_once_on_every_node(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let pair = fixture.generate(0).await;
    let (old, issued) = token(&fixture.service, 10, &pair).await;
    let user =
        fixture.service.tokens().issue_for_user(&at(10), "root", crate::fixture::MAX, None).await.unwrap();
    assert!(accepts(&other, 10, &issued).await && accepts(&other, 10, &user).await);
    fixture.service.tokens().rotate_signing_key(&at(10), operator("root"), true).await.unwrap();
    fixture.service.tokens().withdraw_signing_key(&at(10), operator("root"), &old).await.unwrap();
    // The other node remembers the signatures, and rejects all the same.
    let expected = "the token was signed by a key that was withdrawn: exchange the key for a new token";
    for bad in [&issued, &user] {
        assert_eq!(reason(&other, 10, bad).await, expected);
        assert!(!fixture.accepts(10, bad).await);
    }
    assert!(!published(&other).await.contains(&old));
    let again =
        rejection_in(fixture.service.tokens().withdraw_signing_key(&at(11), operator("root"), &old).await);
    assert_eq!(again, Rejection::NotFound { kind: "signing key", id: old });
}

async fn a_withdrawn_key_signs_nothing_more_on_any_node(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let pair = fixture.generate(0).await;
    let (old, _) = token(&other, 10, &pair).await;
    let made = fixture.service.tokens().rotate_signing_key(&at(10), operator("root"), true).await.unwrap();
    fixture.service.tokens().withdraw_signing_key(&at(10), operator("root"), &old).await.unwrap();
    // The very next exchange of a node that has heard nothing of it yet.
    let (kid, issued) = token(&other, 10, &pair).await;
    assert_eq!(kid, made.kid);
    assert!(accepts(&other, 10, &issued).await && fixture.accepts(10, &issued).await);
}

async fn the_key_that_signs_cannot_be_withdrawn(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let (kid, issued) = token(&fixture.service, 10, &pair).await;
    // Nor when the clock stands before its time: it signs all the same, for want of another.
    for seconds in [10, -10 * HOUR] {
        let rejection = rejection_in(
            fixture.service.tokens().withdraw_signing_key(&at(seconds), operator("root"), &kid).await,
        );
        let expected = "this key signs now: run `duku admin signing-key rotate --immediately` first";
        assert_eq!(rejection, Rejection::Conflict(expected.into()));
        assert!(fixture.service.tokens().list_signing_keys(&at(seconds)).await.unwrap()[0].signs_now);
    }
    assert!(fixture.accepts(10, &issued).await);
}

async fn nodes_that_do_the_same_work_at_once_make_one_key(fixture: Fixture) {
    let mut nodes = vec![fixture.service.clone()];
    for _ in 0..3 {
        nodes.push(fixture.another_node(0).await);
    }
    let work = nodes
        .iter()
        .cloned()
        .map(|node| tokio::spawn(async move { node.operations().every_minute(&at(DUE)).await }));
    for done in futures::future::join_all(work).await {
        done.unwrap().unwrap();
    }
    assert_eq!(published(&fixture.service).await.len(), 2);
}
