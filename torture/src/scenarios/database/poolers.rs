//! PgBouncer between the nodes and PostgreSQL, in both of its modes, while another program uses it, too.

use crate::{
    Bench,
    cluster::{Cluster, pgbouncer::PgBouncer, postgres},
    load::{Goals, Load, Shape},
    outcome::{Outcome, ensure},
    report::Figures,
};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const NODES: usize = 3;
/// In session mode every connection of a node needs a backend, in transaction mode all nodes share few.
const SESSION_BACKENDS: usize = 120;
const TRANSACTION_BACKENDS: usize = 8;

pub(crate) async fn run(bench: &Bench) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for (mode, backends) in [("session", SESSION_BACKENDS), ("transaction", TRANSACTION_BACKENDS)] {
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
    let (pause, most) = bench.amount((Duration::from_secs(5), u64::MAX), (Duration::from_millis(700), 3));
    let server = postgres::Postgres::start().await?;
    let mut pooler = PgBouncer::start(server.port(), mode, backends).await?;
    let rejected = rejects_what_does_not_fit(bench, &pooler, mode).await?;
    let mut cluster = Cluster::prepare(bench, Some(pooler.url()), NODES, &[("DUKU_DATABASE_POOLER", mode)])?;
    let direct = server.url();
    cluster.postgres = Some(server);
    for node in &mut cluster.nodes {
        node.start().await?;
    }
    let load = Load::start(&cluster, shape).await?;
    let other = other_program(pooler.url());
    let faults = inject_faults(&mut cluster, &mut pooler, &direct, &load, pause, most).await?;
    other.abort();
    let judged = load.finish(&cluster).await?;
    Ok(judged
        .figures()
        .with("nodes killed, PgBouncer killed, connections to PostgreSQL cut, in turn", faults)
        .with("what a node without the setting says", rejected))
}

/// A node that is told another mode, or none, does not start, and says what to do.
async fn rejects_what_does_not_fit(bench: &Bench, pooler: &PgBouncer, mode: &str) -> Outcome<String> {
    let mut said = String::new();
    let wrong: &[&str] = if mode == "transaction" { &["none", "session"] } else { &["none"] };
    for setting in wrong {
        let settings = [("DUKU_DATABASE_POOLER", *setting)];
        let mut cluster = Cluster::prepare(bench, Some(pooler.url()), 1, &settings)?;
        let why = cluster.node(0)?.start().await.err();
        said = why.ok_or_else(|| format!("a node started that was told \"{setting}\""))?;
        ensure(said.contains("set database_pooler to"), || said.clone())?;
    }
    let line = said.lines().rev().find(|line| line.contains("duku: ")).unwrap_or_default();
    Ok(line.split("duku: ").nth(1).unwrap_or_default().to_owned())
}

/// Prepares statements under the names that Duku's library uses, and leaves them at whatever backend it is given.
fn other_program(url: String) -> JoinHandle<()> {
    tokio::spawn(async move {
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
    })
}

/// Kills and cuts in turn, so often at most, until the clients have done enough.
async fn inject_faults(
    cluster: &mut Cluster,
    pooler: &mut PgBouncer,
    direct: &str,
    load: &Load,
    pause: Duration,
    most: u64,
) -> Outcome<u64> {
    let (mut faults, mut due) = (0, Instant::now() + pause);
    while !load.is_done() || faults < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if Instant::now() < due || faults >= most {
            continue;
        }
        due = Instant::now() + pause;
        match faults % 3 {
            0 => {
                let node = cluster.node(usize::try_from(faults).unwrap_or_default() % NODES)?;
                node.kill()?;
                node.start().await?;
            }
            1 => pooler.restart().await?,
            _ => postgres::cut_connections(direct).await.map(drop)?,
        }
        faults += 1;
    }
    Ok(faults)
}
