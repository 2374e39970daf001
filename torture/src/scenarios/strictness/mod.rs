//! Several nodes on one PostgreSQL, under load and faults, and a checker that knows when everything was answered.

mod admin;
mod pool;
mod race;
mod user;

use crate::{
    Bench,
    checker::{self, Verdict},
    cluster::{Cluster, Engine, postgres},
    hands::{self, Hands},
    history::{Act, Event, Recorder, Told},
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    random::Dice,
    report::{Figures, tenths},
};
use pool::{Goals, Organisation, Pool};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

const NODES: usize = 3;
/// Below the limit of ten, so that a generation that was not answered does not block the next.
const KEYS_EACH: usize = 8;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was done to the cluster meanwhile.
#[derive(Debug, Default)]
struct Faults {
    kills: u64,
    cuts: u64,
}

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let goals = bench.amount(Goals { uses: 1_050_000, endings: 10_100 }, Goals { uses: 8_000, endings: 200 });
    let (organisations, users, admins) = bench.amount((12, 24, 6), (3, 12, 3));
    let (races, pause) = bench.amount((100, Duration::from_secs(7)), (2, Duration::from_millis(400)));
    let started = Instant::now();
    let mut cluster = Cluster::start(bench, Engine::Postgres, NODES, &[]).await?;
    let addresses: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.address).collect();
    let pool = Arc::new(open_pool(&cluster, organisations, goals)?);
    cluster.organisation("Race")?;
    let recorder = Arc::new(Recorder::new());
    let clients = |seed: u64| {
        let clients = addresses.iter().map(|address| Client::new(*address, PATIENCE)).collect();
        Hands::new(clients, Arc::clone(&recorder), Dice::new(seed))
    };
    let mut first = clients(0);
    for slot in &pool.slots {
        admin::fill(&pool, slot, &mut first).await?;
    }
    let racing = tokio::spawn(race::run(cluster.admin_token("Race")?, addresses.clone(), races, PATIENCE));
    let users: Vec<_> =
        (1..=users).map(|seed| tokio::spawn(user::work(Arc::clone(&pool), clients(seed)))).collect();
    let admins: Vec<_> = (101..=100 + admins)
        .map(|seed| tokio::spawn(admin::work(Arc::clone(&pool), clients(seed))))
        .collect();
    let load = Instant::now();
    let faults = torment(&mut cluster, &pool, &admins, pause).await?;
    let seconds = load.elapsed().as_secs_f64();
    let mut events = first.events;
    for user in users {
        events.extend(user.await.during("a user")?);
    }
    for admin in admins {
        events.extend(admin.await.during("an Admin")??);
    }
    let races = racing.await.during("a race")??;
    events.extend(sweep(&pool, clients(999)).await?);
    cluster.verify_audit()?;
    let verdict = checker::check(&events);
    ensure(verdict.is_clean(), || told(&verdict))?;
    ensure(races.run > 0 && races.exact > 0, || format!("no race could be judged: {races:?}"))?;
    compare_with_the_database(&cluster, &events).await?;
    Ok(figures(&verdict, &faults, &races, seconds)
        .with("seconds in all", tenths(started.elapsed().as_secs_f64())))
}

fn open_pool(cluster: &Cluster, organisations: usize, goals: Goals) -> Outcome<Pool> {
    let organisations = (0..organisations).map(|number| {
        let name = format!("Organisation {number}");
        cluster.organisation(&name)?;
        Ok(Organisation {
            admin_token: cluster.admin_token(&name)?,
            replacing: tokio::sync::Mutex::default(),
        })
    });
    Ok(Pool::new(organisations.collect::<Outcome<_>>()?, KEYS_EACH, goals))
}

/// Kills nodes and cuts connections until the clients have done enough.
async fn torment(
    cluster: &mut Cluster,
    pool: &Pool,
    admins: &[tokio::task::JoinHandle<Outcome<Vec<Event>>>],
    pause: Duration,
) -> Outcome<Faults> {
    let database = cluster.database()?.to_owned();
    let (mut faults, mut dice, mut due) = (Faults::default(), Dice::new(7), Instant::now() + pause);
    while !pool.is_done() {
        // One that has given up is heard when it is waited for.
        if admins.iter().any(tokio::task::JoinHandle::is_finished) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        if Instant::now() < due {
            continue;
        }
        due = Instant::now() + pause;
        if dice.percent(50) {
            let number = dice.below(NODES);
            let node = cluster.node(number)?;
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

/// When all is quiet, every node is asked about everything that is known: nothing acknowledged may be lost, and what is
/// dead stays dead.
async fn sweep(pool: &Pool, mut hands: Hands) -> Outcome<Vec<Event>> {
    for slot in &pool.slots {
        let requests: Vec<_> = {
            let known = slot.known();
            let secrets = known.former().chain(&known.current);
            let exchanges = secrets.map(|secret| {
                let act = Act::Exchange { secret: secret.number, token: 0 };
                (act, http::exchange(&secret.client_id, &secret.text))
            });
            exchanges.collect()
        };
        hands.ask_all(&requests, hands::of_exchange).await;
        let calls: Vec<_> = slot.known().tokens().map(user::call_with).collect();
        hands.ask_all(&calls, hands::of_call).await;
    }
    let silent = hands.events.iter().find(|event| !matches!(event.told, Told::Done | Told::Refused));
    ensure(silent.is_none(), || format!("a quiet cluster does not answer: {silent:?}"))?;
    Ok(hands.events)
}

/// Every rotation that was answered is in the audit log, and what is there without having been answered is
/// not more than what was left unanswered.
async fn compare_with_the_database(cluster: &Cluster, events: &[Event]) -> Outcome {
    let sql = "SELECT COUNT(*) FROM audit_events WHERE action = 'api_key.rotated'";
    let written = postgres::number(cluster.database()?, sql).await?;
    let count = |told: Told| {
        events.iter().filter(|event| matches!(event.act, Act::Rotate { .. }) && event.told == told).count()
    };
    let (answered, open) = (count(Told::Done), count(Told::Unknown));
    let written = usize::try_from(written).during("a count")?;
    ensure((answered..=answered + open).contains(&written), || {
        format!("{answered} rotations were answered and {open} left open, but {written} are in the audit log")
    })?;
    Ok(())
}

fn told(verdict: &Verdict) -> String {
    format!(
        "{} stale, {} lost, {} keys with two secrets, {} wrong answers\n{}",
        verdict.stale,
        verdict.lost,
        verdict.two_secrets,
        verdict.wrong,
        verdict.faults.join("\n")
    )
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
fn figures(verdict: &Verdict, faults: &Faults, races: &race::Races, seconds: f64) -> Figures {
    Figures::new()
        .with("exchanges and API calls that were let in or refused", verdict.uses)
        .with("of these refused", verdict.refused)
        .with("of these started after an end had been answered", verdict.after_an_end)
        .with("rotations and revocations answered", verdict.endings)
        .with("single tokens ended", verdict.tokens_ended)
        .with("stale acceptances", verdict.stale)
        .with("acknowledged and lost", verdict.lost)
        .with("keys with two working secrets", verdict.two_secrets)
        .with("answers that must never come", verdict.wrong)
        .with("races of 30 generations", races.run)
        .with("of these with every request answered, each with exactly ten keys", races.exact)
        .with("nodes killed with -9", faults.kills)
        .with("times all connections to PostgreSQL were cut", faults.cuts)
        .with("operations answered 503 or met by no node", verdict.unavailable)
        .with("operations without an answer", verdict.unknown)
        .with(
            "uses a second, three nodes, PostgreSQL and clients on one machine",
            tenths(verdict.uses as f64 / seconds),
        )
}
