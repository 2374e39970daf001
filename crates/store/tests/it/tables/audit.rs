//! The audit log: append-only, one chain per organisation, one writer per chain.

use crate::data::{Fresh, NOW, on_both_engines, organisation};
use domain::audit::AuditFilter;
use domain::audit::{AuditEvent, FIRST_PREVIOUS_HASH};
use futures::future::join_all;
use store::{Store, StoreError};

on_both_engines!(
    the_audit_log_rejects_to_be_changed,
    a_chain_numbers_its_entries_without_a_gap_however_many_append,
    a_page_of_the_log_is_newest_first_and_filtered,
    the_log_is_read_forward_for_an_export,
    every_chain_that_must_be_there_is_listed,
    a_place_in_a_chain_is_taken_once,
);

fn event(chain: &str, number: i64, action: &str) -> AuditEvent {
    AuditEvent {
        id: format!("evt_{chain}_{number}"),
        chain: chain.to_owned(),
        sequence: number,
        at: NOW.plus_seconds(number),
        actor_kind: "person".into(),
        actor_id: "usr_1".into(),
        actor_name: "ada@example.org".into(),
        action: action.to_owned(),
        object_id: format!("key_{}", number % 2),
        object_name: "CI".into(),
        details: "{\"a\":1}".into(),
        address: (number % 2 == 0).then(|| "192.0.2.1".to_owned()),
        previous_hash: format!("hash {}", number - 1),
        hash: format!("hash {number}"),
    }
}

async fn append(store: &Store, chain: &str, action: &str) -> AuditEvent {
    let mut transaction = store.begin().await.unwrap();
    let head = transaction.lock_audit_head(chain).await.unwrap();
    let event = event(chain, head.sequence + 1, action);
    transaction.append_audit_event(&event, "seal").await.unwrap();
    transaction.commit().await.unwrap();
    event
}

async fn the_audit_log_rejects_to_be_changed(fresh: Fresh) {
    append(&fresh.store, "system", "signing_key.created").await;
    let before = fresh.database.dump().await;
    let mut attempts = vec!["UPDATE audit_events SET actor_name = 'eve'", "DELETE FROM audit_events"];
    if fresh.store.engine() == "postgres" {
        attempts.push("TRUNCATE audit_events");
    } else {
        attempts.push("REPLACE INTO audit_events SELECT * FROM audit_events");
        attempts.push("INSERT OR REPLACE INTO audit_events SELECT * FROM audit_events");
    }
    for attempt in attempts {
        let rejection = fresh.database.try_sql(attempt).await.unwrap_err();
        assert!(rejection.contains("the audit log is append-only"), "{attempt}: {rejection}");
    }
    assert_eq!(fresh.database.dump().await, before);
}

async fn a_chain_numbers_its_entries_without_a_gap_however_many_append(fresh: Fresh) {
    let other = fresh.another_store().await;
    let appends = (0..30).map(|number| {
        let store = if number % 2 == 0 { fresh.store.clone() } else { other.clone() };
        tokio::spawn(async move { append(&store, "org_a", "subject.created").await.sequence })
    });
    let mut numbers: Vec<_> = join_all(appends).await.into_iter().map(Result::unwrap).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=30).collect::<Vec<_>>());
    let head = fresh.read().await.audit_head("org_a").await.unwrap().unwrap();
    assert_eq!((head.sequence, head.hash.as_str(), head.seal.as_str()), (30, "hash 30", "seal"));
}

async fn a_page_of_the_log_is_newest_first_and_filtered(fresh: Fresh) {
    for number in 0..10 {
        append(&fresh.store, "org_a", if number % 3 == 0 { "api_key.generated" } else { "api_key.rotated" })
            .await;
        append(&fresh.store, "org_b", "api_key.generated").await;
    }
    let mut reader = fresh.read().await;
    let mut page = async |before: Option<&str>, first, action: Option<&str>, object: Option<&str>| {
        let filter =
            AuditFilter { action: action.map(Into::into), object_id: object.map(Into::into), actor_id: None };
        let page = reader.audit_events_before("org_a", before, first, &filter).await.unwrap();
        page.into_iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 4, None, None).await, [10, 9, 8, 7]);
    assert_eq!(page(Some("evt_org_a_7"), 4, None, None).await, [6, 5, 4, 3]);
    assert_eq!(page(Some("evt_org_a_2"), 4, None, None).await, [1]);
    assert_eq!(page(None, 9, Some("api_key.generated"), None).await, [10, 7, 4, 1]);
    assert_eq!(page(Some("evt_org_a_9"), 9, Some("api_key.generated"), Some("key_0")).await, [4]);
    // Another chain's entry is no place in this one.
    assert_eq!(page(Some("evt_org_b_7"), 4, None, None).await, [0_i64; 0]);
}

async fn the_log_is_read_forward_for_an_export(fresh: Fresh) {
    let mut appended = Vec::new();
    for _ in 0..5 {
        appended.push(append(&fresh.store, "system", "signing_key.created").await);
    }
    let mut reader = fresh.read().await;
    assert_eq!(reader.audit_events_after("system", 0, 3).await.unwrap(), appended[..3]);
    assert_eq!(reader.audit_events_after("system", 3, 3).await.unwrap(), appended[3..]);
    assert_eq!(reader.audit_events_after("system", 5, 3).await.unwrap(), []);
}

async fn every_chain_that_must_be_there_is_listed(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    append(&fresh.store, "system", "signing_key.created").await;
    append(&fresh.store, "org_lost", "subject.created").await;
    fresh.database.sql("DELETE FROM audit_heads WHERE chain = 'org_lost'").await;
    let heads = fresh.read().await.audit_heads().await.unwrap();
    let mut heads: Vec<_> = heads.iter().map(|head| (head.chain.as_str(), head.sequence)).collect();
    heads.sort_unstable();
    let mut expected = vec![("system", 1), ("org_lost", 0), (acme.id.as_str(), 0)];
    expected.sort_unstable();
    assert_eq!(heads, expected);
    // A chain starts at a hash that everyone knows.
    let mut transaction = fresh.begin().await;
    let head = transaction.lock_audit_head(organisation("New").id.as_str()).await.unwrap();
    assert_eq!((head.sequence, head.hash.as_str()), (0, FIRST_PREVIOUS_HASH));
}

async fn a_place_in_a_chain_is_taken_once(fresh: Fresh) {
    append(&fresh.store, "system", "signing_key.created").await;
    let mut transaction = fresh.begin().await;
    let same_number = AuditEvent { id: "evt_other".into(), ..event("system", 1, "signing_key.withdrawn") };
    let rejection = transaction.append_audit_event(&same_number, "seal").await.unwrap_err();
    let taken = matches!(rejection, StoreError::Taken) || format!("{rejection:?}").contains("append-only");
    assert!(taken, "{rejection:?}");
}
