//! Use counters, addresses, former secrets that turn up, and what is forgotten of them.

use crate::data::{Fresh, NOW, digest, key, on_both_engines, organisation, rotated};
use domain::{KeyId, Timestamp};
use futures::future::join_all;
use store::{DeadSecretUse, KeyUse, RecentSource};

on_both_engines!(
    counts_of_a_day_add_up_whoever_writes_them,
    the_newest_use_of_an_address_wins,
    uses_of_a_key_that_is_gone_are_not_written,
    a_former_secret_is_counted_and_strangers_are_not,
    pruning_keeps_recent_days_and_each_keys_newest_address,
);

fn uses(day: i64, exchanges: i64) -> KeyUse {
    KeyUse { day, exchanges, grace_exchanges: 1, api_calls: exchanges * 10 }
}

fn source(address: &str, previous_secret: bool, at: Timestamp) -> RecentSource {
    RecentSource { address: address.to_owned(), previous_secret, last_used_at: at }
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
            let mut session = store.begin().await.unwrap();
            session.count_key_uses(&[(&id, uses(100, 2))]).await.unwrap();
            session.count_key_uses(&[(&id, uses(101, 1))]).await.unwrap();
            session.commit().await.unwrap();
        })
    });
    for written in join_all(writers).await {
        written.unwrap();
    }
    let mut session = fresh.read().await;
    let days = session.key_days(&key.id, 0).await.unwrap();
    assert_eq!(
        days,
        [
            KeyUse { day: 100, exchanges: 20, grace_exchanges: 10, api_calls: 200 },
            KeyUse { day: 101, exchanges: 10, grace_exchanges: 10, api_calls: 100 },
        ]
    );
    assert_eq!(session.key_days(&key.id, 101).await.unwrap(), days[1..]);
}

async fn the_newest_use_of_an_address_wins(fresh: Fresh) {
    let key = fresh.key(&fresh.organisation("Acme").await).await;
    let mut session = fresh.begin().await;
    // A node that was slow writes an older use after a newer one.
    for (address, previous, second) in
        [("192.0.2.1", false, 5), ("192.0.2.1", false, 3), ("192.0.2.1", true, 4), ("192.0.2.2", false, 1)]
    {
        session
            .note_key_sources(&[(&key.id, source(address, previous, NOW.plus_seconds(second)))])
            .await
            .unwrap();
    }
    session.commit().await.unwrap();
    let first = |address: &str, previous, second| (address.to_owned(), previous, second);
    let all = [first("192.0.2.1", false, 5), first("192.0.2.1", true, 4), first("192.0.2.2", false, 1)];
    assert_eq!(sources(&fresh, &key.id, NOW).await, all);
    assert_eq!(sources(&fresh, &key.id, NOW.plus_seconds(4)).await, all[..2]);
}

async fn uses_of_a_key_that_is_gone_are_not_written(fresh: Fresh) {
    let before = fresh.database.dump().await;
    let gone = key(&organisation("Nowhere"), 1).id;
    let mut session = fresh.begin().await;
    session.count_key_uses(&[(&gone, uses(100, 1))]).await.unwrap();
    session.note_key_sources(&[(&gone, source("192.0.2.1", false, NOW))]).await.unwrap();
    session.commit().await.unwrap();
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
    let mut session = fresh.begin_for::<domain::authority::ManageKeys>(&key.organisation_id).await;
    session.retire_secret(&retired).await.unwrap();
    assert_eq!(session.dead_secret_last_seen(&key.id, retired.digest).await.unwrap(), None);
    assert!(session.note_dead_secret(&seen(retired.digest, 2, 1)).await.unwrap());
    assert!(session.note_dead_secret(&seen(retired.digest, 3, 9)).await.unwrap());
    assert!(!session.note_dead_secret(&seen(digest(), 1, 9)).await.unwrap());
    let last = session.dead_secret_last_seen(&key.id, retired.digest).await.unwrap();
    assert_eq!(last, Some(NOW.plus_seconds(9)));
    session.commit().await.unwrap();
    let sql = "SELECT seen_count, last_seen_from FROM retired_secrets";
    assert_eq!(fresh.database.sql(sql).await, [[Some("5".to_owned()), Some("192.0.2.1".to_owned())]]);
}

async fn pruning_keeps_recent_days_and_each_keys_newest_address(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let (busy, quiet, gone) = (fresh.key(&acme).await, fresh.key(&acme).await, fresh.key(&acme).await);
    let mut session = fresh.begin().await;
    for id in [&busy.id, &quiet.id, &gone.id] {
        session.count_key_uses(&[(id, uses(1, 1))]).await.unwrap();
        session.count_key_uses(&[(id, uses(2, 1))]).await.unwrap();
        session.note_key_sources(&[(id, source("192.0.2.1", false, NOW.plus_seconds(1)))]).await.unwrap();
        session.note_key_sources(&[(id, source("192.0.2.2", false, NOW.plus_seconds(2)))]).await.unwrap();
    }
    session.note_key_sources(&[(&busy.id, source("192.0.2.3", false, NOW.plus_seconds(50)))]).await.unwrap();
    session.commit().await.unwrap();
    // A node that wrote its counters while the key was being revoked leaves orphans.
    fresh.database.sql(&format!("DELETE FROM api_keys WHERE id = '{}'", gone.id)).await;

    let mut session = fresh.begin().await;
    // Days: one each of the keys that are there, both of the other. Addresses: two, one, both.
    assert_eq!(session.prune_usage(2, NOW.plus_seconds(40)).await.unwrap(), 4 + 5);
    assert_eq!(session.prune_usage(2, NOW.plus_seconds(40)).await.unwrap(), 0);
    session.commit().await.unwrap();
    let left = |id: &KeyId| id.clone();
    for (id, address, second) in [(left(&busy.id), "192.0.2.3", 50), (left(&quiet.id), "192.0.2.2", 2)] {
        assert_eq!(fresh.read().await.key_days(&id, 0).await.unwrap(), [uses(2, 1)]);
        assert_eq!(sources(&fresh, &id, NOW).await, [(address.to_owned(), false, second)]);
    }
    assert_eq!(fresh.read().await.key_days(&gone.id, 0).await.unwrap(), []);
    assert_eq!(sources(&fresh, &gone.id, NOW).await, []);
}
