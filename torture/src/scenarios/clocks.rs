//! Clocks that are set hours back and forward under a running node.

use crate::{
    Bench,
    cluster::{Cluster, Engine, faketime::Clock},
    history::Reply,
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    recording_client,
    report::Figures,
};
use std::time::Duration;

const HOUR: i64 = 3600;

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let hours: &[i64] = bench.amount(&[5, -5, 12, -12, 1, -1, 23, -23, 0], &[5, -5, 0]);
    let mut figures = Figures::new();
    for (name, engine) in [("sqlite", Engine::Sqlite), ("postgres", Engine::Postgres)] {
        let asked = jump(bench, engine, hours).await.map_err(|why| format!("on {name}: {why}"))?;
        figures =
            figures.with(&format!("requests after a jump on {name}, each answered as it should be"), asked);
    }
    let list: Vec<String> = hours.iter().map(ToString::to_string).collect();
    Ok(figures.with("the clock's error in hours, one after the other", list.join(", ")))
}

/// What is alive, and what was ended before the clock moved.
struct Things {
    current: Vec<u8>,
    former: Vec<u8>,
    revoked: Vec<u8>,
    ended_tokens: Vec<String>,
}

async fn jump(bench: &Bench, engine: Engine, hours: &[i64]) -> Outcome<u64> {
    let mut cluster = Cluster::start(bench, engine, 1, &[("DUKU_TOKEN_LIFETIME_SECONDS", "300")]).await?;
    let clock = Clock::new(cluster.folder())?;
    let node = cluster.node(0)?;
    node.kill()?;
    clock.give_to(node)?;
    node.start().await?;
    let probe = Probe::new(&cluster).await?;
    let mut client = cluster.node(0)?.client();
    let things = end_some(&cluster, &mut client, &probe).await?;
    let mut asked = ahead_for_a_moment(&mut cluster, &clock, &things).await?;
    client = cluster.node(0)?.client();
    for hour in hours {
        clock.set(hour * HOUR)?;
        let token = exchange(&mut client, &things.current).await?;
        let token = token.ok_or_else(|| format!("a good key is rejected {hour} hours off"))?;
        let call = |token: &str| http::graphql(token, "{ subjects(first: 1) { id } }");
        let reply = ask(&mut client, &call(&token), recording_client::of_call).await?;
        ensure(reply == Reply::Done, || format!("a new token is answered {reply:?} {hour} hours off"))?;
        for ended in [&things.former, &things.revoked] {
            let reply = ask(&mut client, ended, recording_client::of_exchange).await?;
            ensure(reply == Reply::Rejected, || {
                format!("an ended secret is answered {reply:?} {hour} hours off")
            })?;
        }
        for ended in &things.ended_tokens {
            let reply = ask(&mut client, &call(ended), recording_client::of_call).await?;
            ensure(reply == Reply::Rejected, || {
                format!("an ended token is answered {reply:?} {hour} hours off")
            })?;
        }
        // A token that was issued before the jump lives within its times only.
        if *hour != 0 {
            let reply = ask(&mut client, &call(&probe.token), recording_client::of_call).await?;
            ensure(reply == Reply::Rejected, || format!("a token of another hour is answered {reply:?}"))?;
        }
        let ready = cluster.node(0)?.readiness().await.during("readyz")?;
        ensure(ready.status == 200, || ready.text())?;
        asked += 7;
        // The second and the minute's jobs go on meanwhile.
        tokio::time::sleep(Duration::from_millis(bench.amount(2500, 300))).await;
    }
    clock.set(0)?;
    cluster.verify_audit()?;
    Ok(asked)
}

/// A process on the same data whose clock is three days ahead, for long enough to do what is due every minute and every day.
async fn ahead_for_a_moment(cluster: &mut Cluster, clock: &Clock, things: &Things) -> Outcome<u64> {
    for (hours, stay) in [(72, 2500), (0, 0)] {
        cluster.node(0)?.kill()?;
        clock.set(hours * HOUR)?;
        cluster.node(0)?.start().await?;
        tokio::time::sleep(Duration::from_millis(stay)).await;
    }
    let mut client = cluster.node(0)?.client();
    for ended in &things.ended_tokens {
        let call = http::graphql(ended, "{ subjects(first: 1) { id } }");
        let reply = ask(&mut client, &call, recording_client::of_call).await?;
        ensure(reply == Reply::Rejected, || {
            format!("an ended token is answered {reply:?} after a moment three days ahead")
        })?;
    }
    Ok(things.ended_tokens.len() as u64)
}

/// A rotation with the end of tokens, a revocation, and the end of one token.
async fn end_some(cluster: &Cluster, client: &mut Client, probe: &Probe) -> Outcome<Things> {
    let text = |key: &serde_json::Value, name: &str| {
        key.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
    };
    let generate =
        |label: &str| cluster.json(&["admin", "key", "generate", "--org", "Probe", "--label", label]);
    let (rotated, revoked) = (generate("Rotated")?, generate("Revoked")?);
    let pair = |key: &serde_json::Value| http::exchange(&text(key, "client_id"), &text(key, "client_secret"));
    let mut ended_tokens = Vec::new();
    for key in [&rotated, &revoked] {
        ended_tokens.push(exchange(client, &pair(key)).await?.ok_or("a new key is rejected")?);
    }
    let single = exchange(client, &probe.exchange()).await?.ok_or("the probe is rejected")?;
    let end = http::revoke_token(&probe.client_id, &probe.secret, &single);
    ensure(ask(client, &end, recording_client::of_token_end).await? == Reply::Done, || {
        "a token was not ended".to_owned()
    })?;
    ended_tokens.push(single);
    let id = text(&rotated, "client_id");
    let renewed = cluster.json(&["admin", "key", "rotate", &id, "--end-issued-tokens"])?;
    cluster.json(&["admin", "key", "revoke", &text(&revoked, "client_id")])?;
    Ok(Things { current: pair(&renewed), former: pair(&rotated), revoked: pair(&revoked), ended_tokens })
}

async fn ask(client: &mut Client, request: &[u8], reading: recording_client::Reading) -> Outcome<Reply> {
    client.send(request).await.during("asking").map(|answer| reading(&answer))
}

async fn exchange(client: &mut Client, request: &[u8]) -> Outcome<Option<String>> {
    let answer = client.send(request).await.during("an exchange")?;
    Ok(recording_client::text_at(Some(&answer), "/access_token"))
}
