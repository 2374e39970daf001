//! Failures are limited; a right secret is never rejected because someone else guesses.

use crate::{
    fixture::{ADA, Fixture, NO_GRACE, Pair, Reply, at, exchange_with, from, policy, rejection_in, time},
    users::browser::has_password,
};
use domain::Role;
use service::{Policy, Rejection, tokens::TokenRejection};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_organisation_may_store_has_limits_that_say_their_setting() {
    let small = Policy {
        products_per_organisation: 1,
        targets_per_product: 1,
        members_per_organisation: 2,
        open_invitations_per_organisation: 1,
        ..policy()
    };
    let fixture = Fixture::with(Engine::Sqlite, small).await;
    let service = &fixture.service;
    let named = |rejected: Rejection, setting: &str| {
        assert!(rejected.message().contains(setting), "{rejected:?}");
        assert!(matches!(rejected, Rejection::TooMuchStored { .. }), "{rejected:?}");
    };
    let shop = service.products().create_subject(&at(0), &fixture.admin, "Shop", None, None).await.unwrap();
    let more = service.products().create_subject(&at(0), &fixture.admin, "Blog", None, None).await;
    named(rejection_in(more), "products_per_organisation");
    let target = |build_key: &str| domain::product::UncheckedTarget {
        build_key: build_key.into(),
        name: "Staging".into(),
        version: "1".into(),
        environment: "staging".into(),
        description: None,
        build_number: None,
        build_url: None,
        metadata: None,
    };
    let id = shop.id.as_str();
    service.products().upsert_target(&at(0), &fixture.admin, id, target("a")).await.unwrap();
    service.products().upsert_target(&at(1), &fixture.admin, id, target("a")).await.unwrap();
    named(
        rejection_in(service.products().upsert_target(&at(1), &fixture.admin, id, target("b")).await),
        "targets_per_product",
    );
    let more = service.users().add_member(&at(0), &fixture.admin, "third@acme.example", Role::Member).await;
    named(rejection_in(more), "members_per_organisation");
    service.users().invite(&at(0), &fixture.admin, "a@acme.example", Role::Member).await.unwrap();
    let more = service.users().invite(&at(0), &fixture.admin, "b@acme.example", Role::Member).await;
    named(rejection_in(more), "open_invitations_per_organisation");
    service.users().invite(&at(1), &fixture.admin, "a@acme.example", Role::Admin).await.unwrap();
    let open = service.users().list_invitations(&fixture.admin).await.unwrap();
    assert_eq!(open.len(), 1, "the newer one took the place of the former: {open:?}");
    has_password(&fixture, ADA).await;
}
