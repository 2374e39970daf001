//! A former secret that turns up again is a leak or a forgotten pipeline: counted, audited, shown.

use crate::fixture::{
    DAY, Fixture, HOUR, NO_GRACE, Pair, Reply, at, exchange_with, from, on_both_engines, time,
};
use domain::audit::AuditFilter;
use service::Service;
use testkit::Engine;

on_both_engines!(
    a_dead_secret_is_counted_on_its_key_and_shown,
    a_dead_secret_is_audited_once_until_it_has_been_quiet_for_an_hour,
    two_nodes_audit_one_sighting_once,
    the_secret_of_a_revoked_key_is_counted_on_its_tombstone,
    a_strangers_guess_is_not_counted,
);

/// Presents a dead secret `times` times.
async fn present(node: &Service, address: &str, seconds: i64, pair: &Pair, times: usize) {
    for _ in 0..times {
        let told = exchange_with(node, &from(address, seconds), pair).await.unwrap_err();
        assert!(matches!(told, Reply::Rotated(_) | Reply::Revoked(_)), "{told:?}");
    }
}

/// What the log says of dead secrets: when, from where, about which key, by whom, how often.
async fn sightings(fixture: &Fixture) -> Vec<(i64, Option<String>, String, String, String)> {
    let filter =
        AuditFilter { action: Some("api_key.dead_secret_seen".into()), object_id: None, actor_id: None };
    let mut events = fixture.service.audit_log().list(&fixture.admin, 100, None, &filter).await.unwrap();
    events.reverse();
    let since = |at: domain::Timestamp| at.seconds() - time(0).seconds();
    events
        .into_iter()
        .map(|event| (since(event.at), event.address, event.object_id, event.actor_kind, event.details))
        .collect()
}

async fn a_dead_secret_is_counted_on_its_key_and_shown(fixture: Fixture) {
    let first = fixture.generate(0).await;
    let second = fixture.rotate(10, &first, NO_GRACE).await;
    let third = fixture.rotate(20, &second, NO_GRACE).await;
    present(&fixture.service, "192.0.2.1", 100, &first, 2).await;
    present(&fixture.service, "192.0.2.2", 200, &second, 3).await;
    fixture.service.keys().flush_usage(&at(201)).await.unwrap();
    present(&fixture.service, "192.0.2.3", 300, &first, 1).await;
    fixture.service.keys().flush_usage(&at(301)).await.unwrap();
    fixture.service.keys().flush_usage(&at(302)).await.unwrap();
    for overview in [
        fixture.service.keys().get(&fixture.admin, &first.id).await.unwrap(),
        fixture.service.keys().list(&fixture.admin).await.unwrap().remove(0),
    ] {
        assert_eq!((overview.dead_secret_uses, overview.dead_secret_seen_at), (6, Some(time(300))));
        // It was not a use of the key.
        assert_eq!(overview.last_used_at, None);
    }
    fixture.issue_token(400, &third).await;
}

async fn a_dead_secret_is_audited_once_until_it_has_been_quiet_for_an_hour(fixture: Fixture) {
    let first = fixture.generate(0).await;
    fixture.rotate(10, &first, NO_GRACE).await;
    for (seconds, address) in [
        (100, "192.0.2.1"),
        (1000, "192.0.2.2"),
        (4599, "192.0.2.3"),
        (4599 + HOUR, "192.0.2.4"),
        (9000 + HOUR, "192.0.2.5"),
        (30 * DAY, "2001:db8::6"),
    ] {
        present(&fixture.service, address, seconds, &first, 2).await;
        fixture.service.keys().flush_usage(&at(seconds + 1)).await.unwrap();
    }
    let entry = |seconds, address: &str| {
        (seconds, Some(address.to_owned()), first.id.clone(), "system".to_owned(), "{\"times\":2}".to_owned())
    };
    let quiet_since = 9000 + HOUR;
    assert_eq!(
        sightings(&fixture).await,
        [entry(100, "192.0.2.1"), entry(quiet_since, "192.0.2.5"), entry(30 * DAY, "2001:db8::6")]
    );
    let overview = fixture.service.keys().get(&fixture.admin, &first.id).await.unwrap();
    assert_eq!(overview.dead_secret_uses, 12);
}

async fn two_nodes_audit_one_sighting_once(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    for round in 1..=8 {
        let first = fixture.generate(round).await;
        fixture.rotate(round, &first, NO_GRACE).await;
        present(&fixture.service, "192.0.2.1", 100, &first, 1).await;
        present(&other, "192.0.2.2", 100, &first, 1).await;
        let (here, there) = (fixture.service.clone(), other.clone());
        let flushes = [
            tokio::spawn(async move { here.keys().flush_usage(&at(101)).await }),
            tokio::spawn(async move { there.keys().flush_usage(&at(101)).await }),
        ];
        for flush in flushes {
            flush.await.unwrap().unwrap();
        }
        assert_eq!(sightings(&fixture).await.len(), usize::try_from(round).unwrap());
        let overview = fixture.service.keys().get(&fixture.admin, &first.id).await.unwrap();
        assert_eq!(overview.dead_secret_uses, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counting_a_dead_secret_and_revoking_its_key_do_not_deadlock() {
    let fixture = Fixture::on(Engine::Postgres).await;
    let first = fixture.generate(0).await;
    fixture.rotate(10, &first, NO_GRACE).await;
    present(&fixture.service, "192.0.2.1", 100, &first, 1).await;
    let waiting = async |number: i64| {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while fixture.database.number(sql).await < number {
            tokio::task::yield_now().await;
        }
    };
    // Whoever comes first waits at the end of the log with all its other locks; then comes the other.
    let mut blocker = fixture.service.store().begin().await.unwrap();
    blocker.lock_audit_head(fixture.acme.id.as_str()).await.unwrap();
    let (service, admin, id) = (fixture.service.clone(), fixture.admin.clone(), first.id.clone());
    let revoking = tokio::spawn(async move { service.keys().revoke(&at(101), &admin, &id).await });
    waiting(1).await;
    let service = fixture.service.clone();
    let flushing = tokio::spawn(async move { service.keys().flush_usage(&at(101)).await });
    waiting(2).await;
    drop(blocker);
    revoking.await.unwrap().unwrap();
    flushing.await.unwrap().unwrap();
}

async fn the_secret_of_a_revoked_key_is_counted_on_its_tombstone(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    fixture.revoke(10, &pair).await;
    present(&fixture.service, "192.0.2.1", 100, &pair, 3).await;
    fixture.service.keys().flush_usage(&at(101)).await.unwrap();
    let entry =
        (100, Some("192.0.2.1".to_owned()), pair.id.clone(), "system".to_owned(), "{\"times\":3}".to_owned());
    assert_eq!(sightings(&fixture).await, [entry]);
    let counted = format!("SELECT seen_count FROM retired_secrets WHERE key_id = '{}'", pair.id);
    assert_eq!(fixture.database.number(&counted).await, 3);
}

async fn a_strangers_guess_is_not_counted(fixture: Fixture) {
    let first = fixture.generate(0).await;
    fixture.rotate(10, &first, NO_GRACE).await;
    let guess = Pair { secret: "dks_guess".into(), ..first.clone() };
    let elsewhere = Pair { id: fixture.generate(10).await.id, ..first.clone() };
    for pair in [guess, elsewhere] {
        assert_eq!(fixture.rejection(100, &pair).await, Reply::Unknown);
    }
    fixture.service.keys().flush_usage(&at(101)).await.unwrap();
    assert_eq!(sightings(&fixture).await, []);
    for overview in fixture.service.keys().list(&fixture.admin).await.unwrap() {
        assert_eq!((overview.dead_secret_uses, overview.dead_secret_seen_at), (0, None));
    }
}
