//! Whatever a stranger or a person sends, no answer is a 5xx: the server never fails.
//!
//! Requests are put together from what there really is (routes, parameters, credentials that are good) and from what is not,
//! and handed to the router. `DUKU_TEST_CASES` says how many on each database.

mod requests;
mod sender;

use axum::http::StatusCode;
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use requests::{NAMES, body, headers, target};
use sender::{Sender, Sent};
use testkit::Engine;

const CASES: u32 = 1500;

fn no_input_gets_a_5xx(engine: Engine) {
    let sender = Sender::on(engine);
    let known = sender.runtime.block_on(sender.known());
    let cases = std::env::var("DUKU_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let method = select(vec![
        "GET", "GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE",
        "PROPFIND",
    ]);
    let request = (method, target(&known), headers(&known), body(known.values.clone()))
        .prop_map(|(method, target, headers, body)| Sent { method, target, headers, body });
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    });
    runner.run(&request, |sent| sender.send(&sent)).unwrap_or_else(|error| panic!("{error}"));
    let seen = sender.seen.lock().unwrap().clone();
    println!("{seen:?}");
    for status in [200, 303, 400, 401, 404, 405] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(seen.contains_key(&status), "the requests are too much alike: no {status} among {seen:?}");
    }
}

/// PostgreSQL's texts hold no zero byte, SQLite's do, and neither may be what somebody meets who sends one.
fn a_zero_byte_anywhere_is_no_5xx(engine: Engine) {
    let sender = Sender::on(engine);
    let known = sender.runtime.block_on(sender.known());
    let mut cookies = known.cookies.iter().cycle();
    let mut failures = Vec::new();
    let all = NAMES.join("=x%00&");
    for path in &known.paths {
        let segments: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "x%00" } else { part }).collect();
        let path = segments.join("/");
        let forms = NAMES.iter().map(|name| format!("{name}=x%00")).chain([all.clone()]);
        for form in forms {
            for (method, target, body) in
                [("GET", format!("{path}?{form}"), ""), ("POST", path.clone(), &*form)]
            {
                let headers = vec![
                    ("content-type", b"application/x-www-form-urlencoded".to_vec()),
                    ("cookie", cookies.next().unwrap().clone().into_bytes()),
                ];
                let sent = Sent { method, target, headers, body: body.as_bytes().to_vec() };
                if sender.send(&sent).is_err() {
                    failures.push(format!("{method} {} {body}", sent.target));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures: {failures:#?}", failures.len());
    for query in [
        "subject(id: $x) { id }",
        "target(id: $x) { id }",
        "subjects(after: $x) { id }",
        "targets(subjectId: $x, after: $x) { id }",
        "auditLog(after: $x) { id }",
    ] {
        sender.ask_graphql(
            &known,
            &format!("query ($x: ID) {{ {query} }}")
                .replace("$x: ID", if query.contains("(id:") { "$x: ID!" } else { "$x: ID" }),
        );
    }
    for mutation in [
        "createSubject(input: { name: $x, description: $x, baseUrl: $x }) { id }",
        "createSubject(input: { name: \"a\", description: $x }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: $x, name: $x, version: $x, environment: $x }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: \"b\", name: \"n\", description: $x, version: \"1\", environment: \"e\" }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: \"b\", name: \"n\", version: \"1\", environment: \"e\", metadata: { a: $x } }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: $x, name: \"n\", version: \"1\", environment: \"e\" }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: \"b\", name: \"n\", version: $x, environment: $x }) { id }",
        "generateApiKey(input: { label: $x }) { clientId }",
        "revokeApiKey(id: $s)",
    ] {
        let declared = if mutation.contains("$s") { "$x: String!, $s: ID!" } else { "$x: String!" };
        let used = if mutation.contains("$x") { declared } else { "$s: ID!" };
        sender.ask_graphql(&known, &format!("mutation ({used}) {{ {mutation} }}"));
    }
}

#[test]
fn a_zero_byte_anywhere_is_no_5xx_on_sqlite() {
    a_zero_byte_anywhere_is_no_5xx(Engine::Sqlite);
}

#[test]
fn a_zero_byte_anywhere_is_no_5xx_on_postgres() {
    a_zero_byte_anywhere_is_no_5xx(Engine::Postgres);
}

#[test]
fn no_input_gets_a_5xx_on_sqlite() {
    no_input_gets_a_5xx(Engine::Sqlite);
}

#[test]
fn no_input_gets_a_5xx_on_postgres() {
    no_input_gets_a_5xx(Engine::Postgres);
}
