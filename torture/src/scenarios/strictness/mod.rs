//! Several nodes on one PostgreSQL, under load and faults, and a checker that knows when everything was answered.

mod race;

use crate::{
    Bench,
    cluster::{Cluster, Engine, postgres},
    load::{Goals, Load, Shape},
    outcome::{During, Outcome, ensure},
    random::SeededRandom,
    report::Figures,
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

const NODES: usize = 3;

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let shape = bench.amount(
        Shape { organisations: 12, users: 24, admins: 6, goals: Goals { uses: 1_050_000, endings: 10_100 } },
        Shape { organisations: 3, users: 12, admins: 3, goals: Goals { uses: 6_000, endings: 120 } },
    );
    let (races, pause) = bench.amount((100, Duration::from_secs(7)), (2, Duration::from_millis(500)));
    let most = bench.amount(u64::MAX, 4);
    let mut cluster = Cluster::start(bench, Engine::Postgres, NODES, &[]).await?;
    let addresses: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.address).collect();
    cluster.organisation("Race")?;
    let racing = tokio::spawn(race::run(cluster.admin_token("Race")?, addresses, races));
    let load = Load::start(&cluster, shape).await?;
    let faults = inject_faults(&mut cluster, &load, pause, most).await?;
    let judged = load.finish(&cluster).await?;
    let races = racing.await.during("a race")??;
    ensure(races.exact > 0, || format!("no race could be judged: {races:?}"))?;
    Ok(judged
        .figures()
        .with("races of 30 generations", races.run)
        .with("of these with every request answered, each with exactly ten keys", races.exact)
        .with("nodes killed with -9", faults.kills)
        .with("times all connections to PostgreSQL were cut", faults.cuts))
}

/// What was done to the cluster meanwhile.
#[derive(Debug, Default)]
struct Faults {
    kills: u64,
    cuts: u64,
}

/// Kills nodes and cuts connections, so often at most, until the clients have done enough.
async fn inject_faults(cluster: &mut Cluster, load: &Load, pause: Duration, most: u64) -> Outcome<Faults> {
    let database = cluster.database()?.to_owned();
    let (mut faults, mut random, mut due) = (Faults::default(), SeededRandom::new(7), Instant::now() + pause);
    while !load.is_done() || faults.kills + faults.cuts == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if Instant::now() < due || faults.kills + faults.cuts >= most {
            continue;
        }
        due = Instant::now() + pause;
        if random.percent(50) {
            let node = cluster.node(random.below(NODES))?;
            node.kill()?;
            tokio::time::sleep(Duration::from_millis(200)).await;
            node.start().await?;
            faults.kills += 1;
        } else {
            postgres::cut_connections(&database).await?;
            faults.cuts += 1;
        }
    }
    Ok(faults)
}
