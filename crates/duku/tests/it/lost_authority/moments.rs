//! The moments at which authority is lost, and what one run of rows at one of them shows.

use super::{
    fixture::{Fixture, World},
    http::{KeptBack, Reply},
    judge::{Outcome, outcome},
    losses::Taker,
    rows::Credential,
    snapshot::{Snapshot, Written, told},
    ways::Way,
};
use crate::app::App;
use futures::{StreamExt as _, stream};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use testkit::Engine;

const AT_ONCE: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the request; of a flow with two steps, between them.
    Before,
    BetweenHeadersAndBody,
    BeforeTheLastByte,
    /// The loss waits for a lock, and the request behind it.
    WaitingForTheLock,
    /// Both wait for the end of the audit log, which also those take who need no lock of the organisation.
    WaitingForTheAuditLog,
    /// The request waits for the organisation's lock, and the loss needs none. SQLite has one lock for all.
    LostWhileWaiting,
}

impl Moment {
    pub(super) const ALL: [Self; 6] = [
        Self::Before,
        Self::BetweenHeadersAndBody,
        Self::BeforeTheLastByte,
        Self::WaitingForTheLock,
        Self::WaitingForTheAuditLog,
        Self::LostWhileWaiting,
    ];

    pub(super) fn exists(self, engine: Engine, way: Way) -> bool {
        let personal = [
            Way::TokenRevoked,
            Way::SessionEnded,
            Way::SignedOut,
            Way::PasswordChanged,
            Way::SigningKeyWithdrawn,
        ]
        .contains(&way);
        match self {
            Self::LostWhileWaiting => engine == Engine::Postgres && personal,
            Self::WaitingForTheAuditLog => engine == Engine::Postgres,
            _ => true,
        }
    }
}

/// One combination that did not hold.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) world: Arc<World>,
    pub(super) what: String,
}

/// What one run shows.
pub(super) struct Shown {
    pub(super) failed: Vec<Failed>,
    /// Whose requests were done before the loss.
    pub(super) unheld: Vec<Arc<World>>,
    /// What the loss itself wrote.
    pub(super) shapes: Shapes,
}

pub(super) type Shapes = BTreeMap<String, Vec<(&'static str, bool, String)>>;

/// What the loss itself writes for each row, by the row's number.
fn shapes(worlds: &[Arc<World>], written: &[Written]) -> Shapes {
    let of = |world: &Arc<World>| written.iter().filter(|one| one.is_of(world)).map(Written::shape).collect();
    worlds.iter().map(|world| (world.values["number"].clone(), of(world))).collect()
}

pub(super) fn next_seed() -> u64 {
    static SEED: AtomicU64 = AtomicU64::new(1000);
    SEED.fetch_add(1, Ordering::Relaxed)
}

async fn take_all(app: &App, worlds: &[Arc<World>], way: Way) {
    let taker = Taker::of(app);
    taker.take_from_all(way).await.unwrap();
    let losses = stream::iter(worlds.iter().cloned())
        .map(|world| {
            let (taker, name) = (taker.clone(), world.change.name);
            async move {
                taker.take(world, way).await.unwrap_or_else(|error| panic!("{way:?} of {name}: {error}"));
            }
        })
        .buffer_unordered(AT_ONCE);
    losses.collect::<Vec<()>>().await;
}

/// Without any loss, each request works and writes something.
pub(super) async fn control(fixture: &Fixture, engine: Engine) -> Vec<Failed> {
    let app = fixture.start(next_seed()).await;
    let before = Snapshot::of(&app.database, engine).await;
    let replies: Vec<Reply> = stream::iter(&fixture.worlds)
        .map(|world| {
            let (request, server) = (world.request(), app.address);
            async move { request.send(server).await }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let written = before.until(&Snapshot::of(&app.database, engine).await);
    let mut failed = Vec::new();
    for (world, reply) in fixture.worlds.iter().zip(replies) {
        let wrote = written.iter().any(|one| one.is_of(world));
        // Nothing is written for a token of an API key.
        let must_write =
            !(world.change.credential == Credential::ClientSecret && world.change.name.starts_with("grant"));
        let what = match outcome(world, &reply) {
            Outcome::Done(_) if wrote || !must_write => continue,
            Outcome::Done(what) => format!("{what}, but nothing was written"),
            Outcome::Rejected(what) | Outcome::Broken(what) => format!("{what}: {}", reply.text),
        };
        failed.push(Failed { world: Arc::clone(world), what });
    }
    app.stop().remove().await;
    failed
}

/// Authority is lost before the request, or while a part of it is kept back.
pub(super) async fn early(
    fixture: &Fixture,
    engine: Engine,
    worlds: &[Arc<World>],
    way: Way,
    kept_back: KeptBack,
) -> Shown {
    let app = fixture.start(next_seed()).await;
    let mut whole = Snapshot::of(&app.database, engine).await;
    let (mut begun, mut worlds, mut unheld) = (Vec::new(), worlds.to_vec(), Vec::new());
    if kept_back != KeptBack::Nothing {
        for world in &worlds {
            begun.push(world.request().begin(app.address, kept_back).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        // What does not wait for its body was done with authority.
        let now = Snapshot::of(&app.database, engine).await;
        let done = whole.until(&now);
        let is_done = |world: &World| done.iter().any(|one| one.is_of(world));
        let both = worlds.into_iter().zip(begun).filter(|(world, _)| !is_done(world));
        unheld.extend(fixture.worlds.iter().filter(|world| is_done(world)).cloned());
        (worlds, begun) = both.unzip();
        whole = now;
    }
    take_all(&app, &worlds, way).await;
    let lost = Snapshot::of(&app.database, engine).await;
    if kept_back == KeptBack::Nothing {
        for world in &worlds {
            begun.push(world.request().begin(app.address, KeptBack::Nothing).await);
        }
    }
    let replies: Vec<Reply> =
        stream::iter(begun).map(super::http::Begun::finish).buffered(worlds.len().max(1)).collect().await;
    let written = lost.until(&Snapshot::of(&app.database, engine).await);
    let mut failed = Vec::new();
    for (world, reply) in worlds.iter().zip(replies) {
        let wrote: Vec<&Written> = written.iter().filter(|one| one.is_of(world)).collect();
        failed.extend(judged(world, &reply, &wrote));
    }
    let strangers = written.iter().filter(|one| !worlds.iter().any(|world| one.is_of(world)));
    let strangers: Vec<&Written> = strangers.filter(|one| one.table != "audit_events").collect();
    assert!(strangers.is_empty(), "nobody's: {strangers:?}");
    app.stop().remove().await;
    Shown { failed, unheld, shapes: shapes(&worlds, &whole.until(&lost)) }
}

/// What a rejected request may take away.
const ENDED: [&str; 3] = ["sessions", "device_authorizations", "one_time_links"];

pub(super) fn judged(world: &Arc<World>, reply: &Reply, wrote: &[&Written]) -> Option<Failed> {
    let what = match outcome(world, reply) {
        // A rejected request may end what it came with.
        Outcome::Rejected(_) if wrote.iter().all(|one| !one.came && ENDED.contains(&one.table)) => {
            return None;
        }
        Outcome::Rejected(what) => format!("rejected ({what}), but wrote {}", told(wrote)),
        Outcome::Broken(what) => format!("broken: {what}"),
        Outcome::Done(what) if wrote.is_empty() => format!("done ({what}), wrote nothing"),
        Outcome::Done(what) => format!("done ({what}), wrote {}", told(wrote)),
    };
    Some(Failed { world: Arc::clone(world), what })
}
