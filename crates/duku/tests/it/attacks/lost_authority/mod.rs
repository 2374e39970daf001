//! Every request that changes something, against every way to lose the authority for it, at every moment: it is rejected,
//! gives nothing and writes nothing.
//!
//! `rows` is the table of requests, `ways` the matrix of what concerns what, `fixture` and `steps` make the data once for each
//! engine, `moments` and `races` run rows on copies of them. `DUKU_TEST_WAY` runs only the ways whose name contains it.
//!
//! The other files hold promises of the same kind that are no row: `invitations`, `passwords`, `stale`.

mod fixture;
mod http;
mod invitations;
mod judge;
mod losses;
mod moments;
mod passwords;
mod races;
mod requests;
mod rows;
mod snapshot;
mod stale;
mod steps;
mod ways;

use crate::on_both;
use fixture::{Case, Fixture};
use http::KeptBack;
use moments::{Failed, Moment};
use rows::{AUTHORIZATION_SERVER, MUTATIONS, Row, VIEWPORT};
use std::{collections::BTreeSet, fmt::Write as _, sync::Arc, time::Instant};
use testkit::Engine;
use ways::{Way, applies};

on_both! {
    every_change_is_rejected_after_every_loss
}

/// Rows of the test's table: the first two words of a name that says more.
fn names(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.name().to_owned()).collect()
}

#[test]
fn every_change_has_a_row() {
    let routes = viewport::routes().into_iter().filter(|rule| rule.method != "GET");
    let routes: BTreeSet<String> = routes.map(|rule| format!("{} {}", rule.method, rule.path)).collect();
    assert_eq!(routes, names(VIEWPORT), "Viewport");

    let sdl = platform::sdl();
    let fields = sdl.split_once("type Mutation {").unwrap().1.split_once("\n}").unwrap().0;
    let fields =
        fields.lines().map(str::trim).filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let fields: BTreeSet<String> =
        fields.map(|line| format!("mutation {}", line.split(['(', ':']).next().unwrap())).collect();
    let known: BTreeSet<String> = MUTATIONS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(fields, known, "GraphQL");
}

#[test]
fn every_way_concerns_a_row_and_every_row_a_way() {
    let concerns = |way, change: rows::Change| applies(way, change.credential, change.needs);
    let changes = rows::changes();
    for way in Way::ALL {
        assert!(changes.iter().any(|change| concerns(way, *change).is_ok()), "{way:?}");
    }
    for change in changes {
        assert!(Way::ALL.into_iter().any(|way| concerns(way, change).is_ok()), "{change:?}");
        let reasons = Way::ALL.into_iter().filter_map(|way| concerns(way, change).err());
        assert!(reasons.into_iter().all(|reason| !reason.is_empty() && !reason.contains(' ')), "{change:?}");
    }
}

#[tokio::test]
async fn every_endpoint_and_grant_has_a_row() {
    let app = crate::app::App::start(Engine::Sqlite).await;
    let document =
        http::Request::get("/realms/duku/.well-known/openid-configuration").send(app.address).await.json();
    let endpoints = document.as_object().unwrap().keys().filter(|name| name.ends_with("_endpoint"));
    let mut served: BTreeSet<String> = endpoints.cloned().collect();
    let grants = document["grant_types_supported"].as_array().unwrap();
    served.extend(grants.iter().map(|grant| format!("grant {}", grant.as_str().unwrap())));
    let known: BTreeSet<String> = names(AUTHORIZATION_SERVER)
        .into_iter()
        .filter(|name| !name.starts_with("GET "))
        .map(|name| match name.split_once(' ') {
            Some((endpoint, _)) if endpoint.ends_with("_endpoint") => endpoint.to_owned(),
            _ => name,
        })
        .collect();
    assert_eq!(served, known);
    for row in VIEWPORT.iter().chain(AUTHORIZATION_SERVER) {
        assert!(!matches!(row, Row::Exempt { reason, .. } if reason.is_empty()), "{row:?}");
    }
}

/// Which rows a way concerns, at a moment: a request without a body has none that could be kept back.
fn concerned(cases: &[Arc<Case>], way: Way, moment: Moment) -> Vec<Arc<Case>> {
    let held = matches!(moment, Moment::BetweenHeadersAndBody | Moment::BeforeTheLastByte);
    let cases = cases.iter().filter(|case| {
        let change = case.change;
        applies(way, change.credential, change.needs).is_ok() && !(held && change.body.is_empty())
    });
    cases.cloned().collect()
}

async fn every_change_is_rejected_after_every_loss(engine: Engine) {
    let started = Instant::now();
    let fixture = Fixture::make(engine).await;
    println!("{engine:?}: {} rows prepared in {:.1?}", fixture.cases.len(), started.elapsed());
    let mut report = String::new();
    let mut list = |way: &str, moment: &str, failed: Vec<Failed>| {
        for Failed { case, what } in failed {
            let line: String = what.replace(['\n', '\r'], " ").chars().take(300).collect();
            writeln!(report, "{} | {way} | {moment} | {line}", case.told()).unwrap();
        }
    };
    let (mut ran, mut unheld, mut early) = (fixture.cases.len(), 0, String::new());
    list("control", "control", moments::control(&fixture, engine).await);
    let only = std::env::var("DUKU_TEST_WAY").unwrap_or_default();
    for way in Way::ALL.into_iter().filter(|way| format!("{way:?}").contains(&only)) {
        let mut shapes = moments::Shapes::new();
        for moment in Moment::ALL.into_iter().filter(|moment| moment.exists(engine, way)) {
            let cases = concerned(&fixture.cases, way, moment);
            ran += cases.len();
            let shown = match moment {
                Moment::WaitingForTheLock | Moment::WaitingForTheAuditLog | Moment::LostWhileWaiting => {
                    races::waiting(&fixture, engine, &cases, (way, moment), &shapes).await
                }
                Moment::BetweenHeadersAndBody => {
                    moments::early(&fixture, engine, &cases, way, KeptBack::Body).await
                }
                Moment::BeforeTheLastByte => {
                    moments::early(&fixture, engine, &cases, way, KeptBack::LastByte).await
                }
                Moment::Before => moments::early(&fixture, engine, &cases, way, KeptBack::Nothing).await,
            };
            unheld += shown.unheld.len();
            let names: Vec<String> = shown.unheld.iter().map(|case| case.told()).collect();
            if !names.is_empty() {
                writeln!(early, "done before the loss | {way:?} | {moment:?} | {}", names.join("; "))
                    .unwrap();
            }
            if moment == Moment::Before {
                shapes = shown.shapes;
            }
            let failed = shown.failed;
            list(&format!("{way:?}"), &format!("{moment:?}"), failed);
        }
    }
    let failed = report.lines().count();
    println!(
        "{engine:?}: {ran} combinations ran in {:.1?}, {failed} failed; {unheld} requests needed no lock or came before the loss\n{early}",
        started.elapsed()
    );
    print!("{report}");
    fixture.data.remove().await;
    assert!(failed == 0, "{failed} of {ran} combinations failed on {engine:?}:\n{report}");
}
