//! Work that stands still, and an organisation that uses all it can get, beside others who must not notice.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node, postgres},
    history::Reply,
    http,
    measure::{self, Times},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    recording_client::{self, Reading},
    report::{Figures, ms},
};
use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Clients that wait for what is locked.
const WAITING: usize = 40;
/// Pipelines of the organisation whose commits are slow.
const PIPELINES: usize = 60;
/// How long one of its commits takes.
const COMMIT: &str = "0.02";
/// What others' p99 may grow by. A build without optimisation beside other tests proves only that nobody is rejected.
const SLOWER: (f64, f64) = (3.0, 50.0);

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let mut figures = Figures::new();
    let waiting = "{ subjects(first: 1) { id } }";
    figures =
        beside(bench, figures, "a locked table", WAITING, waiting, recording_client::of_call, Slowness::Lock)
            .await?;
    let creating = "mutation { createSubject(input: { name: \"Shop\" }) { id } }";
    beside(
        bench,
        figures,
        "slow commits",
        PIPELINES,
        creating,
        recording_client::of_mutation,
        Slowness::SlowCommit,
    )
    .await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slowness {
    Lock,
    SlowCommit,
}

/// What others do meanwhile: a name, a request and how its answer is read.
type Other = (&'static str, Vec<u8>, Reading);

async fn beside(
    bench: &Bench,
    mut figures: Figures,
    name: &str,
    clients: usize,
    query: &str,
    reading: Reading,
    slowness: Slowness,
) -> Outcome<Figures> {
    let cluster = Cluster::start(bench, Engine::Postgres, 1, &[]).await?;
    cluster.organisation("Busy")?;
    // One organisation with an address and a credential for each of its clients.
    let requests = (0..clients).map(|_| Ok(http::graphql(&cluster.admin_token("Busy")?, query)));
    let requests = requests.collect::<Outcome<Vec<_>>>()?;
    let probe = Probe::new(&cluster).await?;
    let node = cluster.nodes.first().ok_or("no node")?;
    let people = cluster.admin_token("Probe")?;
    let others: [Other; 4] = [
        ("exchanges", probe.exchange(), recording_client::of_exchange),
        ("queries", http::graphql(&people, "{ apiKeys { id } }"), recording_client::of_call),
        ("pages", http::get("/docs"), recording_client::of_page),
        (
            "published keys",
            http::get("/realms/duku/protocol/openid-connect/certs"),
            recording_client::of_page,
        ),
    ];
    let span = bench.amount(Duration::from_secs(10), Duration::from_millis(1500));
    let mut quiet = Vec::new();
    for (_, request, reading) in &others {
        quiet.push(p99(&four(node, request, *reading, span / 4).await?));
    }
    let database = cluster.database()?;
    let hold = postgres::connect(database).await?;
    let sql = match slowness {
        Slowness::Lock => "BEGIN; LOCK TABLE subjects IN ACCESS EXCLUSIVE MODE".to_owned(),
        Slowness::SlowCommit => format!(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({COMMIT}); RETURN NULL; END'; \
             CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON subjects DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION slow()"
        ),
    };
    hold.batch_execute(&sql).await.during("making the database slow")?;
    let over = Arc::new(AtomicBool::new(false));
    let busy_ones = (1..).zip(requests).map(|(number, request)| {
        let (mut client, over) = (node.client().at(Ipv4Addr::new(127, 0, 1, number)), Arc::clone(&over));
        tokio::spawn(async move {
            let mut answered = 0_u64;
            while !over.load(Ordering::Relaxed) {
                let Ok(answer) = client.send(&request).await else { continue };
                answered += u64::from(reading(&answer) == Reply::Done);
                if let Some(seconds) = answer.retry_after {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
            }
            answered
        })
    });
    let busy_ones: Vec<_> = busy_ones.collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut broken = Vec::new();
    for ((what, request, reading), quiet) in others.iter().zip(&quiet) {
        let meanwhile = four(node, request, *reading, span).await?;
        let slower = p99(&meanwhile).as_secs_f64() / quiet.as_secs_f64();
        figures = figures
            .with(&format!("{what} beside {name}"), meanwhile.served.len())
            .with(&format!("{what} rejected beside {name}"), meanwhile.rejected())
            .with(&format!("p99 of {what} before, in milliseconds"), ms(*quiet))
            .with(&format!("p99 of {what} beside {name}, in milliseconds"), ms(p99(&meanwhile)));
        if meanwhile.rejected() > 0
            || meanwhile.served.is_empty()
            || slower > bench.amount(SLOWER.0, SLOWER.1)
        {
            broken.push(*what);
        }
    }
    over.store(true, Ordering::Relaxed);
    let end = if slowness == Slowness::Lock { "ROLLBACK" } else { "SELECT 1" };
    hold.batch_execute(end).await.during("making the database quick again")?;
    let mut answered = 0;
    for one in busy_ones {
        answered += one.await.during("a busy client")?;
    }
    figures = figures.with(&format!("answers to those who made {name}"), answered);
    ensure(broken.is_empty(), || format!("{broken:?} suffered from {name}:\n{}", figures.lines()))?;
    Ok(figures)
}

/// Four clients that send one request after the other.
async fn four(node: &Node, request: &[u8], reading: Reading, span: Duration) -> Outcome<Times> {
    measure::steady((0..4).map(|_| node.client()), request, reading, span, Duration::ZERO).await
}

fn p99(times: &Times) -> Duration {
    measure::percentile(&times.served, 99)
}
