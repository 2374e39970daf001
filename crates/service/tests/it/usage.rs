//! Use counters and "last used": true before they are written, and none is lost on the way.

use crate::house::{House, Pair, at, exchange_with, from, generate, on_both_engines, policy, time};
use domain::KeyId;
use service::{Policy, Service};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};
use store::{KeyUse, Location};
use testkit::Engine;

on_both_engines!(
    last_used_is_true_before_anything_is_written,
    last_used_never_goes_back_while_batches_are_written,
    the_newest_of_many_addresses_is_remembered,
    counts_of_two_nodes_add_up,
    what_cannot_be_written_is_kept_for_the_next_time,
    a_batch_that_was_written_is_not_written_again_when_a_later_one_fails,
    a_flush_that_nobody_waited_for_loses_nothing,
    whoever_flushes_waits_for_a_flush_under_way,
    old_counters_are_forgotten_day_by_day,
);

async fn last_used(node: &Service, house: &House, pair: &Pair) -> Option<(i64, String)> {
    let overview = node.get_key(&house.admin, &pair.id).await.unwrap();
    let seconds = overview.last_used_at.map(|at| at.seconds() - time(0).seconds());
    seconds.zip(overview.last_used_from)
}

async fn days(house: &House, pair: &Pair) -> Vec<KeyUse> {
    let id = KeyId::parse(&pair.id).unwrap();
    house.service.store().reader().await.unwrap().key_days(&id, 0).await.unwrap()
}

fn use_of(exchanges: i64, api_calls: i64) -> Vec<KeyUse> {
    vec![KeyUse { day: time(0).day(), exchanges, api_calls, ..KeyUse::default() }]
}

fn seen(seconds: i64, address: &str) -> (i64, String) {
    (seconds, address.to_owned())
}

async fn last_used_is_true_before_anything_is_written(house: House) {
    let pair = house.generate(0).await;
    assert_eq!(last_used(&house.service, &house, &pair).await, None);
    let bought = exchange_with(&house.service, &from("192.0.2.1", 10), &pair).await.unwrap();
    assert_eq!(last_used(&house.service, &house, &pair).await, Some(seen(10, "192.0.2.1")));
    house.service.authenticate(&from("2001:db8::1", 20), &bought.access_token).await.unwrap();
    assert_eq!(last_used(&house.service, &house, &pair).await, Some(seen(20, "2001:db8::1")));
    assert_eq!(days(&house, &pair).await, []);
    house.service.flush_usage(&at(21)).await.unwrap();
    assert_eq!(last_used(&house.service, &house, &pair).await, Some(seen(20, "2001:db8::1")));
    assert_eq!(last_used(&house.another_node(21).await, &house, &pair).await, Some(seen(20, "2001:db8::1")));
    assert_eq!(days(&house, &pair).await, use_of(1, 1));
}

async fn last_used_never_goes_back_while_batches_are_written(house: House) {
    let pair = house.generate(0).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (service, flag) = (house.service.clone(), stop.clone());
    let flushing = tokio::spawn(async move {
        while !flag.load(Ordering::Relaxed) {
            service.flush_usage(&at(0)).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    for seconds in 1..=100 {
        house.buy(seconds, &pair).await;
        for _ in 0..3 {
            assert_eq!(last_used(&house.service, &house, &pair).await, Some(seen(seconds, "192.0.2.7")));
        }
    }
    stop.store(true, Ordering::Relaxed);
    flushing.await.unwrap();
    house.service.flush_usage(&at(0)).await.unwrap();
    assert_eq!(days(&house, &pair).await, use_of(100, 0));
}

async fn the_newest_of_many_addresses_is_remembered(house: House) {
    let pair = house.generate(0).await;
    for number in 1..=200_u8 {
        exchange_with(&house.service, &from(&format!("192.0.2.{number}"), number.into()), &pair)
            .await
            .unwrap();
        assert_eq!(
            last_used(&house.service, &house, &pair).await,
            Some(seen(number.into(), &format!("192.0.2.{number}")))
        );
    }
    house.service.flush_usage(&at(201)).await.unwrap();
    assert_eq!(
        last_used(&house.another_node(201).await, &house, &pair).await,
        Some(seen(200, "192.0.2.200"))
    );
    let counted = days(&house, &pair).await;
    assert_eq!((counted[0].exchanges, counted[0].other_addresses), (200, 200 - 64));
}

async fn counts_of_two_nodes_add_up(house: House) {
    let other = house.another_node(0).await;
    let pair = house.generate(0).await;
    for node in [&house.service, &other] {
        for seconds in 0..5 {
            exchange_with(node, &at(seconds), &pair).await.unwrap();
        }
    }
    let (here, there) = (at(9), at(9));
    let (first, second) = tokio::join!(house.service.flush_usage(&here), other.flush_usage(&there));
    first.unwrap();
    second.unwrap();
    assert_eq!(days(&house, &pair).await, use_of(10, 0));
}

async fn what_cannot_be_written_is_kept_for_the_next_time(house: House) {
    let former = house.generate(0).await;
    let pair = house.rotate(1, &former, crate::house::NO_GRACE).await;
    house.database.sql("ALTER TABLE key_usage RENAME TO away").await;
    crate::house::exchange(&house.service, 1, &former).await.unwrap_err();
    for seconds in 1..=3 {
        house.buy(seconds, &pair).await;
        house.service.flush_usage(&at(seconds)).await.unwrap_err();
        assert_eq!(last_used(&house.service, &house, &pair).await, Some(seen(seconds, "192.0.2.7")));
    }
    house.database.sql("ALTER TABLE away RENAME TO key_usage").await;
    if matches!(house.database.location(), Location::Postgres(_)) {
        let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        house.database.sql(cut).await;
    }
    house.service.flush_usage(&at(5)).await.unwrap();
    assert_eq!(days(&house, &pair).await, use_of(3, 0));
    assert_eq!(house.service.get_key(&house.admin, &pair.id).await.unwrap().dead_secret_uses, 1);
}

/// SQL by which the database refuses a row of this key's usage, and SQL that ends that.
fn refuse_usage_of(house: &House, id: &str) -> (String, &'static str) {
    match house.database.location() {
        Location::Sqlite(_) => (
            format!(
                "CREATE TRIGGER broken BEFORE INSERT ON key_usage WHEN NEW.key_id = '{id}' \
                 BEGIN SELECT RAISE(ABORT, 'broken'); END"
            ),
            "DROP TRIGGER broken",
        ),
        Location::Postgres(_) => (
            format!("ALTER TABLE key_usage ADD CONSTRAINT broken CHECK (key_id <> '{id}')"),
            "ALTER TABLE key_usage DROP CONSTRAINT broken",
        ),
    }
}

async fn a_batch_that_was_written_is_not_written_again_when_a_later_one_fails(house: House) {
    // One transaction writes 500 keys: the last of 510 is in the second.
    let mut pairs = Vec::new();
    let many = Policy { active_keys: 510, ..policy() };
    let service = crate::house::open(&house.database, &house.master_key, many, 0).await;
    for _ in 0..510 {
        pairs.push(generate(&service, &house.admin, 0).await.unwrap());
    }
    pairs.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in &pairs {
        exchange_with(&service, &at(1), pair).await.unwrap();
    }
    let (refuse, mend) = refuse_usage_of(&house, &pairs[509].id);
    house.database.sql(&refuse).await;
    for _ in 0..2 {
        service.flush_usage(&at(2)).await.unwrap_err();
    }
    assert_eq!(house.database.number("SELECT COUNT(*) FROM key_usage").await, 500);
    house.database.sql(mend).await;
    service.flush_usage(&at(3)).await.unwrap();
    assert_eq!(house.database.number("SELECT COUNT(*) FROM key_usage").await, 510);
    assert_eq!(house.database.number("SELECT CAST(SUM(exchanges) AS BIGINT) FROM key_usage").await, 510);
}

async fn a_flush_that_nobody_waited_for_loses_nothing(house: House) {
    let pair = house.generate(0).await;
    for round in 1..=10 {
        house.buy(round, &pair).await;
        // On SQLite the flush cannot begin before this has ended; on PostgreSQL beginning takes a while anyway.
        let _blocker = house.service.store().begin().await.unwrap();
        let ctx = at(round);
        let mut flush = Box::pin(house.service.flush_usage(&ctx));
        // Stopped at its first wait, with everything in its hands and nothing written.
        assert!(matches!(futures::poll!(&mut flush), Poll::Pending));
        drop(flush);
        assert_eq!(last_used(&house.service, &house, &pair).await, Some(seen(round, "192.0.2.7")));
    }
    house.service.flush_usage(&at(11)).await.unwrap();
    assert_eq!(days(&house, &pair).await, use_of(10, 0));
}

async fn whoever_flushes_waits_for_a_flush_under_way(house: House) {
    let pair = house.generate(0).await;
    house.buy(1, &pair).await;
    let blocker = house.service.store().begin().await.unwrap();
    let (one, two) = (at(2), at(2));
    let mut under_way = Box::pin(house.service.flush_usage(&one));
    assert!(matches!(futures::poll!(&mut under_way), Poll::Pending));
    let mut last = Box::pin(house.service.flush_usage(&two));
    for _ in 0..100 {
        assert!(matches!(futures::poll!(&mut last), Poll::Pending), "answered before all was written");
        tokio::task::yield_now().await;
    }
    drop(blocker);
    let (first, second) = tokio::join!(under_way, last);
    first.unwrap();
    second.unwrap();
    assert_eq!(days(&house, &pair).await, use_of(1, 0));
}

async fn old_counters_are_forgotten_day_by_day(house: House) {
    let day = crate::house::DAY;
    let pair = {
        let input = service::keys::GenerateKey { label: "CI".into(), expires_in_days: Some(365) };
        Pair::from(house.service.generate_key(&at(0), &house.admin, &input).await.unwrap())
    };
    for number in 0..4 {
        house.buy(number * day, &pair).await;
    }
    house.service.flush_usage(&at(4 * day)).await.unwrap();
    for (later, left) in [(4, 4), (400, 4), (401, 3), (403, 1), (500, 0)] {
        house.service.every_day(&at(later * day)).await.unwrap();
        assert_eq!(days(&house, &pair).await.len(), left, "after {later} days");
    }
    // When it was last used is not forgotten.
    assert_eq!(last_used(&house.service, &house, &pair).await, Some(seen(3 * day, "192.0.2.7")));
}

#[tokio::test]
async fn a_use_without_an_address_is_counted() {
    let house = House::on(Engine::Sqlite).await;
    let pair = house.generate(0).await;
    let ctx = service::Ctx { address: None, ..at(1) };
    exchange_with(&house.service, &ctx, &pair).await.unwrap();
    house.service.flush_usage(&at(2)).await.unwrap();
    assert_eq!(days(&house, &pair).await, use_of(1, 0));
    assert_eq!(last_used(&house.service, &house, &pair).await, None);
}
