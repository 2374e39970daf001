//! Several nodes on one PostgreSQL, directly or through PgBouncer, under load and faults, and a checker that knows when
//! everything was answered.

use crate::{
    Bench,
    cluster::{Cluster, Engine, pgbouncer::PgBouncer, postgres},
    load::{Goals, Load, Shape},
    outcome::Outcome,
    report::Figures,
};
use std::time::{Duration, Instant};

const NODES: usize = 3;

pub(super) async fn direct(bench: &Bench) -> Outcome<Figures> {
    let shape = bench.amount(
        Shape { organisations: 12, users: 24, admins: 6, goals: Goals { uses: 1_050_000, endings: 10_100 } },
        Shape { organisations: 3, users: 12, admins: 3, goals: Goals { uses: 6_000, endings: 120 } },
    );
    let (pause, most) = bench.amount((Duration::from_secs(7), usize::MAX), (Duration::from_millis(500), 4));
    let mut cluster = Cluster::start(bench, Engine::Postgres, NODES, &[]).await?;
    let database = cluster.database()?.to_owned();
    under_faults(&mut cluster, None, &database, shape, pause, most).await
}

/// In session mode every connection of a node needs a backend, in transaction mode all nodes share few.
pub(super) async fn pooled(bench: &Bench) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for (mode, backends) in [("session", 120), ("transaction", 8)] {
        let judged = in_mode(bench, mode, backends).await.map_err(|why| format!("in {mode} mode: {why}"))?;
        figures = figures.within(&format!("{mode} mode"), judged);
    }
    Ok(figures)
}

async fn in_mode(bench: &Bench, mode: &str, backends: usize) -> Outcome<Figures> {
    let shape = bench.amount(
        Shape { organisations: 8, users: 24, admins: 6, goals: Goals { uses: 200_000, endings: 4_000 } },
        Shape { organisations: 2, users: 10, admins: 3, goals: Goals { uses: 3_000, endings: 60 } },
    );
    let (pause, most) = bench.amount((Duration::from_secs(5), usize::MAX), (Duration::from_millis(700), 3));
    let server = postgres::Postgres::start().await?;
    let mut pooler = PgBouncer::start(server.port(), mode, backends).await?;
    let mut cluster = Cluster::prepare(bench, Some(pooler.url()), NODES, &[("DUKU_DATABASE_POOLER", mode)])?;
    let database = server.url();
    cluster.postgres = Some(server);
    for node in &mut cluster.nodes {
        node.start().await?;
    }
    let other = tokio::spawn(other_program(pooler.url()));
    let judged = under_faults(&mut cluster, Some(&mut pooler), &database, shape, pause, most).await;
    other.abort();
    judged
}

/// Prepares statements under the names that Duku's library uses, and leaves them at whatever backend it is given.
async fn other_program(url: String) {
    loop {
        // Dropped after the client, which cannot close them any more: they stay at the backends.
        let mut left_behind = Vec::new();
        // PgBouncer is killed now and then, and in transaction mode this program's own statements are lost.
        if let Ok(client) = postgres::connect(&url).await {
            for number in 0..20_i64 {
                let Ok(statement) = client.prepare("SELECT $1::bigint + 1").await else { break };
                let _ = client.query(&statement, &[&number]).await;
                left_behind.push(statement);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Kills a node, kills PgBouncer, cuts the connections to PostgreSQL, in turn and so often at most, until the clients have done
/// enough; then judges what they wrote.
async fn under_faults(
    cluster: &mut Cluster,
    mut pooler: Option<&mut PgBouncer>,
    database: &str,
    shape: Shape,
    pause: Duration,
    most: usize,
) -> Outcome<Figures> {
    let load = Load::start(cluster, shape).await?;
    let (mut faults, mut due) = (0, Instant::now() + pause);
    while !load.is_done() || faults < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if Instant::now() < due || faults >= most {
            continue;
        }
        due = Instant::now() + pause;
        match (faults % 3, pooler.as_deref_mut()) {
            (0, _) => {
                let node = cluster.node(faults / 3 % NODES)?;
                node.kill()?;
                tokio::time::sleep(Duration::from_millis(200)).await;
                node.start().await?;
            }
            (1, Some(pooler)) => pooler.restart().await?,
            _ => postgres::cut_connections(database).await.map(drop)?,
        }
        faults += 1;
    }
    let judged = load.finish(cluster).await?;
    Ok(judged
        .figures()
        .with("times a node or PgBouncer was killed or all connections to PostgreSQL were cut", faults))
}
