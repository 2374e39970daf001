//! PostgreSQL: is it new enough, does it keep what it answers, and is there room for every node's connections?

use super::Findings;
use crate::{app::Ambient, cli::backup::check::size, settings::Settings};
use store::{ServerFacts, Store};

/// PostgreSQL 15.
const OLDEST_SERVER: i64 = 150_000;

pub(super) async fn check(findings: &mut Findings, settings: &Settings, ambient: &Ambient, store: &Store) {
    let facts = match store.server_facts().await {
        Ok(Some(facts)) => facts,
        Ok(None) => return,
        Err(error) => return findings.fail("database", error.to_string(), "see the message"),
    };
    let ServerFacts { version, connections, bytes, ref synchronous_commit, ref fsync, .. } = facts;
    let shown = format!("PostgreSQL {}.{}", version / 10_000, version % 10_000);
    if version < OLDEST_SERVER {
        findings.fail("database", format!("{shown} is too old"), "use PostgreSQL 15 or later");
    }
    if fsync == "off" || synchronous_commit == "off" {
        findings.fail(
            "database",
            "PostgreSQL answers before what it answers is on the disk: a crash brings revoked keys back",
            "set fsync = on and synchronous_commit = on in postgresql.conf",
        );
    }
    if i64::try_from(settings.database_connections).is_ok_and(|wanted| wanted > connections / 2) {
        findings.warn(
            "database",
            format!(
                "one node takes up to {} of the {connections} connections that the server has",
                settings.database_connections
            ),
            "raise max_connections, or lower --database-connections: all nodes together must fit",
        );
    }
    let size = size(u64::try_from(bytes).unwrap_or(0));
    findings.ok("database", format!("{shown}, {size}, up to {connections} connections"));
    let apart_ms = (facts.now.ms() - ambient.clock.now().ms()).abs();
    let said = format!("this machine's clock and the database's are {:.1} s apart", seconds(apart_ms));
    if apart_ms > settings.clock_skew_seconds * 1000 {
        findings.fail(
            "clock",
            said,
            "let NTP set both: tokens of one node seem to come from the future on another",
        );
    } else {
        findings.ok("clock", said);
    }
}

#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
