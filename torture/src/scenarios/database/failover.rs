//! The primary of PostgreSQL is killed and a synchronous standby takes over.

use crate::{
    Bench,
    cluster::{Cluster, node::Node, patroni::Patroni},
    load::{Goals, Load, Shape},
    outcome::{Outcome, ensure},
    probe::Probe,
    report::{Figures, ms},
};
use std::time::{Duration, Instant};

const NODES: usize = 3;
/// How long Patroni may take; it notices a machine that is gone when its lease of 20 seconds has run out.
const TAKEN_OVER: Duration = Duration::from_secs(90);
/// "Within seconds" after the database is back.
const BACK: Duration = Duration::from_secs(10);

pub(crate) async fn run(bench: &Bench) -> Outcome<Figures> {
    let machines: &[bool] = bench.amount(&[false, false, false, true, true], &[false]);
    let shape = bench.amount(
        Shape { organisations: 4, users: 8, admins: 4, goals: Goals { uses: 10_000, endings: 300 } },
        Shape { organisations: 2, users: 4, admins: 3, goals: Goals { uses: 300, endings: 30 } },
    );
    let mut patroni = Patroni::start().await?;
    let mut cluster = Cluster::prepare(bench, Some(patroni.url()), NODES, &[])?;
    for node in &mut cluster.nodes {
        node.start().await?;
    }
    let probe = Probe::new(&cluster).await?;
    let processes: Vec<_> = cluster.nodes.iter().map(Node::pid).collect();
    let load = Load::start(&cluster, shape).await?;
    let mut slowest = (Duration::ZERO, Duration::ZERO);
    let mut reasons = Vec::new();
    for whole_machine in machines {
        tokio::time::sleep(Duration::from_secs(1)).await;
        patroni.wait_for("/synchronous").await?;
        let place = patroni.kill_primary(*whole_machine).await?;
        let killed = Instant::now();
        let (said, writable) = tokio::join!(reasons_of(&cluster, &probe), patroni.until_writable(TAKEN_OVER));
        writable?;
        reasons.extend(said);
        let taken_over = killed.elapsed();
        let mut back = Duration::ZERO;
        for node in &cluster.nodes {
            back = back.max(probe.until_open(node, BACK).await?);
        }
        slowest = (slowest.0.max(taken_over), slowest.1.max(back));
        patroni.bring_back(place)?;
    }
    while !load.is_done() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let judged = load.finish(&cluster).await?;
    let now: Vec<_> = cluster.nodes.iter().map(Node::pid).collect();
    ensure(processes == now, || "a node was restarted".to_owned())?;
    // A takeover within two seconds may find every request still waiting for its connection.
    let long = machines.iter().any(|machine| *machine);
    ensure(!long || !reasons.is_empty(), || "no node was closed while there was no primary".to_owned())?;
    reasons.sort();
    reasons.dedup();
    Ok(judged
        .figures()
        .with("primaries killed with -9", machines.len())
        .with("of these with their machine", machines.iter().filter(|machine| **machine).count())
        .with("slowest takeover by the standby, in milliseconds", ms(slowest.0))
        .with("slowest node from then to its own return, in milliseconds", ms(slowest.1))
        .with("what /readyz said meanwhile", reasons.join("; ")))
}

/// Without a primary nodes are closed and say why. A takeover can be over before every node has been asked.
async fn reasons_of(cluster: &Cluster, probe: &Probe) -> Vec<String> {
    let (started, mut reasons) = (Instant::now(), Vec::new());
    while reasons.is_empty() && started.elapsed() < Duration::from_secs(3) {
        for node in &cluster.nodes {
            reasons.extend(probe.is_closed(node).await);
        }
    }
    reasons
}
