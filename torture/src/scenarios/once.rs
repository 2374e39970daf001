//! What must happen once, however many nodes start, work and die at the same time.

use crate::{
    Bench,
    cluster::postgres::Postgres,
    cluster::{Cluster, postgres},
    outcome::{During, Outcome, ensure},
    random::SeededRandom,
    report::Figures,
};
use std::time::Duration;

const NODES: usize = 4;
/// As if 80 days had passed: the first signing key has signed for its 30 days, and keys of 90 days are warned of. A clock that is
/// set forward would do nothing: PostgreSQL's does not confirm it.
const LATER: &str = "UPDATE signing_keys SET created_at_ms = created_at_ms - 6912000000, signs_from_ms = signs_from_ms - 6912000000; \
    UPDATE api_keys SET created_at_ms = created_at_ms - 6912000000, expires_at_ms = expires_at_ms - 6912000000; \
    UPDATE mails SET created_at_ms = created_at_ms - 6912000000";
const READY: Duration = Duration::from_mins(1);

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let rounds = bench.amount(15, 1);
    let mut totals = (0, 0);
    for round in 0..rounds {
        let (starts, kills) = once(bench, round).await.map_err(|why| format!("round {round}: {why}"))?;
        totals = (totals.0 + starts, totals.1 + kills);
    }
    Ok(Figures::new()
        .with("fresh databases", rounds)
        .with("starts of nodes, all at once", totals.0)
        .with("of these killed with -9 while they started", totals.1)
        .with("migrations that ran twice or not at all", 0)
        .with("first signing keys too many", 0)
        .with("rotations of the signing key too many", 0)
        .with("warnings of expiry that were given twice or not at all", 0))
}

async fn once(bench: &Bench, round: u64) -> Outcome<(u64, u64)> {
    let postgres = Postgres::start().await?;
    let url = postgres.url();
    // Nobody listens there: mails stay where they can be counted.
    let mail =
        [("DUKU_SMTP_URL", "smtp+insecure://127.0.0.1:9"), ("DUKU_MAIL_FROM", "Duku <duku@example.org>")];
    let mut cluster = Cluster::prepare(bench, Some(url.clone()), NODES, &mail)?;
    let mut random = SeededRandom::new(round);
    let first = all_at_once(&mut cluster, &mut random).await?;
    let count = async |sql: &str| postgres::number(&url, sql).await;
    let migrations = count("SELECT COUNT(*) FROM schema_migrations").await?;
    let newest = count("SELECT MAX(version) FROM schema_migrations").await?;
    ensure(migrations == newest, || format!("{migrations} migrations brought version {newest}"))?;
    let keys = count("SELECT COUNT(*) FROM signing_keys").await?;
    ensure(keys == 1, || format!("{keys} signing keys were made at the start"))?;
    cluster.organisation("Once")?;
    for number in 0..3 {
        cluster.json(&["admin", "key", "generate", "--org", "Once", "--label", &format!("Key {number}")])?;
    }
    for node in &mut cluster.nodes {
        node.kill()?;
    }
    postgres::connect(&url).await?.batch_execute(LATER).await.during("letting time pass")?;
    let second = all_at_once(&mut cluster, &mut random).await?;
    // The minute's work is done at the start; give the last node time for it.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let since = "created_at_ms > (SELECT MIN(created_at_ms) FROM api_keys) + 86400000";
    let keys = count(&format!("SELECT COUNT(*) FROM signing_keys WHERE {since}")).await?;
    ensure(keys == 1, || format!("{keys} signing keys were made after the first had signed for its time"))?;
    let warned = count(&format!("SELECT COUNT(*) FROM mails WHERE {since}")).await?;
    ensure(warned == 3, || format!("{warned} warnings were sent for 3 keys"))?;
    let noted = count("SELECT COUNT(*) FROM key_notices").await?;
    ensure(noted == 3, || format!("{noted} warnings were noted for 3 keys"))?;
    // What is due every day has been done, too: the mails of 80 days ago are given up.
    let old = count(&format!("SELECT COUNT(*) FROM mails WHERE NOT {since}")).await?;
    ensure(old == 0, || format!("{old} mails of 80 days ago are still tried"))?;
    cluster.verify_audit()?;
    Ok((first.0 + second.0, first.1 + second.1))
}

/// Starts every node at the same moment, kills some in the middle of it and starts them again.
async fn all_at_once(cluster: &mut Cluster, random: &mut SeededRandom) -> Outcome<(u64, u64)> {
    let (mut starts, mut kills) = (0, 0);
    for node in &mut cluster.nodes {
        node.spawn()?;
        starts += 1;
    }
    for _ in 0..NODES {
        let pause = u64::try_from(random.below(60)).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let node = cluster.node(random.below(NODES))?;
        node.kill()?;
        node.spawn()?;
        starts += 1;
        kills += 1;
    }
    for node in &mut cluster.nodes {
        node.wait_until_ready(READY).await?;
    }
    Ok((starts, kills))
}
