//! `kill -9` in the middle of everything, again and again.

use crate::{
    Bench,
    cluster::{Cluster, Engine},
    load::{Goals, Load, Shape},
    outcome::Outcome,
    random::SeededRandom,
    report::{Figures, tenths},
};
use std::time::{Duration, Instant};

pub(super) async fn sqlite(bench: &Bench) -> Outcome<Figures> {
    run(bench, Engine::Sqlite).await
}

pub(super) async fn postgres(bench: &Bench) -> Outcome<Figures> {
    run(bench, Engine::Postgres).await
}

async fn run(bench: &Bench, engine: Engine) -> Outcome<Figures> {
    let kills = bench.amount(200, 6);
    let shape = bench.amount(
        Shape { organisations: 4, users: 8, admins: 6, goals: Goals { uses: 20_000, endings: 1000 } },
        Shape { organisations: 2, users: 4, admins: 4, goals: Goals { uses: 300, endings: 30 } },
    );
    let mut cluster = Cluster::start(bench, engine, 1, &[]).await?;
    let load = Load::start(&cluster, shape).await?;
    let (mut done, mut random, mut slowest) = (0, SeededRandom::new(11), Duration::ZERO);
    while done < kills {
        tokio::time::sleep(Duration::from_millis(60 + u64::try_from(random.below(200)).unwrap_or_default()))
            .await;
        let node = cluster.node(0)?;
        node.kill()?;
        let killed = Instant::now();
        node.start().await?;
        slowest = slowest.max(killed.elapsed());
        done += 1;
    }
    // Where everything is slow, too little may have been done between the kills.
    while !load.is_done() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let judged = load.finish(&cluster).await?;
    Ok(judged.figures().with("times killed with -9", done).with(
        "slowest return from the kill to ready, in milliseconds",
        tenths(slowest.as_secs_f64() * 1000.0),
    ))
}
