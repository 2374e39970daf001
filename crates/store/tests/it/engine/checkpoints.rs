//! Closing a store: what was begun is written, and SQLite's log is in its file.

use crate::data::{Fresh, organisation};
use std::time::Duration;
use store::{Checkpoint, Location, StoreError};
use testkit::Engine;

const LIMIT: Duration = Duration::from_secs(20);

fn log_of(fresh: &Fresh) -> u64 {
    let Location::Sqlite(path) = fresh.database.location() else { panic!("not SQLite") };
    std::fs::metadata(path.with_extension("db-wal")).map_or(0, |log| log.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_comes_after_what_was_begun_and_ends_writing() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let mut begun = fresh.begin().await;
    begun.insert_organisation(&organisation("Begun")).await.unwrap();
    let store = fresh.store.clone();
    let closing = tokio::spawn(async move { store.close(Duration::ZERO, LIMIT).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished(), "it waits for the transaction");
    begun.commit().await.unwrap();
    assert_eq!(closing.await.unwrap().unwrap(), Checkpoint::Complete);
    assert_eq!(log_of(&fresh), 0);
    assert!(matches!(fresh.store.begin().await, Err(StoreError::Unavailable(_))), "nothing comes after it");
    assert_eq!(fresh.read().await.count_organisations().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_somebody_reads_hinders_only_what_came_after_it() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    fresh.organisation("Before").await;
    let snapshot = fresh.database.hold_snapshot();
    assert_eq!(
        fresh.another_store().await.close(Duration::ZERO, LIMIT).await.unwrap(),
        Checkpoint::Complete,
        "the log cannot be emptied, but everything is in the file"
    );
    fresh.organisation("After").await;
    let hindered = fresh.store.close(Duration::from_millis(100), LIMIT).await.unwrap();
    assert!(matches!(hindered, Checkpoint::Hindered { pages: 1.. }), "{hindered:?}");
    drop(snapshot);
}

#[tokio::test]
async fn a_checkpoint_that_takes_too_long_is_given_up() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let begun = fresh.begin().await;
    let given_up = fresh.store.close(Duration::ZERO, Duration::from_millis(50)).await;
    assert!(matches!(given_up, Err(StoreError::Unavailable(_))), "{given_up:?}");
    drop(begun);
}
