//! Failures are limited; a right secret is never refused because someone else guesses.

use crate::house::{House, NO_GRACE, Pair, Told, exchange_with, from, policy, time};
use service::{Policy, tokens::TokenRefusal};
use testkit::Engine;

async fn house(failures_per_client: u32, failures_per_address: u32) -> House {
    House::with(Engine::Sqlite, Policy { failures_per_client, failures_per_address, ..policy() }).await
}

fn wrong(pair: &Pair) -> Pair {
    Pair { secret: "dks_wrong".into(), ..pair.clone() }
}

#[tokio::test]
async fn a_client_that_fails_too_often_has_to_wait() {
    let house = house(3, 0).await;
    let (pair, other) = (house.generate(0).await, house.generate(0).await);
    for number in 1..=3 {
        let told = exchange_with(&house.service, &from(&format!("192.0.2.{number}"), 0), &wrong(&pair)).await;
        assert_eq!(told.unwrap_err(), Told::Unknown);
    }
    let told = exchange_with(&house.service, &from("192.0.2.9", 0), &wrong(&pair)).await.unwrap_err();
    assert!(matches!(told, Told::Wait(1..=21)), "{told:?}");
    // Whoever has the right secret is let in all the same, and other clients are not concerned.
    house.buy(0, &pair).await;
    assert_eq!(house.refusal(0, &wrong(&other)).await, Told::Unknown);
}

#[tokio::test]
async fn an_address_that_fails_too_often_has_to_wait_at_both_doors() {
    let house = house(0, 4).await;
    let pair = house.generate(0).await;
    let token = house.buy(0, &pair).await;
    let (bad, neighbour) = (from("2001:db8::1", 0), from("2001:db8::ffff", 0));
    for ctx in [&bad, &neighbour] {
        assert_eq!(exchange_with(&house.service, ctx, &wrong(&pair)).await.unwrap_err(), Told::Unknown);
        let refusal = house.service.authenticate(ctx, "no token").await.unwrap_err();
        assert!(matches!(refusal, TokenRefusal::Invalid(_)), "{refusal:?}");
    }
    let told = exchange_with(&house.service, &bad, &wrong(&pair)).await.unwrap_err();
    assert!(matches!(told, Told::Wait(1..=16)), "{told:?}");
    let refusal = house.service.authenticate(&neighbour, "no token").await.unwrap_err();
    assert!(matches!(refusal, TokenRefusal::TooManyFailures(1..=16)), "{refusal:?}");
    // What is right works on from there.
    exchange_with(&house.service, &bad, &pair).await.unwrap();
    house.service.authenticate(&bad, &token).await.unwrap();
    let elsewhere = exchange_with(&house.service, &from("192.0.2.1", 0), &wrong(&pair)).await;
    assert_eq!(elsewhere.unwrap_err(), Told::Unknown);
}

#[tokio::test]
async fn a_holder_of_a_dead_secret_is_limited_and_counted_on() {
    let house = house(2, 0).await;
    let first = house.generate(0).await;
    house.rotate(5, &first, NO_GRACE).await;
    for _ in 0..2 {
        assert_eq!(house.refusal(6, &first).await, Told::Rotated(time(5)));
    }
    assert!(matches!(house.refusal(6, &first).await, Told::Wait(_)));
    house.service.flush_usage(&from("192.0.2.7", 7)).await.unwrap();
    assert_eq!(house.service.get_key(&house.admin, &first.id).await.unwrap().dead_secret_uses, 3);
}

#[tokio::test]
async fn zero_means_no_limit() {
    let house = house(0, 0).await;
    let pair = house.generate(0).await;
    for _ in 0..1000 {
        assert_eq!(house.refusal(0, &wrong(&pair)).await, Told::Unknown);
    }
}
