//! Whoever can write to the database, but has not the master key, cannot change the audit log unnoticed.

use crate::fixture::{Fixture, NO_GRACE, at, on_both_engines};
use domain::audit::AuditEvent;
use service::operations::audit_witness::Witness;
use store::Location;

on_both_engines!(
    tampering_with_the_audit_log_is_found_out,
    a_chain_can_be_appended_to_while_it_is_verified,
    a_cut_that_the_seals_do_not_show_is_found_with_a_witness,
);

/// A fixture whose log has ten entries of Acme and is open to whoever writes SQL.
async fn unguarded(fixture: &Fixture) {
    let pair = fixture.generate(0).await;
    for second in 1..=4 {
        fixture.rotate(second, &pair, NO_GRACE).await;
    }
    assert_eq!(fixture.entries().await, 10);
    let drop = match fixture.database.location() {
        Location::Sqlite(_) => "DROP TRIGGER audit_events_never_change; DROP TRIGGER audit_events_never_go",
        Location::Postgres(_) => "DROP TRIGGER audit_events_never_change ON audit_events",
    };
    fixture.database.sql(drop).await;
    let keep = "CREATE TABLE kept_events AS SELECT * FROM audit_events; \
                CREATE TABLE kept_heads AS SELECT * FROM audit_heads";
    fixture.database.sql(keep).await;
}

/// The fault that verifying finds in Acme's chain after `sql`; everything is put back behind it.
async fn fault_after(fixture: &Fixture, sql: &str) -> Option<String> {
    fixture.database.sql(sql).await;
    let reports = fixture.service.audit_log().verify(Some(fixture.acme.id.as_str())).await.unwrap();
    let [report] = &reports[..] else { panic!("{sql}: {reports:?}") };
    let restore = "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept_events; \
                   DELETE FROM audit_heads; INSERT INTO audit_heads SELECT * FROM kept_heads";
    fixture.database.sql(restore).await;
    report.damage.clone()
}

/// SQL that gives the chain from `event` on hashes that fit again, as someone would who knows how they are made.
fn rehash(mut events: Vec<AuditEvent>) -> String {
    let mut sql = Vec::new();
    let mut previous = events[0].previous_hash.clone();
    for event in &mut events {
        event.previous_hash = previous;
        event.hash = jose::hex(&jose::sha256(&event.covered_bytes()));
        let AuditEvent { actor_name, previous_hash, hash, id, .. } = event;
        sql.push(format!(
            "UPDATE audit_events SET actor_name = '{actor_name}', previous_hash = '{previous_hash}', hash = '{hash}' \
             WHERE id = '{id}'"
        ));
        previous = std::mem::take(hash);
    }
    sql.push(format!("UPDATE audit_heads SET hash = '{previous}' WHERE chain = '{}'", events[0].chain));
    sql.join("; ")
}

async fn tampering_with_the_audit_log_is_found_out(fixture: Fixture) {
    unguarded(&fixture).await;
    let acme = fixture.acme.id.as_str();
    let events = fixture.service.audit_log().export(acme, 0).await.unwrap();
    assert_eq!(fault_after(&fixture, "SELECT 1").await, None);

    let cut =
        |number: i64| format!("DELETE FROM audit_events WHERE chain = '{acme}' AND sequence > {number}");
    let head = |set: &str| format!("UPDATE audit_heads SET {set} WHERE chain = '{acme}'");
    let eighth = &events[7].hash;
    let mut forged = events[5..].to_vec();
    forged[0].actor_name = "eve@globex.example".into();
    let seal = "the seal of the chain's end does not fit the master key";
    let missing = "the sealed end of the chain is missing";
    for (sql, expected) in [
        // A changed row.
        (
            format!("UPDATE audit_events SET actor_name = 'eve' WHERE id = '{}'", events[5].id),
            format!("entry 6 ({}) was changed", events[5].id),
        ),
        (
            format!("UPDATE audit_events SET at_ms = at_ms + 1 WHERE id = '{}'", events[9].id),
            format!("entry 10 ({}) was changed", events[9].id),
        ),
        (
            format!("UPDATE audit_events SET address = NULL WHERE id = '{}'", events[0].id),
            format!("entry 1 ({}) was changed", events[0].id),
        ),
        // A deleted row, in the middle and at the start.
        (
            format!("DELETE FROM audit_events WHERE id = '{}'", events[4].id),
            "entry 5 is missing; 6 follows".into(),
        ),
        (
            format!("DELETE FROM audit_events WHERE id = '{}'", events[0].id),
            "entry 1 is missing; 2 follows".into(),
        ),
        // A cut tail, as it is and with an end that was moved to fit.
        (cut(8), "the chain ends at 8, its sealed end is 10".into()),
        (format!("{}; {}", cut(8), head(&format!("sequence = 8, hash = '{eighth}'"))), seal.into()),
        // Everything gone, with and without the end.
        (cut(0), "the chain ends at 0, its sealed end is 10".into()),
        (format!("{}; {}", cut(0), head("sequence = 0, hash = '', seal = ''")), missing.into()),
        (format!("{}; DELETE FROM audit_heads WHERE chain = '{acme}'", cut(0)), missing.into()),
        (format!("DELETE FROM audit_heads WHERE chain = '{acme}'"), missing.into()),
        // A chain that was computed anew, without the master key.
        (rehash(forged), seal.into()),
        // An entry that was put behind the end.
        (
            format!(
                "INSERT INTO audit_events SELECT chain, 11, 'evt_forged', at_ms, actor_kind, actor_id, actor_name, action, \
                 object_id, object_name, details, address, hash, hash FROM kept_events WHERE id = '{}'",
                events[9].id
            ),
            "entry 11 stands behind the chain's sealed end, 10".into(),
        ),
        // Another chain's end.
        (
            head("hash = (SELECT hash FROM kept_heads WHERE chain = 'system')"),
            "the chain ends at 10, its sealed end is 10".into(),
        ),
        (head("seal = (SELECT seal FROM kept_heads WHERE chain = 'system')"), seal.into()),
    ] {
        assert_eq!(fault_after(&fixture, &sql).await, Some(expected), "{sql}");
    }
    // The system's own chain is missed, too.
    fixture
        .database
        .sql(
            "DELETE FROM audit_events WHERE chain = 'system'; DELETE FROM audit_heads WHERE chain = 'system'",
        )
        .await;
    let reports = fixture.service.audit_log().verify(None).await.unwrap();
    let damage: Vec<_> = reports
        .iter()
        .filter_map(|report| Some((report.chain.as_str(), report.damage.as_deref()?)))
        .collect();
    assert_eq!(damage, [("system", missing)]);
}

async fn a_chain_can_be_appended_to_while_it_is_verified(fixture: Fixture) {
    let node = fixture.another_node(0).await;
    let admin = fixture.admin.clone();
    let appending = tokio::spawn(async move {
        for second in 0..40 {
            node.organisations().set_key_policy(&at(second), &admin, 7, 30).await.unwrap();
        }
    });
    while !appending.is_finished() {
        for report in fixture.service.audit_log().verify(None).await.unwrap() {
            assert_eq!(report.damage, None, "{report:?}");
        }
    }
    appending.await.unwrap();
    let reports = fixture.service.audit_log().verify(Some(fixture.acme.id.as_str())).await.unwrap();
    assert_eq!(reports[0].entries, fixture.entries().await);
}

async fn a_cut_that_the_seals_do_not_show_is_found_with_a_witness(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let acme = fixture.acme.id.as_str();
    fixture.database.sql("CREATE TABLE older AS SELECT * FROM audit_heads").await;
    fixture.rotate(1, &pair, NO_GRACE).await;
    let mut witness = Witness::default();
    let ends = fixture.service.operations().ends_to_witness().await.unwrap();
    for end in &ends {
        assert!(witness.read_line(&end.line(&at(2))));
    }
    fixture.service.operations().note_witnessed(&ends);
    assert!(
        fixture.service.operations().ends_to_witness().await.unwrap().is_empty(),
        "nothing has grown since"
    );
    let damage_of = async |witness: &Witness| {
        let reports = fixture.service.audit_log().verify_against(Some(acme), witness).await.unwrap();
        reports.into_iter().find_map(|report| report.damage)
    };
    assert_eq!(damage_of(&witness).await, None);
    // Whoever owns the database takes the last entry away and puts the end back that stood before it.
    let unguard = match fixture.database.location() {
        store::Location::Sqlite(_) => "DROP TRIGGER audit_events_never_go",
        store::Location::Postgres(_) => "DROP TRIGGER audit_events_never_change ON audit_events",
    };
    fixture.database.sql(unguard).await;
    let cut = format!(
        "DELETE FROM audit_events WHERE chain = '{acme}' AND sequence > (SELECT sequence FROM older WHERE chain = '{acme}'); \
         DELETE FROM audit_heads WHERE chain = '{acme}'; \
         INSERT INTO audit_heads SELECT * FROM older WHERE chain = '{acme}'"
    );
    fixture.database.sql(&cut).await;
    assert_eq!(damage_of(&Witness::default()).await, None, "the seals alone do not show it");
    let damage = damage_of(&witness).await.unwrap();
    assert!(damage.contains("was cut"), "{damage}");
    // The chain grows again; what the witness saw is still another entry.
    fixture.rotate(3, &pair, NO_GRACE).await;
    let damage = damage_of(&witness).await.unwrap();
    assert!(damage.contains("another one than the witness saw"), "{damage}");
}
