//! The database goes away and comes back: nodes close, say why, and open again by themselves.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node, postgres},
    load::{Goals, Load, Shape},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    report::{Figures, ms},
};
use std::time::{Duration, Instant};

const NODES: usize = 3;
/// "Within seconds."
const BACK: Duration = Duration::from_secs(10);
/// The default of `database_timeout_seconds`, and what a busy machine may add.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);
const MARGIN: Duration = Duration::from_millis(1500);
/// So many requests for each node, which has 16 connections.
const ASKED_WHILE_FROZEN: usize = 40;

/// How the database goes.
#[derive(Debug, Clone, Copy)]
enum Outage {
    /// Every connection is cut; the server goes on.
    Cut,
    /// Stopped in order, and started again.
    Restart,
    /// Ended without a word; the next start recovers from its log.
    Crash,
    /// Stopped where it stands: connections stay open, and nothing is answered.
    Freeze,
}

pub(crate) async fn run(bench: &Bench) -> Outcome<Figures> {
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
    let mut frozen = Duration::ZERO;
    for _ in 0..rounds {
        for outage in [Outage::Cut, Outage::Restart, Outage::Crash, Outage::Freeze] {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if let Outage::Freeze = outage {
                frozen = frozen.max(freeze(&cluster, &probe).await?);
            }
            slowest = slowest.max(inject_outage(&mut cluster, &probe, outage, &mut reasons).await?);
            outages += 1;
        }
    }
    while !load.is_done() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let judged = load.finish(&cluster).await?;
    let now: Vec<_> = cluster.nodes.iter().map(Node::pid).collect();
    ensure(processes == now, || "a node was restarted".to_owned())?;
    for node in &cluster.nodes {
        has_causes(node)?;
    }
    reasons.sort();
    reasons.dedup();
    Ok(judged
        .figures()
        .with("times the database was cut off, restarted or crashed", outages)
        .with("slowest node from the database's return to its own, in milliseconds", ms(slowest))
        .with("slowest 503 while the database was frozen, in milliseconds", ms(frozen))
        .with("what /readyz said", reasons.join("; ")))
}

/// The log lines of rejected API calls name what was wrong with the database.
fn has_causes(node: &Node) -> Outcome {
    let log = std::fs::read_to_string(&node.log).during(node.log.display())?;
    let rejected = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let named = rejected.filter(|line| {
        let text = line.to_string();
        text.contains("\"/graphql\"") && text.contains("\"cause\":\"the database is not available")
    });
    ensure(named.count() > 0, || format!("{} does not say why it refused API calls: {log}", node.name))
}

/// Freezes the database and asks every node more than its connections can carry; gives how long the slowest 503 took.
async fn freeze(cluster: &Cluster, probe: &Probe) -> Outcome<Duration> {
    cluster.postgres.as_ref().ok_or("no PostgreSQL")?.freeze()?;
    let asked = cluster.nodes.iter().flat_map(|node| {
        (0..ASKED_WHILE_FROZEN).map(async move |number| {
            let request = if number % 2 == 0 { probe.exchange() } else { probe.call() };
            let started = Instant::now();
            let answer = node.client().send(&request).await.during(&node.name)?;
            let took = started.elapsed();
            ensure(answer.status == 503 && answer.retry_after.is_some(), || {
                format!("on a frozen database {} answered {} {}", node.name, answer.status, answer.text())
            })?;
            ensure(took < DATABASE_TIMEOUT + MARGIN, || {
                format!("on a frozen database {} took {took:?} to answer 503", node.name)
            })?;
            Ok(took)
        })
    });
    let took = futures::future::join_all(asked).await.into_iter().collect::<Outcome<Vec<_>>>();
    let ready = cluster.nodes.iter().map(Node::readiness);
    for answer in futures::future::join_all(ready).await {
        let answer = answer.during("/readyz")?;
        ensure(answer.status == 503, || format!("on a frozen database /readyz says {}", answer.text()))?;
    }
    Ok(took?.into_iter().max().unwrap_or_default())
}

/// One outage; gives how long the slowest node took to work again.
async fn inject_outage(
    cluster: &mut Cluster,
    probe: &Probe,
    outage: Outage,
    reasons: &mut Vec<String>,
) -> Outcome<Duration> {
    let url = cluster.database()?.to_owned();
    if let Outage::Freeze = outage {
        cluster.postgres.as_ref().ok_or("no PostgreSQL")?.thaw()?;
    } else if let Outage::Cut = outage {
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
