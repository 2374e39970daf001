//! What is raced on a real server, with changes made by the server itself and by `duku admin` in another process.

use crate::server::{Database, Server};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{Api, Pair};

crate::on_both! {
    two_hundred_racing_generations_give_exactly_ten_keys
    a_previous_secret_is_rejected_from_the_answer_of_the_rotation_on
    a_revoked_keys_token_is_rejected_from_the_answer_on
}

const UNLIMITED: &[(&str, &str)] = &[("DUKU_RATE_LIMIT", "off")];

fn start(engine: Database) -> Arc<Server> {
    let server = Server::start_with(engine, UNLIMITED);
    server.make_acme();
    Arc::new(server)
}

async fn two_hundred_racing_generations_give_exactly_ten_keys(engine: Database) {
    let server = start(engine);
    let (api, token) = (server.api(), server.admin_token());
    let by_operator: Vec<_> = (0..4)
        .map(|number| {
            let label = format!("Operator {number}");
            let arguments = ["admin", "key", "generate", "--org", "Acme", "--label", &label, "--json"];
            server.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let racing: Vec<_> = (0..196)
        .map(|number| {
            let (api, token) = (api.clone(), token.clone());
            tokio::spawn(async move {
                let query = "mutation ($l: String!) { generateApiKey(input: { label: $l }) { clientId clientSecret } }";
                api.graphql(&token, query, json!({ "l": format!("Key {number}") })).await
            })
        })
        .collect();
    let mut pairs = Vec::new();
    for racer in racing {
        let answer = racer.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        match answer.code().as_str() {
            "" => pairs.push(Pair::of(&answer.data()["generateApiKey"])),
            code => assert_eq!(code, "LIMIT_REACHED", "{}", answer.text),
        }
    }
    for child in by_operator {
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            pairs.push(Pair::of(&serde_json::from_slice(&output.stdout).unwrap()));
        } else {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(1) && said.contains("all 10 places"), "{said}");
        }
    }
    assert_eq!(pairs.len(), 10);
    for pair in &pairs {
        assert_eq!(api.exchange(pair).await.status, StatusCode::OK, "every key that was shown works");
    }
    let listed = api.graphql(&token, "{ apiKeys { id } }", Value::Null).await.data();
    assert_eq!(listed["apiKeys"].as_array().unwrap().len(), 10);
}

/// Clients that use something over and over, and count answers that came although they started after its end.
struct Hammer {
    ended: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    stale: Arc<AtomicU64>,
    accepted: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Hammer {
    fn start<F>(attempt: impl Fn() -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = bool> + Send,
    {
        let hammer = Self {
            ended: Arc::default(),
            stop: Arc::default(),
            stale: Arc::default(),
            accepted: Arc::default(),
            clients: Vec::new(),
        };
        let clients = (0..8)
            .map(|_| {
                let attempt = attempt.clone();
                let (ended, stop) = (Arc::clone(&hammer.ended), Arc::clone(&hammer.stop));
                let (stale, accepted) = (Arc::clone(&hammer.stale), Arc::clone(&hammer.accepted));
                tokio::spawn(async move {
                    while !stop.load(Ordering::SeqCst) {
                        let ended_before = ended.load(Ordering::SeqCst);
                        if attempt().await {
                            accepted.fetch_add(1, Ordering::SeqCst);
                            stale.fetch_add(u64::from(ended_before), Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        Self { clients, ..hammer }
    }

    /// The race is only one if the clients were authenticated before.
    async fn wait_until_authenticated(&self) {
        let started = Instant::now();
        while self.accepted.load(Ordering::SeqCst) == 0 {
            assert!(started.elapsed() < Duration::from_secs(20), "the clients are not authenticated");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Notes that the end was answered, lets the clients try on for a moment, and judges.
    async fn judge(self) {
        self.ended.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(80)).await;
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.unwrap();
        }
        assert_eq!(self.stale.load(Ordering::SeqCst), 0, "accepted after the end was answered");
    }
}

async fn by_server(api: &Api, token: &str, query: &str) -> Value {
    api.graphql(token, query, Value::Null).await.data()
}

async fn by_operator(server: &Arc<Server>, arguments: &[&str]) -> Value {
    let server = Arc::clone(server);
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let run = move || server.admin(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn a_previous_secret_is_rejected_from_the_answer_of_the_rotation_on(engine: Database) {
    let server = start(engine);
    let (api, admin) = (server.api(), server.admin_token());
    let mut pair = server.generate("CI");
    for round in 0..10 {
        let (client, previous) = (api.clone(), pair.clone());
        let hammer = Hammer::start(move || {
            let (client, previous) = (client.clone(), previous.clone());
            async move { client.exchange(&previous).await.status == StatusCode::OK }
        });
        hammer.wait_until_authenticated().await;
        pair = if round % 2 == 0 {
            let query = format!(
                "mutation {{ rotateApiKey(input: {{ id: \"{}\" }}) {{ clientId clientSecret }} }}",
                pair.client_id
            );
            Pair::of(&by_server(&api, &admin, &query).await["rotateApiKey"])
        } else {
            Pair::of(&by_operator(&server, &["key", "rotate", &pair.client_id]).await)
        };
        hammer.judge().await;
        assert_eq!(api.exchange(&pair).await.status, StatusCode::OK);
    }
}

async fn a_revoked_keys_token_is_rejected_from_the_answer_on(engine: Database) {
    let server = start(engine);
    let (api, admin) = (server.api(), server.admin_token());
    for round in 0..6 {
        let pair = server.generate("CI");
        let (client, token) = (api.clone(), api.token(&pair).await);
        let hammer = Hammer::start(move || {
            let (client, token) = (client.clone(), token.clone());
            async move { client.accepts(&token).await }
        });
        hammer.wait_until_authenticated().await;
        if round % 2 == 0 {
            by_server(&api, &admin, &format!("mutation {{ revokeApiKey(id: \"{}\") }}", pair.client_id))
                .await;
        } else {
            by_operator(&server, &["key", "revoke", &pair.client_id]).await;
        }
        hammer.judge().await;
    }
}
