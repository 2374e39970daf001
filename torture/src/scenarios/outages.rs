//! The database goes away and comes back: nodes close, say why, and open again by themselves.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node, postgres},
    load::{Goals, Load, Shape},
    outcome::{Outcome, ensure},
    probe::Probe,
    report::{Figures, tenths},
};
use std::time::{Duration, Instant};

const NODES: usize = 3;
/// "Within seconds."
const BACK: Duration = Duration::from_secs(10);

/// How the database goes.
#[derive(Debug, Clone, Copy)]
enum Outage {
    /// Every connection is cut; the server goes on.
    Cut,
    /// Stopped in order, and started again.
    Restart,
    /// Ended without a word; the next start recovers from its log.
    Crash,
}

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let rounds = bench.amount(8, 1);
    let shape = bench.amount(
        Shape { organisations: 4, users: 12, admins: 4, goals: Goals { uses: 20_000, endings: 400 } },
        Shape { organisations: 2, users: 6, admins: 3, goals: Goals { uses: 400, endings: 30 } },
    );
    let mut cluster = Cluster::start(bench, Engine::Postgres, NODES, &[]).await?;
    let probe = Probe::new(&cluster).await?;
    let processes: Vec<_> = cluster.nodes.iter().map(Node::pid).collect();
    let load = Load::start(&cluster, shape).await?;
    let (mut slowest, mut reasons, mut outages) = (Duration::ZERO, Vec::new(), 0);
    for _ in 0..rounds {
        for outage in [Outage::Cut, Outage::Restart, Outage::Crash] {
            tokio::time::sleep(Duration::from_millis(300)).await;
            slowest = slowest.max(suffer(&mut cluster, &probe, outage, &mut reasons).await?);
            outages += 1;
        }
    }
    while !load.is_done() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let judged = load.finish(&cluster).await?;
    let now: Vec<_> = cluster.nodes.iter().map(Node::pid).collect();
    ensure(processes == now, || "a node was restarted".to_owned())?;
    reasons.sort();
    reasons.dedup();
    Ok(judged
        .figures()
        .with("times the database was cut off, restarted or crashed", outages)
        .with(
            "slowest node from the database's return to its own, in milliseconds",
            tenths(slowest.as_secs_f64() * 1000.0),
        )
        .with("what /readyz said", reasons.join("; ")))
}

/// One outage; gives how long the slowest node took to work again.
async fn suffer(
    cluster: &mut Cluster,
    probe: &Probe,
    outage: Outage,
    reasons: &mut Vec<String>,
) -> Outcome<Duration> {
    let url = cluster.database()?.to_owned();
    if let Outage::Cut = outage {
        postgres::cut_connections(&url).await?;
    } else {
        let postgres = cluster.postgres.as_mut().ok_or("no PostgreSQL")?;
        match outage {
            Outage::Crash => postgres.crash().await?,
            _ => postgres.stop().await?,
        }
        let down = Instant::now();
        while down.elapsed() < Duration::from_secs(1) {
            for node in &cluster.nodes {
                reasons.push(probe.is_closed(node).await?);
            }
        }
        let postgres = cluster.postgres.as_mut().ok_or("no PostgreSQL")?;
        postgres.run().await?;
    }
    let mut slowest = Duration::ZERO;
    for node in &cluster.nodes {
        slowest = slowest.max(probe.until_open(node, BACK).await?);
    }
    Ok(slowest)
}
