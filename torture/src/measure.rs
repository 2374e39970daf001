//! Clients that measure how long requests take.

use crate::{
    history::Reply,
    http::{Answer, Client, Lost},
    outcome::{During, Outcome},
    recording_client::Reading,
};
use std::time::{Duration, Instant};

/// Times of requests, by how they ended.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(crate) served: Vec<Duration>,
    pub(crate) shed: Vec<Duration>,
    pub(crate) wrong: Vec<String>,
}

impl Times {
    /// Takes down how one request ended; true if it was served.
    pub(crate) fn note(&mut self, answer: &Result<Answer, Lost>, reading: Reading, took: Duration) -> bool {
        match answer {
            Ok(answer) if answer.status == 503 && answer.retry_after.is_some() => self.shed.push(took),
            Ok(answer) if reading(answer) == Reply::Done => {
                self.served.push(took);
                return true;
            }
            other => self.wrong.push(format!("{other:?}")),
        }
        false
    }

    /// How many were not served.
    pub(crate) fn rejected(&self) -> usize {
        self.shed.len() + self.wrong.len()
    }
}

/// The time within which so many of a hundred ended.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
}

/// Clients that send one request after the other, with a pause in between.
pub(crate) async fn steady(
    clients: impl Iterator<Item = Client>,
    request: &[u8],
    reading: Reading,
    span: Duration,
    pause: Duration,
) -> Outcome<Times> {
    let started = Instant::now();
    let clients: Vec<_> = clients
        .map(|mut client| {
            let request = request.to_vec();
            tokio::spawn(async move {
                let mut times = Times::default();
                while started.elapsed() < span {
                    let sent = Instant::now();
                    let answer = client.send(&request).await;
                    times.note(&answer, reading, sent.elapsed());
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                }
                times
            })
        })
        .collect();
    let mut all = Times::default();
    for client in clients {
        let times = client.await.during("a client")?;
        all.served.extend(times.served);
        all.shed.extend(times.shed);
        all.wrong.extend(times.wrong);
    }
    Ok(all)
}
