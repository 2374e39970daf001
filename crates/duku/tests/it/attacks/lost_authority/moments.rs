//! The moments at which authority is lost, and what one run of rows at one of them shows.

use super::{
    fixture::{Case, Fixture},
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
    pub(super) case: Arc<Case>,
    pub(super) what: String,
}

/// What one run shows.
pub(super) struct Shown {
    pub(super) failed: Vec<Failed>,
    /// Whose requests were done before the loss.
    pub(super) unheld: Vec<Arc<Case>>,
    /// What the loss itself wrote.
    pub(super) shapes: Shapes,
}

pub(super) type Shapes = BTreeMap<String, Vec<(&'static str, bool, String)>>;

/// What the loss itself writes for each row, by the row's number.
fn shapes(cases: &[Arc<Case>], written: &[Written]) -> Shapes {
    let of = |case: &Arc<Case>| written.iter().filter(|one| one.is_of(case)).map(Written::shape).collect();
    cases.iter().map(|case| (case.values["number"].clone(), of(case))).collect()
}

pub(super) fn next_seed() -> u64 {
    static SEED: AtomicU64 = AtomicU64::new(1000);
    SEED.fetch_add(1, Ordering::Relaxed)
}

async fn take_all(app: &App, cases: &[Arc<Case>], way: Way) {
    let taker = Taker::of(app);
    taker.take_from_all(way).await.unwrap();
    let losses = stream::iter(cases.iter().cloned())
        .map(|case| {
            let (taker, name) = (taker.clone(), case.change.name);
            async move {
                taker.take(case, way).await.unwrap_or_else(|error| panic!("{way:?} of {name}: {error}"));
            }
        })
        .buffer_unordered(AT_ONCE);
    losses.collect::<Vec<()>>().await;
}

/// Without any loss, each request works and writes something.
pub(super) async fn control(fixture: &Fixture, engine: Engine) -> Vec<Failed> {
    let app = fixture.start(next_seed()).await;
    let before = Snapshot::of(&app.database, engine).await;
    let replies: Vec<Reply> = stream::iter(&fixture.cases)
        .map(|case| {
            let (request, server) = (case.request(), app.address);
            async move { request.send(server).await }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let written = before.until(&Snapshot::of(&app.database, engine).await);
    let mut failed = Vec::new();
    for (case, reply) in fixture.cases.iter().zip(replies) {
        let wrote = written.iter().any(|one| one.is_of(case));
        // Nothing is written for a token of an API key.
        let must_write =
            !(case.change.credential == Credential::ClientSecret && case.change.name.starts_with("grant"));
        let what = match outcome(case, &reply) {
            Outcome::Done(_) if wrote || !must_write => continue,
            Outcome::Done(what) => format!("{what}, but nothing was written"),
            Outcome::Rejected(what) | Outcome::Broken(what) => format!("{what}: {}", reply.text),
        };
        failed.push(Failed { case: Arc::clone(case), what });
    }
    app.stop().remove().await;
    failed
}

/// Authority is lost before the request, or while a part of it is kept back.
pub(super) async fn early(
    fixture: &Fixture,
    engine: Engine,
    cases: &[Arc<Case>],
    way: Way,
    kept_back: KeptBack,
) -> Shown {
    let app = fixture.start(next_seed()).await;
    let mut whole = Snapshot::of(&app.database, engine).await;
    let (mut begun, mut cases, mut unheld) = (Vec::new(), cases.to_vec(), Vec::new());
    if kept_back != KeptBack::Nothing {
        for case in &cases {
            begun.push(case.request().begin(app.address, kept_back).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        // What does not wait for its body was done with authority.
        let now = Snapshot::of(&app.database, engine).await;
        let done = whole.until(&now);
        let is_done = |case: &Case| done.iter().any(|one| one.is_of(case));
        let both = cases.into_iter().zip(begun).filter(|(case, _)| !is_done(case));
        unheld.extend(fixture.cases.iter().filter(|case| is_done(case)).cloned());
        (cases, begun) = both.unzip();
        whole = now;
    }
    take_all(&app, &cases, way).await;
    let lost = Snapshot::of(&app.database, engine).await;
    if kept_back == KeptBack::Nothing {
        for case in &cases {
            begun.push(case.request().begin(app.address, KeptBack::Nothing).await);
        }
    }
    let replies: Vec<Reply> =
        stream::iter(begun).map(super::http::Begun::finish).buffered(cases.len().max(1)).collect().await;
    let written = lost.until(&Snapshot::of(&app.database, engine).await);
    let mut failed = Vec::new();
    for (case, reply) in cases.iter().zip(replies) {
        let wrote: Vec<&Written> = written.iter().filter(|one| one.is_of(case)).collect();
        failed.extend(judged(case, &reply, &wrote));
    }
    let strangers = written.iter().filter(|one| !cases.iter().any(|case| one.is_of(case)));
    let strangers: Vec<&Written> = strangers.filter(|one| one.table != "audit_events").collect();
    assert!(strangers.is_empty(), "nobody's: {strangers:?}");
    app.stop().remove().await;
    Shown { failed, unheld, shapes: shapes(&cases, &whole.until(&lost)) }
}

/// What a rejected request may take away.
const ENDED: [&str; 3] = ["sessions", "device_authorizations", "one_time_links"];

pub(super) fn judged(case: &Arc<Case>, reply: &Reply, wrote: &[&Written]) -> Option<Failed> {
    let what = match outcome(case, reply) {
        // A rejected request may end what it came with.
        Outcome::Rejected(_) if wrote.iter().all(|one| !one.came && ENDED.contains(&one.table)) => {
            return None;
        }
        Outcome::Rejected(what) => format!("rejected ({what}), but wrote {}", told(wrote)),
        Outcome::Broken(what) => format!("broken: {what}"),
        Outcome::Done(what) if wrote.is_empty() => format!("done ({what}), wrote nothing"),
        Outcome::Done(what) => format!("done ({what}), wrote {}", told(wrote)),
    };
    Some(Failed { case: Arc::clone(case), what })
}
