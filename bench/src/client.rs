//! A client that measures one thing after the other: tokens, and queries with them.

use crate::{Outcome, served::Served};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const TOKEN_PATH: &str = "/realms/duku/protocol/openid-connect/token";

/// Calls one server.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    metrics: String,
}

impl Client {
    pub(crate) fn of(served: &Served) -> Self {
        Self { http: reqwest::Client::new(), url: served.url.clone(), metrics: served.metrics.clone() }
    }

    /// Exchanges a pair for a token.
    pub(crate) async fn token(&self, (id, secret): &(String, String)) -> Outcome<String> {
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        let answer = self.http.post(format!("{}{TOKEN_PATH}", self.url)).form(&form).send().await;
        let answer: Value = answer.map_err(failed)?.json().await.map_err(failed)?;
        answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| format!("no token: {answer}"))
    }

    /// The same so many times, sixteen at once.
    pub(crate) async fn tokens(&self, pair: &(String, String), count: usize) -> Outcome<Vec<String>> {
        let mut tokens = Vec::with_capacity(count);
        while tokens.len() < count {
            let sixteen = (0..16).map(|_| self.token(pair));
            for token in futures::future::join_all(sixteen).await {
                tokens.push(token?);
            }
        }
        Ok(tokens)
    }

    /// Runs a query and gives its data and how long it took.
    pub(crate) async fn query(
        &self,
        token: &str,
        query: &str,
        variables: Value,
    ) -> Outcome<(Value, Duration)> {
        let body = json!({ "query": query, "variables": variables });
        let started = Instant::now();
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(token).json(&body);
        let text = request.send().await.map_err(failed)?.bytes().await.map_err(failed)?;
        let elapsed = started.elapsed();
        let mut answer: Value = serde_json::from_slice(&text).map_err(failed)?;
        if answer.get("errors").is_some() {
            return Err(format!("{query}: {answer}"));
        }
        Ok((answer["data"].take(), elapsed))
    }

    /// How many statements the server has sent to its database so far.
    pub(crate) async fn statements(&self) -> Outcome<f64> {
        let text = self.http.get(&self.metrics).send().await.map_err(failed)?.text().await.map_err(failed)?;
        let line =
            text.lines().find(|line| line.starts_with("duku_database_seconds_count{operation=\"query\"}"));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        count.ok_or_else(|| "the metrics do not tell how many statements there were".to_owned())
    }
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}
