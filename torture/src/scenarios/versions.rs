//! A new binary on old data, and an old binary on new data.
//!
//! Data of the future are easily made. Data of the past are made by an old binary, where one is named: `DUKU_TORTURE_OLD`
//! holds its path. The steps between the schemas have tests of their own in `store`.

use crate::{
    Bench,
    balancer::{self, Traffic},
    cluster::{Cluster, Engine, postgres},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    report::Figures,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

const READY: Duration = Duration::from_mins(1);

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for (name, engine) in [("sqlite", Engine::Sqlite), ("postgres", Engine::Postgres)] {
        let said = newer_data(bench, engine).await.map_err(|why| format!("newer data on {name}: {why}"))?;
        figures = figures.with(&format!("what a binary says to newer data on {name}"), said);
        let old = match std::env::var_os("DUKU_TORTURE_OLD") {
            Some(old) => real_old_binary(bench, engine, &PathBuf::from(old))
                .await
                .map_err(|why| format!("on {name}: {why}"))?,
            None => "no old binary was named".to_owned(),
        };
        figures = figures.with(
            &format!("an old binary's data, the new one on them, and the old one again, on {name}"),
            old,
        );
    }
    let Some(old) = std::env::var_os("DUKU_TORTURE_OLD") else { return Ok(figures) };
    let served = old_serves_meanwhile(bench, &PathBuf::from(old)).await?;
    Ok(figures.with("requests that an old node served while a new one migrated, and after that", served))
}

/// A node of the old binary goes on serving while a node of the new one migrates, and after that.
async fn old_serves_meanwhile(bench: &Bench, old: &Path) -> Outcome<u64> {
    let before = Bench { binary: old.to_owned(), ..bench.clone() };
    let mut cluster = Cluster::start(&before, Engine::Postgres, 2, &[]).await?;
    let probe = Probe::new(&cluster).await?;
    let traffic = Traffic::start(&[cluster.node(0)?.address], 4, &balancer::requests_of(&probe));
    let node = cluster.node(1)?;
    node.kill()?;
    node.set_program(&bench.binary);
    node.start().await?;
    probe.until_open(cluster.node(1)?, READY).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let served = traffic.finish().await;
    ensure(served.good > 0 && served.bad.is_empty(), || {
        format!("{} of {} requests failed: {:?}", served.bad.len(), served.good, served.bad.first())
    })?;
    Ok(served.good)
}

/// Data that say that they are newer: nothing starts on them, and they are left as they are.
async fn newer_data(bench: &Bench, engine: Engine) -> Outcome<String> {
    let mut cluster = Cluster::start(bench, engine, 1, &[]).await?;
    let probe = Probe::new(&cluster).await?;
    cluster.node(0)?.kill()?;
    let newest =
        change(&cluster, "INSERT INTO schema_migrations (version, name) VALUES (9999, 'from the future')")
            .await?;
    ensure(newest == 1, || format!("{newest} rows were changed"))?;
    let why = cluster.node(0)?.start().await.err().ok_or("a binary started on newer data")?;
    ensure(why.contains("schema version 9999") && why.contains("use the newer duku"), || why.clone())?;
    let rejected = cluster.run(&["admin", "org", "list"]).err().ok_or("a command worked on newer data")?;
    ensure(rejected.contains("schema version 9999"), || rejected)?;
    change(&cluster, "DELETE FROM schema_migrations WHERE version = 9999").await?;
    cluster.node(0)?.start().await?;
    probe.until_open(cluster.node(0)?, READY).await?;
    cluster.verify_audit()?;
    let line = why.lines().rev().find(|line| line.contains("duku: ")).unwrap_or_default();
    Ok(line.split("duku: ").nth(1).unwrap_or_default().to_owned())
}

/// Changes the data behind the product's back.
async fn change(cluster: &Cluster, sql: &str) -> Outcome<u64> {
    if let Ok(url) = cluster.database() {
        return postgres::connect(url).await?.execute(sql, &[]).await.during(sql);
    }
    let connection = rusqlite::Connection::open(cluster.data_dir().join("duku.db")).during("opening")?;
    connection.execute(sql, []).during(sql).map(|changed| u64::try_from(changed).unwrap_or_default())
}

/// An old binary makes data and dies; the new one takes them over; the old one is rejected.
async fn real_old_binary(bench: &Bench, engine: Engine, old: &Path) -> Outcome<String> {
    let before = Bench { binary: old.to_owned(), ..bench.clone() };
    let mut cluster = Cluster::start(&before, engine, 1, &[]).await?;
    let probe = Probe::new(&cluster).await?;
    let had = versions(&cluster).await?;
    cluster.node(0)?.kill()?;
    cluster.set_program(&bench.binary);
    cluster.node(0)?.start().await?;
    let has = versions(&cluster).await?;
    // The pair works, the token that the old binary issued works, and the audit log is whole.
    probe.until_open(cluster.node(0)?, READY).await?;
    cluster.verify_audit()?;
    cluster.node(0)?.kill()?;
    if has > had {
        cluster.set_program(old);
        let why = cluster.node(0)?.start().await.err().ok_or("the old binary started on the new data")?;
        ensure(why.contains("schema version"), || why)?;
        cluster.set_program(&bench.binary);
        cluster.node(0)?.start().await?;
        probe.until_open(cluster.node(0)?, READY).await?;
        return Ok(format!("schema {had} became {has}, keys and tokens go on, the old binary is refused"));
    }
    Ok(format!("both have schema {has}, keys and tokens go on"))
}

async fn versions(cluster: &Cluster) -> Outcome<i64> {
    let sql = "SELECT MAX(version) FROM schema_migrations";
    if let Ok(url) = cluster.database() {
        return postgres::number(url, sql).await;
    }
    let connection = rusqlite::Connection::open(cluster.data_dir().join("duku.db")).during("opening")?;
    connection.query_row(sql, [], |row| row.get(0)).during(sql)
}
