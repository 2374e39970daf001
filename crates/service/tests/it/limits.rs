//! Failures are limited; a right secret is never rejected because someone else guesses.

use crate::fixture::{Fixture, NO_GRACE, Pair, Reply, exchange_with, from, policy, time};
use service::{Policy, tokens::TokenRejection};
use testkit::Engine;

async fn fixture(failures_per_client: u32, failures_per_address: u32) -> Fixture {
    Fixture::with(Engine::Sqlite, Policy { failures_per_client, failures_per_address, ..policy() }).await
}

fn wrong(pair: &Pair) -> Pair {
    Pair { secret: "dks_wrong".into(), ..pair.clone() }
}

#[tokio::test]
async fn a_client_that_fails_too_often_has_to_wait() {
    let fixture = fixture(3, 0).await;
    let (pair, other) = (fixture.generate(0).await, fixture.generate(0).await);
    for number in 1..=3 {
        let told =
            exchange_with(&fixture.service, &from(&format!("192.0.2.{number}"), 0), &wrong(&pair)).await;
        assert_eq!(told.unwrap_err(), Reply::Unknown);
    }
    let told = exchange_with(&fixture.service, &from("192.0.2.9", 0), &wrong(&pair)).await.unwrap_err();
    assert!(matches!(told, Reply::Wait(1..=21)), "{told:?}");
    // Whoever has the right secret is authenticated all the same, and other clients are not concerned.
    fixture.issue_token(0, &pair).await;
    assert_eq!(fixture.rejection(0, &wrong(&other)).await, Reply::Unknown);
}

#[tokio::test]
async fn an_address_that_fails_too_often_has_to_wait_at_both_doors() {
    let fixture = fixture(0, 4).await;
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(0, &pair).await;
    let (bad, neighbour) = (from("2001:db8::1", 0), from("2001:db8::ffff", 0));
    for ctx in [&bad, &neighbour] {
        assert_eq!(exchange_with(&fixture.service, ctx, &wrong(&pair)).await.unwrap_err(), Reply::Unknown);
        let rejection = fixture.service.tokens().authenticate(ctx, "no token").await.unwrap_err();
        assert!(matches!(rejection, TokenRejection::Invalid(_)), "{rejection:?}");
    }
    let told = exchange_with(&fixture.service, &bad, &wrong(&pair)).await.unwrap_err();
    assert!(matches!(told, Reply::Wait(1..=16)), "{told:?}");
    let rejection = fixture.service.tokens().authenticate(&neighbour, "no token").await.unwrap_err();
    assert!(matches!(rejection, TokenRejection::TooManyFailures(1..=16)), "{rejection:?}");
    // What is right works on from there.
    exchange_with(&fixture.service, &bad, &pair).await.unwrap();
    fixture.service.tokens().authenticate(&bad, &token).await.unwrap();
    let elsewhere = exchange_with(&fixture.service, &from("192.0.2.1", 0), &wrong(&pair)).await;
    assert_eq!(elsewhere.unwrap_err(), Reply::Unknown);
}

#[tokio::test]
async fn a_holder_of_a_dead_secret_is_limited_and_counted_on() {
    let fixture = fixture(2, 0).await;
    let first = fixture.generate(0).await;
    fixture.rotate(5, &first, NO_GRACE).await;
    for _ in 0..2 {
        assert_eq!(fixture.rejection(6, &first).await, Reply::Rotated(time(5)));
    }
    assert!(matches!(fixture.rejection(6, &first).await, Reply::Wait(_)));
    fixture.service.keys().flush_usage(&from("192.0.2.7", 7)).await.unwrap();
    assert_eq!(fixture.service.keys().get(&fixture.admin, &first.id).await.unwrap().dead_secret_uses, 3);
}

#[tokio::test]
async fn zero_means_no_limit() {
    let fixture = fixture(0, 0).await;
    let pair = fixture.generate(0).await;
    for _ in 0..1000 {
        assert_eq!(fixture.rejection(0, &wrong(&pair)).await, Reply::Unknown);
    }
}
