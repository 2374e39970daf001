//! What a transaction promises, whoever runs beside it.

use crate::data::{Fresh, on_both_engines, organisation};
use futures::future::join_all;
use std::time::{Duration, Instant};
use store::{Location, Options, Store, StoreError};

on_both_engines!(
    a_dropped_transaction_leaves_nothing,
    a_failed_statement_spoils_the_commit,
    a_statement_that_nobody_waited_for_spoils_the_commit,
    a_commit_is_visible_everywhere_as_soon_as_it_has_answered,
    an_open_transaction_is_visible_to_nobody,
    sixty_four_transactions_at_once_all_survive,
    a_stalled_transaction_is_given_up_and_the_next_one_goes_on,
    an_abandoned_begin_leaves_no_transaction_behind,
);

async fn names(store: &Store) -> Vec<String> {
    let mut reader = store.reader().await.unwrap();
    let found = reader.organisations(None, 1000).await.unwrap();
    found.into_iter().map(|organisation| organisation.name.as_str().to_owned()).collect()
}

async fn a_dropped_transaction_leaves_nothing(fresh: Fresh) {
    let before = fresh.database.dump().await;
    let mut transaction = fresh.begin().await;
    transaction.insert_organisation(&organisation("Acme")).await.unwrap();
    transaction.set_meta("name", "value").await.unwrap();
    drop(transaction);
    // The next transaction comes after the end of the dropped one.
    fresh.begin().await.commit().await.unwrap();
    assert_eq!(fresh.database.dump().await, before);
}

async fn a_failed_statement_spoils_the_commit(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let mut transaction = fresh.begin().await;
    transaction.insert_organisation(&organisation("Before")).await.unwrap();
    let taken = transaction.insert_organisation(&acme).await.unwrap_err();
    assert!(matches!(taken, StoreError::Taken), "{taken:?}");
    let rejection = transaction.commit().await.unwrap_err();
    assert_eq!(rejection.to_string(), "the database refused: a statement of this transaction had failed");
    assert_eq!(names(&fresh.store).await, ["Acme"]);
}

async fn a_statement_that_nobody_waited_for_spoils_the_commit(fresh: Fresh) {
    let mut transaction = fresh.begin().await;
    transaction.set_meta("first", "1").await.unwrap();
    // On a busy machine the answer may be there at the first look; then nobody gave up waiting, and it is asked again.
    loop {
        if futures::poll!(Box::pin(transaction.set_meta("second", "2"))).is_pending() {
            break;
        }
    }
    transaction.commit().await.unwrap_err();
    let mut reader = fresh.read().await;
    assert_eq!(reader.meta("first").await.unwrap(), None);
    assert_eq!(reader.meta("second").await.unwrap(), None);
}

async fn a_commit_is_visible_everywhere_as_soon_as_it_has_answered(fresh: Fresh) {
    let other = fresh.another_store().await;
    // A reader that was there before, and has read before.
    let mut reader = other.reader().await.unwrap();
    for number in 0..50 {
        let value = number.to_string();
        let mut transaction = fresh.begin().await;
        transaction.set_meta("counter", &value).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(reader.meta("counter").await.unwrap(), Some(value.clone()));
        let elsewhere = fresh.database.sql("SELECT value FROM meta WHERE name = 'counter'").await;
        assert_eq!(elsewhere, [[Some(value)]]);
    }
}

async fn an_open_transaction_is_visible_to_nobody(fresh: Fresh) {
    let mut transaction = fresh.begin().await;
    transaction.insert_organisation(&organisation("Acme")).await.unwrap();
    assert_eq!(names(&fresh.store).await, [""; 0]);
    assert_eq!(names(&fresh.another_store().await).await, [""; 0]);
    // But it sees its own work.
    assert!(transaction.find_organisation_by_name("Acme").await.unwrap().is_some());
    transaction.commit().await.unwrap();
    assert_eq!(names(&fresh.store).await, ["Acme"]);
}

async fn sixty_four_transactions_at_once_all_survive(fresh: Fresh) {
    let tasks = (0..64).map(|number| {
        let store = fresh.store.clone();
        tokio::spawn(async move {
            let mut transaction = store.begin().await?;
            transaction.insert_organisation(&organisation(&format!("{number}"))).await?;
            transaction.commit().await
        })
    });
    for committed in join_all(tasks).await {
        committed.unwrap().unwrap();
    }
    assert_eq!(names(&fresh.another_store().await).await.len(), 64);
}

async fn a_stalled_transaction_is_given_up_and_the_next_one_goes_on(fresh: Fresh) {
    let patience = Duration::from_secs(1);
    let options = Options { patience, ..Options::new(fresh.database.location()) };
    let store = Store::open(&options).await.unwrap();
    let mut stalled = store.begin().await.unwrap();
    stalled.set_meta("row", "stalled").await.unwrap();

    // Everybody's patience may run out before the stalled transaction's time does, but not for ever.
    let started = Instant::now();
    loop {
        let mut transaction = store.begin().await.unwrap();
        match transaction.set_meta("row", "next").await {
            Ok(()) => break transaction.commit().await.unwrap(),
            Err(error) => assert!(error.is_temporary(), "{error:?}"),
        }
        assert!(started.elapsed() < patience * 20, "blocked");
    }
    let late = match stalled.set_meta("row", "late").await {
        Ok(()) => stalled.commit().await,
        failed => failed,
    };
    let late = late.unwrap_err();
    assert!(matches!(late, StoreError::Unavailable(_)), "{late:?}");
    assert_eq!(fresh.read().await.meta("row").await.unwrap().as_deref(), Some("next"));
}

async fn an_abandoned_begin_leaves_no_transaction_behind(fresh: Fresh) {
    // With one connection the next transaction must use the same one, or a new one.
    let options = Options { pool_size: 1, ..Options::new(fresh.database.location()) };
    let store = Store::open(&options).await.unwrap();
    for _ in 0..20 {
        let begin = store.begin();
        let abandoned = tokio::time::timeout(Duration::ZERO, begin).await;
        drop(abandoned);
        let mut reader = store.reader().await.unwrap();
        reader.meta("anything").await.unwrap();
        drop(reader);
        assert_eq!(open_transactions(&fresh).await, 0);
    }
    let mut transaction = store.begin().await.unwrap();
    transaction.insert_organisation(&organisation("Acme")).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(names(&store).await, ["Acme"]);
}

/// PostgreSQL tells how many connections idle in a transaction; on SQLite a transaction ends with its session.
async fn open_transactions(fresh: &Fresh) -> i64 {
    match fresh.database.location() {
        Location::Sqlite(_) => 0,
        Location::Postgres(_) => {
            let sql = "SELECT COUNT(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
            fresh.database.number(sql).await
        }
    }
}

on_both_engines!(locked_rows_are_changed_one_transaction_at_a_time);

async fn locked_rows_are_changed_one_transaction_at_a_time(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let other = fresh.another_store().await;
    let tasks = (0..20).map(|number| {
        let store = if number % 2 == 0 { fresh.store.clone() } else { other.clone() };
        let id = acme.id.clone();
        tokio::spawn(async move {
            let mut transaction = store.begin().await.unwrap();
            transaction.lock_organisation(&id).await.unwrap().unwrap();
            let before: i64 =
                transaction.meta("counter").await.unwrap().map_or(0, |text| text.parse().unwrap());
            tokio::task::yield_now().await;
            transaction.set_meta("counter", &(before + 1).to_string()).await.unwrap();
            transaction.commit().await.unwrap();
        })
    });
    for done in join_all(tasks).await {
        done.unwrap();
    }
    assert_eq!(fresh.read().await.meta("counter").await.unwrap().as_deref(), Some("20"));
    assert!(fresh.begin().await.lock_organisation(&organisation("None").id).await.unwrap().is_none());
}
