//! Opening: several at once on fresh data, again on current data, refused on newer data.

use crate::data::{Fresh, on_both_engines, open};
use futures::future::join_all;
use store::StoreError;
use testkit::{Database, Engine};

/// The number of the newest migration.
const NEWEST: i64 = 5;

mod several_opens_at_once_migrate_fresh_data_once {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn sqlite() {
        several_opens_at_once_migrate_fresh_data_once(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn postgres() {
        several_opens_at_once_migrate_fresh_data_once(Engine::Postgres).await;
    }
}

async fn several_opens_at_once_migrate_fresh_data_once(engine: Engine) {
    for _ in 0..10 {
        let database = std::sync::Arc::new(Database::fresh(engine).await);
        let opens = (0..8).map(|_| {
            let database = database.clone();
            tokio::spawn(async move { open(&database).await.map(drop) })
        });
        for opened in join_all(opens).await {
            opened.unwrap().unwrap();
        }
        assert_eq!(database.number("SELECT COUNT(*) FROM schema_migrations").await, NEWEST);
    }
}

on_both_engines!(opening_again_changes_nothing, data_of_a_newer_version_is_refused);

async fn opening_again_changes_nothing(fresh: Fresh) {
    let key = fresh.key(&fresh.organisation("Acme").await).await;
    let before = fresh.database.dump().await;
    let again = fresh.another_store().await;
    assert_eq!(again.reader().await.unwrap().find_key(&key.id).await.unwrap(), Some(key));
    assert_eq!(fresh.database.dump().await, before);
}

async fn data_of_a_newer_version_is_refused(fresh: Fresh) {
    fresh.database.sql("INSERT INTO schema_migrations (version, name) VALUES (99, '0099_later')").await;
    let before = fresh.database.dump().await;
    let Err(refusal) = open(&fresh.database).await else { panic!("opened") };
    assert!(matches!(refusal, StoreError::Newer { found: 99, known: NEWEST }), "{refusal:?}");
    assert_eq!(
        refusal.to_string(),
        format!(
            "the data has schema version 99, this binary knows {NEWEST}: use the newer duku, or restore a backup made before the upgrade"
        )
    );
    assert_eq!(fresh.database.dump().await, before);
}
