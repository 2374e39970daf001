//! Opening the service: on fresh data, by several nodes, with the wrong master key, on damaged data.

use crate::fixture::{Fixture, at, entropy, exchange, on_both_engines, policy};
use futures::future::join_all;
use jose::MasterKey;
use service::{OpenError, Service, sealed_under};
use testkit::{Database, Engine};

on_both_engines!(
    a_wrong_master_key_is_rejected_and_changes_nothing,
    a_damaged_signing_key_is_an_error_and_no_panic,
    opening_again_changes_nothing,
);

mod nodes_that_start_at_once_on_fresh_data_make_one_key {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        nodes_that_start_at_once_on_fresh_data_make_one_key(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        nodes_that_start_at_once_on_fresh_data_make_one_key(Engine::Postgres).await;
    }
}

async fn nodes_that_start_at_once_on_fresh_data_make_one_key(engine: Engine) {
    for _ in 0..4 {
        let database = std::sync::Arc::new(Database::fresh(engine).await);
        let master_key = MasterKey::generate(&*entropy());
        let starts = (0..6).map(|_| {
            let (database, master_key) = (database.clone(), master_key.clone());
            tokio::spawn(async move { crate::fixture::open(&database, &master_key, policy(), 0).await })
        });
        let nodes: Vec<Service> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(database.number("SELECT COUNT(*) FROM signing_keys").await, 1);
        assert_eq!(database.number("SELECT COUNT(*) FROM audit_events").await, 1);
        let mut published = Vec::new();
        for node in &nodes {
            published.push(node.tokens().jwks().await.unwrap());
        }
        published.dedup();
        assert_eq!(published.len(), 1);
    }
}

async fn rejection(fixture: &Fixture, master_key: MasterKey) -> OpenError {
    let store = fixture.database.store().await;
    match Service::open(store, master_key, policy(), entropy(), &at(100 * 86_400)).await {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

async fn a_wrong_master_key_is_rejected_and_changes_nothing(fixture: Fixture) {
    let before = fixture.database.dump().await;
    let wrong = MasterKey::generate(&*entropy());
    let (expected, given) = (fixture.master_key.fingerprint(), wrong.fingerprint());
    let error = rejection(&fixture, wrong.clone()).await;
    let text = error.to_string();
    assert!(
        matches!(&error, OpenError::WrongMasterKey { expected: e, given: g } if *e == expected && *g == given)
    );
    assert!(text.contains(&expected) && text.contains(&given), "{text}");
    assert!(text.contains("set DUKU_MASTER_KEY or restore the master.key file"), "{text}");
    for key in [&wrong, &fixture.master_key] {
        assert!(!text.contains(key.to_base64().as_str()), "{text}");
    }
    assert_eq!(fixture.database.dump().await, before);
    assert_eq!(sealed_under(fixture.service.store()).await.unwrap(), Some(expected));
    fixture.another_node(0).await;
}

async fn a_damaged_signing_key_is_an_error_and_no_panic(fixture: Fixture) {
    let zero = if fixture.service.store().engine() == "sqlite" { "x'00'" } else { "'\\x00'" };
    fixture.database.sql(&format!("UPDATE signing_keys SET sealed_private_key = {zero}")).await;
    let error = rejection(&fixture, fixture.master_key.clone()).await.to_string();
    let kid = &fixture.service.tokens().list_signing_keys(&at(0)).await.unwrap()[0].kid;
    assert_eq!(error, format!("signing key {kid}: this is not a sealed secret, or one of a newer version"));
    // The node that is running goes on with what it has.
    let pair = fixture.generate(0).await;
    exchange(&fixture.service, 0, &pair).await.unwrap();
}

async fn opening_again_changes_nothing(fixture: Fixture) {
    let before = fixture.database.dump().await;
    let again = fixture.another_node(60).await;
    assert_eq!(fixture.database.dump().await, before);
    again.ready().await.unwrap();
    assert_eq!(again.policy().issuer, crate::fixture::ISSUER);
}
