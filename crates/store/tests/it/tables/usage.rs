//! Use counters, addresses, former secrets that turn up, and what is forgotten of them.

use crate::data::{Fresh, NOW, digest, key, on_both_engines, organisation, rotated};
use domain::{KeyId, KeyUse, RecentSource, Timestamp, api_key::usage::DeadSecretUse};
use futures::future::join_all;
use store::{DayPosition, SourcePosition};

on_both_engines!(
    counts_of_a_day_add_up_whoever_writes_them,
    the_newest_use_of_an_address_wins,
    uses_of_a_key_that_is_gone_are_not_written,
    a_former_secret_is_counted_and_strangers_are_not,
    pruning_keeps_recent_days_and_each_keys_newest_address,
    a_key_keeps_its_newest_addresses_and_counts_the_others,
);

fn uses(day: i64, exchanges: i64) -> KeyUse {
    KeyUse { day, exchanges, grace_exchanges: 1, api_calls: exchanges * 10, other_addresses: 0 }
}

fn source(address: &str, previous_secret: bool, at: Timestamp) -> RecentSource {
    RecentSource {
        address: address.to_owned(),
        previous_secret,
        user_agent: None,
        last_used_at: at,
        exchange: None,
        run: None,
    }
}

async fn sources(fresh: &Fresh, id: &KeyId, since: Timestamp) -> Vec<(String, bool, i64)> {
    let found = fresh.read().await.key_sources(id, since).await.unwrap();
    let seconds = |at: Timestamp| at.seconds() - NOW.seconds();
    found.into_iter().map(|one| (one.address, one.previous_secret, seconds(one.last_used_at))).collect()
}

async fn counts_of_a_day_add_up_whoever_writes_them(fresh: Fresh) {
    let key = fresh.key(&fresh.organisation("Acme").await).await;
    let other = fresh.another_store().await;
    let writers = (0..10).map(|number| {
        let store = if number % 2 == 0 { fresh.store.clone() } else { other.clone() };
        let id = key.id.clone();
        tokio::spawn(async move {
            let mut transaction = store.begin().await.unwrap();
            transaction.count_key_uses(&[(&id, uses(100, 2))]).await.unwrap();
            transaction.count_key_uses(&[(&id, uses(101, 1))]).await.unwrap();
            transaction.commit().await.unwrap();
        })
    });
    for written in join_all(writers).await {
        written.unwrap();
    }
    let mut reader = fresh.read().await;
    let days = reader.key_days(&key.id, 0).await.unwrap();
    assert_eq!(
        days,
        [
            KeyUse { day: 100, exchanges: 20, grace_exchanges: 10, api_calls: 200, other_addresses: 0 },
            KeyUse { day: 101, exchanges: 10, grace_exchanges: 10, api_calls: 100, other_addresses: 0 },
        ]
    );
    assert_eq!(reader.key_days(&key.id, 101).await.unwrap(), days[1..]);
}

async fn the_newest_use_of_an_address_wins(fresh: Fresh) {
    let key = fresh.key(&fresh.organisation("Acme").await).await;
    let mut transaction = fresh.begin().await;
    // A node that was slow writes an older use after a newer one.
    for (address, previous, second) in
        [("192.0.2.1", false, 5), ("192.0.2.1", false, 3), ("192.0.2.1", true, 4), ("192.0.2.2", false, 1)]
    {
        transaction
            .note_key_sources(&[(&key.id, source(address, previous, NOW.plus_seconds(second)))])
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let first = |address: &str, previous, second| (address.to_owned(), previous, second);
    let all = [first("192.0.2.1", false, 5), first("192.0.2.1", true, 4), first("192.0.2.2", false, 1)];
    assert_eq!(sources(&fresh, &key.id, NOW).await, all);
    assert_eq!(sources(&fresh, &key.id, NOW.plus_seconds(4)).await, all[..2]);
}

async fn uses_of_a_key_that_is_gone_are_not_written(fresh: Fresh) {
    let before = fresh.database.dump().await;
    let gone = key(&organisation("Nowhere"), 1).id;
    let mut transaction = fresh.begin().await;
    transaction.count_key_uses(&[(&gone, uses(100, 1))]).await.unwrap();
    transaction.note_key_sources(&[(&gone, source("192.0.2.1", false, NOW))]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(fresh.database.dump().await, before);
}

async fn a_former_secret_is_counted_and_strangers_are_not(fresh: Fresh) {
    let key = fresh.key(&fresh.organisation("Acme").await).await;
    let (_, retired) = rotated(&key, NOW);
    let seen = |digest, times, second| DeadSecretUse {
        key_id: key.id.clone(),
        digest,
        times,
        at: NOW.plus_seconds(second),
        address: Some("192.0.2.1".into()),
    };
    let mut transaction = fresh.begin_for::<domain::authority::ManageKeys>(&key.organisation_id).await;
    transaction.retire_secret(&retired).await.unwrap();
    assert_eq!(transaction.dead_secret_last_seen(&key.id, retired.digest).await.unwrap(), None);
    assert!(transaction.note_dead_secret(&seen(retired.digest, 2, 1)).await.unwrap());
    assert!(transaction.note_dead_secret(&seen(retired.digest, 3, 9)).await.unwrap());
    assert!(!transaction.note_dead_secret(&seen(digest(), 1, 9)).await.unwrap());
    let last = transaction.dead_secret_last_seen(&key.id, retired.digest).await.unwrap();
    assert_eq!(last, Some(NOW.plus_seconds(9)));
    transaction.commit().await.unwrap();
    let sql = "SELECT seen_count, last_seen_from FROM retired_secrets";
    assert_eq!(fresh.database.sql(sql).await, [[Some("5".to_owned()), Some("192.0.2.1".to_owned())]]);
}

/// Forgets days before the second and addresses not seen for long, looking at `size` rows at a time.
async fn forget(fresh: &Fresh, size: i64) -> [u64; 2] {
    let mut transaction = fresh.begin().await;
    let (mut forgotten, mut days, mut sources) =
        ([0; 2], Some(DayPosition::default()), Some(SourcePosition::default()));
    while let Some(from) = days {
        let (some, next) = transaction.forget_days(&from, size, 2).await.unwrap();
        (forgotten[0], days) = (forgotten[0] + some, next);
    }
    while let Some(from) = sources {
        let (some, next) = transaction.forget_sources(&from, size, NOW.plus_seconds(40)).await.unwrap();
        (forgotten[1], sources) = (forgotten[1] + some, next);
    }
    transaction.commit().await.unwrap();
    forgotten
}

async fn a_key_keeps_its_newest_addresses_and_counts_the_others(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let (key, other) = (fresh.key(&acme).await, fresh.key(&acme).await);
    let mut transaction = fresh.begin().await;
    transaction.count_key_uses(&[(&key.id, uses(1, 1)), (&other.id, uses(1, 1))]).await.unwrap();
    for number in 0..120_i64 {
        let address = format!("192.0.2.{number}");
        let seen = source(&address, false, NOW.plus_seconds(number));
        transaction.note_key_sources(&[(&key.id, seen)]).await.unwrap();
    }
    transaction.note_key_sources(&[(&other.id, source("192.0.2.1", false, NOW))]).await.unwrap();
    transaction.forget_other_sources(&[&key.id, &other.id], 1).await.unwrap();
    transaction.commit().await.unwrap();
    let rows = "SELECT MIN(last_used_at_ms), COUNT(*) FROM key_sources GROUP BY key_id ORDER BY 2";
    let oldest = |seconds: i64| Some(NOW.plus_seconds(seconds).ms().to_string());
    let expected = [[oldest(0), Some("1".to_owned())], [oldest(20), Some("100".to_owned())]];
    assert_eq!(fresh.database.sql(rows).await, expected);
    let days = fresh.read().await.key_days(&key.id, 0).await.unwrap();
    assert_eq!(days, [KeyUse { other_addresses: 20, ..uses(1, 1) }]);
    // What came before there was a limit goes at the daily look.
    for number in 0..30_i64 {
        let at = NOW.plus_seconds(60 + number).ms();
        let values = format!("('{}', '198.51.100.{number}', 'current', {at})", key.id);
        fresh
            .database
            .sql(&format!(
                "INSERT INTO key_sources (key_id, address, secret, last_used_at_ms) VALUES {values}"
            ))
            .await;
    }
    assert_eq!(forget(&fresh, 7).await, [2, 30]);
    assert_eq!(fresh.database.sql("SELECT COUNT(*) FROM key_sources").await, [[Some("101".to_owned())]]);
}

async fn pruning_keeps_recent_days_and_each_keys_newest_address(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let (busy, quiet, gone) = (fresh.key(&acme).await, fresh.key(&acme).await, fresh.key(&acme).await);
    let mut transaction = fresh.begin().await;
    for id in [&busy.id, &quiet.id, &gone.id] {
        transaction.count_key_uses(&[(id, uses(1, 1))]).await.unwrap();
        transaction.count_key_uses(&[(id, uses(2, 1))]).await.unwrap();
        transaction.note_key_sources(&[(id, source("192.0.2.1", false, NOW.plus_seconds(1)))]).await.unwrap();
        transaction.note_key_sources(&[(id, source("192.0.2.2", false, NOW.plus_seconds(2)))]).await.unwrap();
    }
    transaction
        .note_key_sources(&[(&busy.id, source("192.0.2.3", false, NOW.plus_seconds(50)))])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    // A node that wrote its counters while the key was being revoked leaves orphans.
    fresh.database.sql(&format!("DELETE FROM api_keys WHERE id = '{}'", gone.id)).await;

    // Days: one each of the keys that are there, both of the other. Addresses: two, one, both.
    assert_eq!(forget(&fresh, 3).await, [4, 5]);
    assert_eq!(forget(&fresh, 1).await, [0, 0]);
    let left = |id: &KeyId| id.clone();
    for (id, address, second) in [(left(&busy.id), "192.0.2.3", 50), (left(&quiet.id), "192.0.2.2", 2)] {
        assert_eq!(fresh.read().await.key_days(&id, 0).await.unwrap(), [uses(2, 1)]);
        assert_eq!(sources(&fresh, &id, NOW).await, [(address.to_owned(), false, second)]);
    }
    assert_eq!(fresh.read().await.key_days(&gone.id, 0).await.unwrap(), []);
    assert_eq!(sources(&fresh, &gone.id, NOW).await, []);
}
