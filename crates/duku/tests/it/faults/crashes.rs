//! `kill -9` in the middle of operations: what was answered is there, what was not is there whole or not at all.

use crate::server::{Database, Server};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{Api, Pair};
use tokio::sync::Mutex;

crate::on_both! {
    kill_9_loses_nothing_that_was_acknowledged
}

/// What clients were told before the server was killed.
#[derive(Default)]
struct Acknowledged {
    generated: Vec<Pair>,
    rotated: Vec<(Pair, Pair)>,
    revoked: Vec<Pair>,
    subjects: Vec<String>,
    /// Keys with an operation that was sent and not answered: either outcome is right.
    open: Vec<String>,
}

const ROUNDS: u64 = 5;

async fn kill_9_loses_nothing_that_was_acknowledged(engine: Database) {
    let settings = [("DUKU_RATE_LIMIT", "off"), ("DUKU_ACTIVE_KEYS", "10000")];
    let mut server = Server::start_with(engine, &settings);
    server.make_acme();
    for round in 0..ROUNDS {
        let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
        let token = server.admin_token();
        let clients: Vec<_> = (0..6)
            .map(|number| tokio::spawn(work(server.api(), token.clone(), number, Arc::clone(&acknowledged))))
            .collect();
        wait_for_the_first(&acknowledged).await;
        tokio::time::sleep(Duration::from_millis(100 + 70 * round)).await;
        server.kill();
        for client in clients {
            client.await.unwrap();
        }
        server.run();
        let acknowledged = acknowledged.lock().await;
        check(&server, &acknowledged).await;
        let verified = server.output(&["audit", "verify", "--json"]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }
}

/// However slow the machine is, something must have been acknowledged before the kill.
async fn wait_for_the_first(acknowledged: &Mutex<Acknowledged>) {
    let started = Instant::now();
    while acknowledged.lock().await.subjects.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "nothing was acknowledged");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Generates, rotates, revokes and adds products until the server is gone.
async fn work(api: Api, token: String, number: usize, acknowledged: Arc<Mutex<Acknowledged>>) {
    for step in 0.. {
        let label = format!("{number}-{step}");
        let query = "mutation ($l: String!) { generateApiKey(input: { label: $l }) { clientId clientSecret } \
                     createSubject(input: { name: $l }) { id } }";
        let Some(data) = ask(&api, &token, query, json!({ "l": label })).await else { return };
        let pair = Pair::of(&data["generateApiKey"]);
        {
            let mut told = acknowledged.lock().await;
            told.generated.push(pair.clone());
            told.subjects.push(data["createSubject"]["id"].as_str().unwrap().to_owned());
        }
        if step % 2 == 0 {
            let query = "mutation ($id: ID!) { rotateApiKey(input: { id: $id }) { clientId clientSecret } }";
            let Some(data) = ask(&api, &token, query, json!({ "id": pair.client_id })).await else {
                acknowledged.lock().await.open.push(pair.client_id);
                return;
            };
            let rotated = Pair::of(&data["rotateApiKey"]);
            acknowledged.lock().await.rotated.push((pair, rotated));
        } else {
            let query = "mutation ($id: ID!) { revokeApiKey(id: $id) }";
            if ask(&api, &token, query, json!({ "id": pair.client_id })).await.is_none() {
                acknowledged.lock().await.open.push(pair.client_id);
                return;
            }
            acknowledged.lock().await.revoked.push(pair);
        }
    }
}

/// The data of a good answer; nothing once the server is gone.
async fn ask(api: &Api, token: &str, query: &str, variables: Value) -> Option<Value> {
    let body = json!({ "query": query, "variables": variables });
    let request = api.client().post(format!("{}/graphql", api.url)).bearer_auth(token).json(&body);
    let answer: Value = request.send().await.ok()?.json().await.ok()?;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer.get("data").cloned()
}

async fn check(server: &Server, acknowledged: &Acknowledged) {
    let api = server.api();
    let is_open = |pair: &Pair| acknowledged.open.contains(&pair.client_id);
    for (before, after) in &acknowledged.rotated {
        assert_eq!(api.exchange(after).await.status, StatusCode::OK, "a new secret that was answered works");
        assert_eq!(api.exchange(before).await.status, StatusCode::UNAUTHORIZED, "the previous one does not");
    }
    for pair in &acknowledged.revoked {
        let answer = api.exchange(pair).await;
        assert!(answer.description().contains("revoked"), "{}", answer.text);
    }
    let ended = |pair: &Pair| {
        acknowledged.rotated.iter().any(|(before, _)| before.client_id == pair.client_id)
            || acknowledged.revoked.iter().any(|revoked| revoked.client_id == pair.client_id)
    };
    for pair in acknowledged.generated.iter().filter(|pair| !ended(pair) && !is_open(pair)) {
        assert_eq!(api.exchange(pair).await.status, StatusCode::OK, "a key that was answered works");
    }
    let token = server.admin_token();
    for id in &acknowledged.subjects {
        let found =
            api.graphql(&token, "query ($id: ID!) { subject(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(found.data()["subject"]["id"], *id);
    }
}
