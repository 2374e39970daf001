//! Large data of every older schema are migrated while clients of that schema go on.
//!
//! The data are made by the committed migrations themselves. Clients of the older schema are statements as an older node sends
//! them: the read of an exchange, the read of a person's token, a rotation.

mod clients;

use crate::{
    Bench,
    cluster::{Cluster, postgres},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    report::{Figures, ms, tenths},
};
use clients::{Clients, Tally};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const NODES: usize = 3;
/// Also ten million keys are migrated within this.
const READY: Duration = Duration::from_mins(30);
/// A migration waits for half a second at most while others wait behind it; the rest is what a busy machine may add.
const LONGEST_READ: Duration = Duration::from_millis(1500);
const LONGEST_WRITE: Duration = Duration::from_millis(2500);

/// The committed scripts in their order.
fn scripts() -> Outcome<Vec<(String, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/store/migrations/postgres");
    let entries = std::fs::read_dir(&folder).during(folder.display())?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let read = |path: &Path| {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((name, std::fs::read_to_string(path).during(path.display())?))
    };
    paths.iter().map(|path| read(path)).collect()
}

pub(crate) async fn run(bench: &Bench) -> Outcome<Figures> {
    let keys = bench.amount(10_000_000, 20_000);
    let scripts = scripts()?;
    let newest = i64::try_from(scripts.len()).unwrap_or_default();
    let server = postgres::Postgres::start().await?;
    let admin = postgres::connect(&server.url()).await?;
    let older = |version: i64| format!("older_{version}");
    admin.batch_execute("CREATE DATABASE older_1").await.during("a database")?;
    fill(&postgres::url(server.port(), "duku", "older_1"), &scripts, keys).await?;
    let mut figures = Figures::new().with("keys", keys);
    // The first is the template of the others, so it comes last.
    for version in (1..newest).rev() {
        let url = postgres::url(server.port(), "duku", &older(version));
        if version > 1 {
            let copy = format!("CREATE DATABASE {} TEMPLATE older_1", older(version));
            admin.batch_execute(&copy).await.during(&copy)?;
            apply(&url, &scripts, 2..=version).await?;
        }
        let found =
            migrate(bench, &url, newest).await.map_err(|why| format!("from schema {version}: {why}"))?;
        figures = figures.within(&format!("from schema {version}"), found);
        let drop = format!("DROP DATABASE {} WITH (FORCE)", older(version));
        admin.batch_execute(&drop).await.during(&drop)?;
    }
    Ok(figures)
}

/// Runs some of the scripts as the binaries of their time did.
async fn apply(url: &str, scripts: &[(String, String)], versions: std::ops::RangeInclusive<i64>) -> Outcome {
    let client = postgres::connect(url).await?;
    for (number, (name, sql)) in (1_i64..).zip(scripts) {
        if versions.contains(&number) {
            client.batch_execute(sql).await.during(name)?;
            let note = "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)";
            client.execute(note, &[&number, name]).await.during(name)?;
        }
    }
    Ok(())
}

/// Data of the first schema: keys of a thousand organisations, each with a person.
async fn fill(url: &str, scripts: &[(String, String)], keys: i64) -> Outcome {
    let client = postgres::connect(url).await?;
    let history = "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
    client.batch_execute(history).await.during("the history")?;
    apply(url, scripts, 1..=1).await?;
    let people = "INSERT INTO organisations (id, name, default_lifetime_seconds, maximum_lifetime_seconds, created_at_ms) \
        SELECT 'org_01m86b0ev2etta2q' || lpad(n::text, 10, '0'), 'Organisation ' || n, 7776000, 31536000, 1 \
        FROM generate_series(0, 999) n; \
        INSERT INTO users (id, email, token_epoch, created_at_ms) \
        SELECT 'usr_01m86b0ev2etta2q' || lpad(n::text, 10, '0'), n || '@example.org', 0, 1 FROM generate_series(0, 999) n; \
        INSERT INTO memberships (organisation_id, user_id, role, created_at_ms) \
        SELECT 'org_01m86b0ev2etta2q' || lpad(n::text, 10, '0'), 'usr_01m86b0ev2etta2q' || lpad(n::text, 10, '0'), 'admin', 1 \
        FROM generate_series(0, 999) n";
    client.batch_execute(people).await.during("organisations and people")?;
    let rows = "INSERT INTO api_keys (id, organisation_id, organisation_name, label, secret_digest, secret_hint, \
        lifetime_seconds, created_at_ms, created_by, expires_at_ms, token_epoch) \
        SELECT 'key_01m86b0ev2etta2q' || lpad(n::text, 10, '0'), \
        'org_01m86b0ev2etta2q' || lpad((n % 1000)::text, 10, '0'), 'Organisation ' || n % 1000, 'Pipeline ' || n, \
        sha256(n::text::bytea), 'wxyz', 7776000, 1, 'ada@example.org', 4102444800000 + (n * 7919) % 100000000, 0 \
        FROM generate_series(0, $1::bigint - 1) n";
    client.execute(rows, &[&keys]).await.during("keys")?;
    client.batch_execute("ANALYZE; CHECKPOINT").await.during("statistics")
}

/// Nodes start together on older data; one of them is killed while it may be migrating.
async fn migrate(bench: &Bench, url: &str, newest: i64) -> Outcome<Figures> {
    let (report_for, killed_after) = bench.amount(
        (Duration::from_secs(20), Duration::from_secs(15)),
        (Duration::from_secs(3), Duration::from_secs(1)),
    );
    let clients = Clients::start(url).await?;
    let report = clients::hold_a_report(url, report_for).await?;
    // Who waits for a migration waits longer than an operation may take.
    let settings = [("DUKU_DATABASE_TIMEOUT_SECONDS", "2"), ("DUKU_LOG", "info")];
    let mut cluster = Cluster::prepare(bench, Some(url.to_owned()), NODES, &settings)?;
    let started = Instant::now();
    for node in &mut cluster.nodes {
        node.spawn()?;
    }
    tokio::time::sleep(killed_after).await;
    cluster.node(0)?.kill()?;
    let mut ready = Vec::new();
    for node in cluster.nodes.iter_mut().skip(1) {
        node.wait_until_ready(READY).await?;
        ready.push(started.elapsed());
    }
    report.await.during("the report")??;
    cluster.node(0)?.start().await?;
    let tally = clients.finish().await?;
    judge(&cluster, url, newest, &tally).await?;
    let seconds = |time: Option<&Duration>| tenths(time.map_or(0.0, Duration::as_secs_f64));
    let milliseconds = |time: Duration| ms(time);
    Ok(Figures::new()
        .with("seconds until the first node was ready, one having been killed", seconds(ready.iter().min()))
        .with("seconds until the last", seconds(ready.iter().max()))
        .with("reads of the older schema meanwhile", tally.reads)
        .with("longest, in milliseconds", milliseconds(tally.longest_read))
        .with("rotations of the older schema meanwhile", tally.writes)
        .with("longest of these, in milliseconds", milliseconds(tally.longest_write)))
}

/// Everything is there once, nobody waited for long, and the nodes work.
async fn judge(cluster: &Cluster, url: &str, newest: i64, tally: &Tally) -> Outcome {
    ensure(tally.reads > 0 && tally.writes > 0, || format!("the clients did nothing: {tally:?}"))?;
    ensure(tally.longest_read < LONGEST_READ && tally.longest_write < LONGEST_WRITE, || {
        format!("clients of the older schema had to wait: {tally:?}")
    })?;
    let made = postgres::number(url, "SELECT COUNT(*) FROM schema_migrations").await?;
    ensure(made == newest, || format!("{made} migrations are noted, not {newest}"))?;
    let invalid = "SELECT COUNT(*) FROM pg_index WHERE NOT indisvalid";
    ensure(postgres::number(url, invalid).await? == 0, || "an index was left half built".to_owned())?;
    let index = "SELECT COUNT(*) FROM pg_class WHERE relname = 'api_keys_by_expiry'";
    ensure(postgres::number(url, index).await? == 1, || "an index is missing".to_owned())?;
    let logs: Vec<String> =
        cluster.nodes.iter().map(|node| std::fs::read_to_string(&node.log).unwrap_or_default()).collect();
    let waited = logs.iter().filter(|log| log.contains("waiting for")).count();
    ensure(waited > 0, || "no node says that it waited".to_owned())?;
    let probe = Probe::new(cluster).await?;
    for node in &cluster.nodes {
        probe.until_open(node, Duration::from_secs(30)).await?;
    }
    Ok(())
}
