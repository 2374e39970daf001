//! Loss and request that meet at a lock: a transaction of the test's own holds rows, both queue up, and it lets go.

use super::{
    fixture::{Case, Fixture},
    http::{Browser, Reply},
    judge::{Outcome, outcome},
    losses::Taker,
    moments::{Failed, Moment, Shapes, Shown, judged, next_seed},
    rows::{Before, Credential, Needs},
    snapshot::{Snapshot, Written, beyond, order},
    ways::Way,
};
use crate::app::App;
use futures::future::join_all;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{Engine, HeldTransaction};
use tokio::task::JoinHandle;

/// How many rows wait for a lock at once: each takes a connection, and so does its loss.
const CHUNK: usize = 12;

/// Loss and request meet at a lock. `shapes` says what the loss itself writes.
pub(super) async fn waiting(
    fixture: &Fixture,
    engine: Engine,
    cases: &[Arc<Case>],
    (way, moment): (Way, Moment),
    shapes: &Shapes,
) -> Shown {
    let app = fixture.start(next_seed()).await;
    let before = Snapshot::of(&app.database, engine).await;
    let (mut answered, mut failed, mut unheld) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in cases.chunks(CHUNK) {
        answered.extend(match moment {
            Moment::LostWhileWaiting => request_first(&app, chunk, way).await,
            _ => loss_first(&app, chunk, way, moment).await,
        });
    }
    let written = before.until(&Snapshot::of(&app.database, engine).await);
    let order = order(&app.database).await;
    // What is done once for the whole installation is nobody's in particular.
    let for_all: Vec<&Written> =
        written.iter().filter(|one| one.action() == "signing_key.withdrawn").collect();
    for (case, Raced { reply, waited, answered_first, loss }) in cases.iter().zip(answered) {
        if let Some(what) = loss {
            failed.push(Failed { case: Arc::clone(case), what: format!("the loss failed: {what}") });
            continue;
        }
        let done = matches!(outcome(case, &reply), Outcome::Done(_));
        let all: Vec<&Written> = written.iter().filter(|one| one.is_of(case)).collect();
        let wrote = beyond(&all, &shapes[&case.values["number"]]);
        // What came before the loss was committed was done with authority.
        let by_request: Vec<&Written> = wrote
            .iter()
            .copied()
            .filter(|one| !is_copy(one, &all, &shapes[&case.values["number"]]))
            .collect();
        if done && (!waited || came_first(&order, &[&*all, &*for_all].concat(), &by_request, answered_first))
        {
            unheld.push(Arc::clone(case));
            continue;
        }
        if done && is_dead(&app, case, &reply).await {
            unheld.push(Arc::clone(case));
            continue;
        }
        failed.extend(judged(case, &reply, &wrote));
    }
    app.stop().remove().await;
    Shown { failed, unheld, shapes: shapes.clone() }
}

struct Raced {
    reply: Reply,
    /// Whether it came after the lock was given up.
    waited: bool,
    /// Whether it came before the loss was answered.
    answered_first: bool,
    /// Why authority could not be taken away.
    loss: Option<String>,
}

/// Holds the rows of these tables that belong to the chunk.
async fn hold(app: &App, chunk: &[Arc<Case>], tables: &[(&str, &str)]) -> HeldTransaction {
    let mut sql = String::new();
    for (table, prefix) in tables {
        let marks = chunk.iter().flat_map(|case| case.marks.iter()).filter(|mark| mark.starts_with(prefix));
        let ids = marks.map(|mark| format!("'{mark}'")).collect::<Vec<_>>().join(",");
        write!(sql, "SELECT id FROM {table} WHERE id IN ({ids}) FOR UPDATE; ").unwrap();
    }
    app.database.hold(&sql).await
}

type Loss = JoinHandle<(Result<(), String>, Instant)>;
type Sent = JoinHandle<(Reply, bool, Instant)>;

fn begin_losses(app: &App, chunk: &[Arc<Case>], way: Way) -> Vec<Loss> {
    let taker = Taker::of(app);
    let losses = chunk.iter().map(|case| {
        let (taker, case) = (taker.clone(), Arc::clone(case));
        tokio::spawn(async move { (taker.take(case, way).await, Instant::now()) })
    });
    losses.collect()
}

fn begin_requests(app: &App, chunk: &[Arc<Case>], released: &Arc<AtomicBool>) -> Vec<Sent> {
    let requests = chunk.iter().map(|case| {
        let (request, server, released) = (case.request(), app.address, Arc::clone(released));
        tokio::spawn(async move {
            let reply = request.send(server).await;
            (reply, released.load(Ordering::SeqCst), Instant::now())
        })
    });
    requests.collect()
}

/// Long enough for all of them to reach the lock.
async fn let_requests_wait(chunk: &[Arc<Case>]) {
    let hashes = chunk.iter().any(|case| {
        case.change.credential == Credential::Password
            || case.change.body.contains("password")
            || case.change.before == Before::PasswordGiven
    });
    tokio::time::sleep(Duration::from_millis(if hashes { 400 } else { 200 })).await;
}

/// Long enough for so many changes of passwords to check the old ones, to hash the new ones and to reach the lock, at the speed
/// that this machine has now.
async fn hashing(changes: usize) -> Duration {
    let started = Instant::now();
    let hash = tokio::task::spawn_blocking(|| jose::password::hash("how long does it take?", [7; 16]));
    hash.await.unwrap().unwrap();
    let each = u32::try_from(2 * changes).unwrap();
    // Whoever waits for a lock gives up after five seconds.
    (started.elapsed() * each * 2).clamp(Duration::from_millis(700), Duration::from_millis(2500))
}

async fn loss_first(app: &App, chunk: &[Arc<Case>], way: Way, moment: Moment) -> Vec<Raced> {
    let held = match (moment, way) {
        (Moment::WaitingForTheAuditLog, _) => {
            app.database.hold("SELECT chain FROM audit_heads FOR UPDATE").await
        }
        (_, Way::SigningKeyWithdrawn) => {
            app.database.hold("SELECT name FROM meta WHERE name = 'lock.signing_keys' FOR UPDATE").await
        }
        _ => hold(app, chunk, &[("organisations", "org_"), ("users", "usr_")]).await,
    };
    let released = Arc::new(AtomicBool::new(false));
    let taker = Taker::of(app);
    let for_all = tokio::spawn(async move { taker.take_from_all(way).await });
    let losses = begin_losses(app, chunk, way);
    let reach_the_lock =
        if way == Way::PasswordChanged { hashing(chunk.len()).await } else { Duration::from_millis(120) };
    tokio::time::sleep(reach_the_lock).await;
    let requests = begin_requests(app, chunk, &released);
    let_requests_wait(chunk).await;
    released.store(true, Ordering::SeqCst);
    drop(held);
    for_all.await.unwrap().unwrap();
    raced(chunk, losses, requests).await
}

async fn request_first(app: &App, chunk: &[Arc<Case>], way: Way) -> Vec<Raced> {
    let held = hold(app, chunk, &[("organisations", "org_")]).await;
    let released = Arc::new(AtomicBool::new(false));
    let requests = begin_requests(app, chunk, &released);
    let_requests_wait(chunk).await;
    Taker::of(app).take_from_all(way).await.unwrap();
    let losses = begin_losses(app, chunk, way);
    // A loss that waits behind the request comes after it.
    let deadline = Instant::now() + Duration::from_millis(1500);
    while losses.iter().any(|loss| !loss.is_finished()) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    released.store(true, Ordering::SeqCst);
    drop(held);
    raced(chunk, losses, requests).await
}

async fn raced(chunk: &[Arc<Case>], losses: Vec<Loss>, requests: Vec<Sent>) -> Vec<Raced> {
    let mut raced = Vec::new();
    for ((case, loss), request) in chunk.iter().zip(join_all(losses).await).zip(join_all(requests).await) {
        let (loss, lost_at) = loss.unwrap();
        let (reply, waited, answered_at) = request.unwrap();
        // The request may have ended the session that the loss came with.
        let is_request_first = case.change.name.contains("/sessions/") || case.change.needs == Needs::Own;
        let loss = loss.err().filter(|error| error.starts_with('5') || !is_request_first);
        raced.push(Raced { reply, waited, answered_first: answered_at < lost_at, loss });
    }
    raced
}

/// Whether it is the loss's entry in the audit log of an organisation that the person joined before. What a person does stands
/// once in each of the person's organisations: of two who do the same, each of them has two entries.
fn is_copy(one: &Written, all: &[&Written], of_loss: &[(&'static str, bool, String)]) -> bool {
    let same = |other: &&&Written| {
        other.shape() == one.shape() && other.value("object_id") == one.value("object_id")
    };
    let chains: Vec<&str> = all.iter().filter(same).map(|other| other.value("chain")).collect();
    one.came
        && !one.action().is_empty()
        && of_loss.contains(&one.shape())
        && chains.len() > 1
        && chains.iter().all(|chain| chains.iter().filter(|other| *other == chain).count() == 1)
}

/// Whether what the request did came before what the loss did. Who was answered first decides where one of them left no mark.
fn came_first(
    order: &BTreeMap<String, i64>,
    all: &[&Written],
    wrote: &[&Written],
    answered_first: bool,
) -> bool {
    let number = |one: &&Written| order.get(one.value("id")).copied();
    let is_mark = |one: &&&Written| match one.table {
        "audit_events" => one.came,
        table => table == "sessions" && !one.came && number(one).is_some(),
    };
    let of_request: Vec<i64> = wrote.iter().filter(is_mark).filter_map(number).collect();
    let of_loss = all.iter().filter(is_mark).filter_map(number).filter(|one| !of_request.contains(one)).max();
    match (of_request.iter().max(), of_loss) {
        (Some(done), Some(lost)) => *done < lost,
        _ => answered_first,
    }
}

/// A session that was given while the password was changed is harmless if it was ended with all others.
async fn is_dead(app: &App, case: &Case, reply: &Reply) -> bool {
    let sessions: Vec<_> =
        reply.cookies().filter(|(name, value)| name.starts_with("duku_s") && !value.is_empty()).collect();
    if sessions.is_empty() || case.change.name.starts_with("POST") {
        return false;
    }
    let mut browser = Browser::new(app.address);
    browser.cookies = sessions.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if browser.cookies.contains_key("duku_session") {
        return browser.get("/account").await.status != 200;
    }
    browser.authorize().await.parameter("code").is_none()
}
