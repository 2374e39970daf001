//! SQLite's one writer: transactions share a flush, and nobody waits for ever.

use crate::data::{Fresh, organisation};
use futures::future::{join, join_all};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Location, Options, Store, StoreError};
use testkit::{Database, Engine};

/// How many commits the write-ahead log holds: a frame that ends one names the file's new size.
fn commits(log: &Path) -> usize {
    let bytes = std::fs::read(log).unwrap();
    let page = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let salt = &bytes[16..24];
    let frames = bytes[32..].chunks_exact(24 + page);
    frames.filter(|frame| &frame[8..16] == salt && frame[4..8] != [0; 4]).count()
}

fn log_of(database: &Database) -> std::path::PathBuf {
    let Location::Sqlite(path) = database.location() else { panic!("not SQLite") };
    path.with_extension("db-wal")
}

#[tokio::test]
async fn transactions_that_arrive_together_share_one_flush() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let before = commits(&log_of(&fresh.database));
    // While the first one runs, everyone else asks to begin.
    let mut first = fresh.begin().await;
    let others = join_all((1..64).map(async |number| {
        let mut transaction = fresh.begin().await;
        transaction.insert_organisation(&organisation(&format!("{number}"))).await.unwrap();
        transaction.commit().await
    }));
    let first = async {
        first.insert_organisation(&organisation("0")).await.unwrap();
        first.commit().await
    };
    let (others, first) = join(others, first).await;
    for committed in others.into_iter().chain([first]) {
        committed.unwrap();
    }
    assert_eq!(fresh.read().await.organisations(None, 100).await.unwrap().len(), 64);
    assert_eq!(commits(&log_of(&fresh.database)) - before, 1);
}

#[tokio::test]
async fn a_group_keeps_those_who_commit_and_loses_those_who_do_not() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let tasks = (0..40).map(async |number| {
        let mut transaction = fresh.begin().await;
        transaction.insert_organisation(&organisation(&format!("{number}"))).await.unwrap();
        match number % 4 {
            0 => transaction.commit().await.unwrap(),
            1 => drop(transaction),
            2 => drop(transaction.set_meta("row", "value").await),
            _ => {
                let doubled = organisation(&format!("{number}"));
                assert!(matches!(transaction.insert_organisation(&doubled).await, Err(StoreError::Taken)));
                transaction.commit().await.unwrap_err();
            }
        }
    });
    join_all(tasks).await;
    let mut kept: Vec<u32> = fresh
        .read()
        .await
        .organisations(None, 100)
        .await
        .unwrap()
        .iter()
        .map(|found| found.name.as_str().parse().unwrap())
        .collect();
    kept.sort_unstable();
    assert_eq!(kept, (0..40).step_by(4).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_rollbacks_does_not_hold_a_commit_back() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let stop = Arc::new(AtomicBool::new(false));
    let rollbacks: Vec<_> = (0..8)
        .map(|_| {
            let (store, stop) = (fresh.store.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    drop(store.begin().await.unwrap());
                }
            })
        })
        .collect();
    let committed = tokio::time::timeout(Duration::from_secs(5), async {
        for number in 0..10 {
            fresh.organisation(&format!("{number}")).await;
        }
    });
    let committed = committed.await;
    stop.store(true, Ordering::Relaxed);
    join_all(rollbacks).await;
    committed.expect("ten commits within five seconds");
}

#[tokio::test]
async fn everybody_who_waits_for_another_process_waits_only_once() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let patience = Duration::from_millis(400);
    let store = Store::open(&Options { patience, ..Options::new(fresh.database.location()) }).await.unwrap();
    // The lock is another store's, which stands for another process.
    let mut holder = fresh.begin().await;
    holder.set_meta("row", "held").await.unwrap();

    let started = Instant::now();
    let rejections = join_all((0..10).map(|_| store.begin())).await;
    let waited = started.elapsed();
    for rejection in rejections {
        let Err(error) = rejection else { panic!("began") };
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert_eq!(error.to_string(), "the database is not available: database is locked");
    }
    assert!((patience..patience * 5).contains(&waited), "{waited:?}");
    // Reading needs no lock.
    store.reader().await.unwrap().meta("row").await.unwrap();
    holder.commit().await.unwrap();
    store.begin().await.unwrap().commit().await.unwrap();
}
