//! Use counters and "last used": true before they are written, and none is lost on the way.

use crate::fixture::{Fixture, Pair, at, exchange_with, from, generate, on_both_engines, policy, time};
use domain::{KeyId, KeyUse};
use service::{Policy, Service, keys::RotateKey};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};
use store::Location;
use testkit::{Engine, HeldTransaction};

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
    the_program_that_used_a_key_last_is_told,
    only_the_new_secret_is_its_own_first_use,
);

async fn last_used(node: &Service, fixture: &Fixture, pair: &Pair) -> Option<(i64, String)> {
    let overview = node.keys().get(&fixture.admin, &pair.id).await.unwrap();
    let seconds = overview.last_used_at.map(|at| at.seconds() - time(0).seconds());
    seconds.zip(overview.last_used_from)
}

async fn days(fixture: &Fixture, pair: &Pair) -> Vec<KeyUse> {
    let id = KeyId::parse(&pair.id).unwrap();
    fixture.service.store().reader().await.unwrap().key_days(&id, 0).await.unwrap()
}

fn use_of(exchanges: i64, api_calls: i64) -> Vec<KeyUse> {
    vec![KeyUse { day: time(0).day(), exchanges, api_calls, ..KeyUse::default() }]
}

fn seen(seconds: i64, address: &str) -> (i64, String) {
    (seconds, address.to_owned())
}

async fn the_program_that_used_a_key_last_is_told(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let id = KeyId::parse(&pair.id).unwrap();
    for (second, program) in [(1, Some("curl/8.5")), (2, None), (3, Some("acme-explore-action/2.1"))] {
        let ctx =
            service::RequestContext { user_agent: program.map(Into::into), ..from("192.0.2.1", second) };
        exchange_with(&fixture.service, &ctx, &pair).await.unwrap();
        if second != 2 {
            fixture.service.keys().flush_usage(&at(second)).await.unwrap();
            let mut reader = fixture.service.store().reader().await.unwrap();
            let sources = reader.key_sources(&id, time(0)).await.unwrap();
            assert_eq!((sources.len(), sources[0].user_agent.as_deref()), (1, program));
        }
    }
}

/// Neither the previous secret in its grace nor a token from before the rotation is taken for the new secret.
async fn only_the_new_secret_is_its_own_first_use(fixture: Fixture) {
    let used = async |node: &Service, pair: &Pair| {
        let overview = node.keys().get(&fixture.admin, &pair.id).await.unwrap();
        let at = overview.secret_used_at.map(|at| at.seconds() - time(0).seconds());
        at.zip(overview.secret_used_from)
    };
    let node = &fixture.service;
    let old = fixture.generate(0).await;
    let token = exchange_with(node, &from("192.0.2.1", 10), &old).await.unwrap().access_token;
    assert_eq!(used(node, &old).await, Some(seen(10, "192.0.2.1")));
    // A rotation has the time of its request: the former secret is still used until it is committed.
    exchange_with(node, &from("192.0.2.1", 25), &old).await.unwrap();
    let grace = RotateKey { grace_seconds: 3600, end_issued_tokens: false };
    let new = fixture.rotate(20, &old, grace).await;
    assert_eq!(used(node, &new).await, None);
    node.tokens().authenticate(&from("192.0.2.1", 21), &token).await.unwrap();
    let by_grace = exchange_with(node, &from("192.0.2.2", 22), &old).await.unwrap().access_token;
    node.tokens().authenticate(&from("192.0.2.2", 23), &by_grace).await.unwrap();
    assert_eq!(used(node, &new).await, None);
    node.keys().flush_usage(&at(24)).await.unwrap();
    assert_eq!(used(node, &new).await, None);
    exchange_with(node, &from("192.0.2.3", 30), &new).await.unwrap();
    node.tokens().authenticate(&from("192.0.2.3", 40), &by_grace).await.unwrap();
    assert_eq!(used(node, &new).await, Some(seen(30, "192.0.2.3")));
    node.keys().flush_usage(&at(41)).await.unwrap();
    assert_eq!(used(&fixture.another_node(42).await, &new).await, Some(seen(30, "192.0.2.3")));
}

async fn last_used_is_true_before_anything_is_written(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    assert_eq!(last_used(&fixture.service, &fixture, &pair).await, None);
    let issued = exchange_with(&fixture.service, &from("192.0.2.1", 10), &pair).await.unwrap();
    assert_eq!(last_used(&fixture.service, &fixture, &pair).await, Some(seen(10, "192.0.2.1")));
    fixture.service.tokens().authenticate(&from("2001:db8::1", 20), &issued.access_token).await.unwrap();
    assert_eq!(last_used(&fixture.service, &fixture, &pair).await, Some(seen(20, "2001:db8::1")));
    assert_eq!(days(&fixture, &pair).await, []);
    fixture.service.keys().flush_usage(&at(21)).await.unwrap();
    assert_eq!(last_used(&fixture.service, &fixture, &pair).await, Some(seen(20, "2001:db8::1")));
    assert_eq!(
        last_used(&fixture.another_node(21).await, &fixture, &pair).await,
        Some(seen(20, "2001:db8::1"))
    );
    assert_eq!(days(&fixture, &pair).await, use_of(1, 1));
}

async fn last_used_never_goes_back_while_batches_are_written(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (service, flag) = (fixture.service.clone(), stop.clone());
    let flushing = tokio::spawn(async move {
        while !flag.load(Ordering::Relaxed) {
            service.keys().flush_usage(&at(0)).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    for seconds in 1..=100 {
        fixture.issue_token(seconds, &pair).await;
        for _ in 0..3 {
            assert_eq!(last_used(&fixture.service, &fixture, &pair).await, Some(seen(seconds, "192.0.2.7")));
        }
    }
    stop.store(true, Ordering::Relaxed);
    flushing.await.unwrap();
    fixture.service.keys().flush_usage(&at(0)).await.unwrap();
    assert_eq!(days(&fixture, &pair).await, use_of(100, 0));
}

async fn the_newest_of_many_addresses_is_remembered(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    for number in 1..=200_u8 {
        exchange_with(&fixture.service, &from(&format!("192.0.2.{number}"), number.into()), &pair)
            .await
            .unwrap();
        assert_eq!(
            last_used(&fixture.service, &fixture, &pair).await,
            Some(seen(number.into(), &format!("192.0.2.{number}")))
        );
    }
    fixture.service.keys().flush_usage(&at(201)).await.unwrap();
    assert_eq!(
        last_used(&fixture.another_node(201).await, &fixture, &pair).await,
        Some(seen(200, "192.0.2.200"))
    );
    let counted = days(&fixture, &pair).await;
    assert_eq!((counted[0].exchanges, counted[0].other_addresses), (200, 200 - 64));
}

async fn counts_of_two_nodes_add_up(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let pair = fixture.generate(0).await;
    for node in [&fixture.service, &other] {
        for seconds in 0..5 {
            exchange_with(node, &at(seconds), &pair).await.unwrap();
        }
    }
    let (here, there) = (at(9), at(9));
    let (first, second) =
        tokio::join!(fixture.service.keys().flush_usage(&here), other.keys().flush_usage(&there));
    first.unwrap();
    second.unwrap();
    assert_eq!(days(&fixture, &pair).await, use_of(10, 0));
}

async fn what_cannot_be_written_is_kept_for_the_next_time(fixture: Fixture) {
    let former = fixture.generate(0).await;
    let pair = fixture.rotate(1, &former, crate::fixture::NO_GRACE).await;
    fixture.database.sql("ALTER TABLE key_usage RENAME TO away").await;
    crate::fixture::exchange(&fixture.service, 1, &former).await.unwrap_err();
    for seconds in 1..=3 {
        fixture.issue_token(seconds, &pair).await;
        fixture.service.keys().flush_usage(&at(seconds)).await.unwrap_err();
        assert_eq!(last_used(&fixture.service, &fixture, &pair).await, Some(seen(seconds, "192.0.2.7")));
    }
    fixture.database.sql("ALTER TABLE away RENAME TO key_usage").await;
    if matches!(fixture.database.location(), Location::Postgres(_)) {
        let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        fixture.database.sql(cut).await;
    }
    fixture.service.keys().flush_usage(&at(5)).await.unwrap();
    assert_eq!(days(&fixture, &pair).await, use_of(3, 0));
    assert_eq!(fixture.service.keys().get(&fixture.admin, &pair.id).await.unwrap().dead_secret_uses, 1);
}

/// SQL by which the database rejects a row of this key's usage, and SQL that ends that.
fn reject_usage_of(fixture: &Fixture, id: &str) -> (String, &'static str) {
    match fixture.database.location() {
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

async fn a_batch_that_was_written_is_not_written_again_when_a_later_one_fails(fixture: Fixture) {
    // One transaction writes 500 keys: the last of 510 is in the second.
    let mut pairs = Vec::new();
    let many = Policy { active_keys: 510, ..policy() };
    let service = crate::fixture::open(&fixture.database, &fixture.master_key, many, 0).await;
    for _ in 0..510 {
        pairs.push(generate(&service, &fixture.admin, 0).await.unwrap());
    }
    pairs.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in &pairs {
        exchange_with(&service, &at(1), pair).await.unwrap();
    }
    let (reject, mend) = reject_usage_of(&fixture, &pairs[509].id);
    fixture.database.sql(&reject).await;
    for _ in 0..2 {
        service.keys().flush_usage(&at(2)).await.unwrap_err();
    }
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM key_usage").await, 500);
    fixture.database.sql(mend).await;
    service.keys().flush_usage(&at(3)).await.unwrap();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM key_usage").await, 510);
    assert_eq!(fixture.database.number("SELECT CAST(SUM(exchanges) AS BIGINT) FROM key_usage").await, 510);
}

/// No flush commits until both are dropped: on SQLite there is one writer, on PostgreSQL the table is locked. A task that is
/// polled once may get several answers of PostgreSQL meanwhile.
async fn block_counters(fixture: &Fixture) -> (store::Transaction, Option<HeldTransaction>) {
    let writer = fixture.service.store().begin().await.unwrap();
    let held = match fixture.database.location() {
        Location::Sqlite(_) => None,
        Location::Postgres(_) => {
            Some(fixture.database.hold("LOCK TABLE key_usage IN ACCESS EXCLUSIVE MODE").await)
        }
    };
    (writer, held)
}

async fn a_flush_that_nobody_waited_for_loses_nothing(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    for round in 1..=10 {
        fixture.issue_token(round, &pair).await;
        let _blocker = block_counters(&fixture).await;
        let ctx = at(round);
        let mut flush = Box::pin(fixture.service.keys().flush_usage(&ctx));
        // Stopped at a wait, with everything in its hands and nothing committed.
        assert!(matches!(futures::poll!(&mut flush), Poll::Pending));
        drop(flush);
        assert_eq!(last_used(&fixture.service, &fixture, &pair).await, Some(seen(round, "192.0.2.7")));
    }
    fixture.service.keys().flush_usage(&at(11)).await.unwrap();
    assert_eq!(days(&fixture, &pair).await, use_of(10, 0));
}

async fn whoever_flushes_waits_for_a_flush_under_way(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    fixture.issue_token(1, &pair).await;
    let blocker = block_counters(&fixture).await;
    let (one, two) = (at(2), at(2));
    let mut under_way = Box::pin(fixture.service.keys().flush_usage(&one));
    assert!(matches!(futures::poll!(&mut under_way), Poll::Pending));
    let mut last = Box::pin(fixture.service.keys().flush_usage(&two));
    for _ in 0..100 {
        assert!(matches!(futures::poll!(&mut last), Poll::Pending), "answered before all was written");
        tokio::task::yield_now().await;
    }
    drop(blocker);
    let (first, second) = tokio::join!(under_way, last);
    first.unwrap();
    second.unwrap();
    assert_eq!(days(&fixture, &pair).await, use_of(1, 0));
}

async fn old_counters_are_forgotten_day_by_day(fixture: Fixture) {
    let day = crate::fixture::DAY;
    let pair = {
        let input = service::keys::GenerateKey { label: "CI".into(), expires_in_days: Some(365) };
        Pair::from(fixture.service.keys().generate(&at(0), &fixture.admin, &input).await.unwrap())
    };
    for number in 0..4 {
        fixture.issue_token(number * day, &pair).await;
    }
    fixture.service.keys().flush_usage(&at(4 * day)).await.unwrap();
    for (later, left) in [(4, 4), (400, 4), (401, 3), (403, 1), (500, 0)] {
        fixture.service.operations().every_day(&at(later * day)).await.unwrap();
        assert_eq!(days(&fixture, &pair).await.len(), left, "after {later} days");
    }
    // When it was last used is not forgotten.
    assert_eq!(last_used(&fixture.service, &fixture, &pair).await, Some(seen(3 * day, "192.0.2.7")));
}

#[tokio::test]
async fn a_use_without_an_address_is_counted() {
    let fixture = Fixture::on(Engine::Sqlite).await;
    let pair = fixture.generate(0).await;
    let ctx = service::RequestContext { address: None, ..at(1) };
    exchange_with(&fixture.service, &ctx, &pair).await.unwrap();
    fixture.service.keys().flush_usage(&at(2)).await.unwrap();
    assert_eq!(days(&fixture, &pair).await, use_of(1, 0));
    assert_eq!(last_used(&fixture.service, &fixture, &pair).await, None);
}
