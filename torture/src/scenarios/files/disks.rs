//! A disk that is full, and one that cannot be written.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node, postgres},
    http,
    outcome::{During, Outcome, ensure},
    probe::Probe,
    process, recording_client,
    report::Figures,
};
use std::{io::Write, path::Path, process::Command, time::Duration};

/// The server's own limits of a stop, and what a busy machine may add.
const STOPPED: Duration = Duration::from_mins(1);

/// A small file system in memory.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(place: &'a Path, size: &str) -> Outcome<Self> {
        std::fs::create_dir_all(place).during(place.display())?;
        process::read(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "duku-torture"])
                .arg(place),
        )?;
        Ok(Self(place))
    }

    fn remount(&self, options: &str) -> Outcome {
        process::read(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0)).map(drop)
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        // What still holds it open ends with the scenario.
        let _ = process::read(Command::new("umount").arg("-l").arg(self.0));
    }
}

pub(crate) async fn full(bench: &Bench) -> Outcome<Figures> {
    if !process::is_root() {
        return Ok(Figures::new().with("skipped", "only root may mount a small disk"));
    }
    let mut cluster = Cluster::prepare(bench, None, 1, &[])?;
    let place = cluster.data_dir();
    let disk = Mount::new(&place, "3m")?;
    cluster.node(0)?.start().await?;
    let probe = Probe::new(&cluster).await?;
    let admin = cluster.admin_token("Probe")?;
    let node = cluster.nodes.first().ok_or("no node")?;
    let mut client = node.client();
    let padding = "x".repeat(1500);
    let create = http::graphql(
        &admin,
        &format!(
            "mutation {{ createSubject(input: {{ name: \"Shop\", description: \"{padding}\" }}) {{ id }} }}"
        ),
    );
    let (mut kept, mut rejected) = (0, 0);
    while rejected < bench.amount(200, 20) {
        let answer = client.send(&create).await.during("filling the disk")?;
        match answer.status {
            200 if recording_client::error_code(&answer).is_empty() => kept += 1,
            503 if answer.retry_after.is_some() => rejected += 1,
            _ => return Err(format!("a full disk is answered {} {}", answer.status, answer.text())),
        }
    }
    // What only reads goes on.
    for request in [probe.exchange(), probe.call()] {
        let answer = client.send(&request).await.during("reading from a full disk")?;
        ensure(answer.status == 200, || format!("with a full disk: {} {}", answer.status, answer.text()))?;
    }
    let listed = count(&mut client, &admin).await?;
    ensure(listed == kept, || format!("{kept} products were answered and {listed} are there"))?;
    disk.remount("size=16m")?;
    let answer = client.send(&create).await.during("after space was freed")?;
    ensure(recording_client::error_code(&answer).is_empty() && answer.status == 200, || answer.text())?;
    ensure(count(&mut client, &admin).await? == kept + 1, || {
        "the product after that is not there".to_owned()
    })?;
    let said = full_at_the_checkpoint(cluster.node(0)?, &place).await?;
    let mut client = cluster.node(0)?.client();
    ensure(count(&mut client, &admin).await? == kept + 1, || "a product is gone".to_owned())?;
    cluster.verify_audit()?;
    cluster.node(0)?.kill()?;
    Ok(Figures::new()
        .with("what a server said that stopped on a full disk", said)
        .with("changes until the disk was full", kept)
        .with("changes rejected with 503 then", rejected)
        .with("answered changes that were missing", 0)
        .with("exchanges and API calls that only read, with the disk full", "served")
        .with("first change after space was freed, without a restart", "served"))
}

/// Stops the node while the disk is full, so that its log cannot be brought into the file, and starts it when there is space
/// again. Gives what it said.
async fn full_at_the_checkpoint(node: &mut Node, place: &Path) -> Outcome<String> {
    let padding = place.join("padding");
    let mut file = std::fs::File::create(&padding).during(padding.display())?;
    // Until nothing fits any more, which is what is wanted.
    while file.write_all(&[b'x'; 1024]).is_ok() {}
    drop(file);
    node.terminate()?;
    let status = node.ended(STOPPED).await?;
    ensure(status.code() == Some(1), || format!("a full disk at the stop: {status}: {}", node.last_lines()))?;
    let log = std::fs::read_to_string(&node.log).during(node.log.display())?;
    let line = log.lines().rev().find(|line| line.contains("write-ahead log"));
    let line = line.ok_or_else(|| format!("nothing is said of the log: {}", node.last_lines()))?;
    let line: serde_json::Value = serde_json::from_str(line).during("reading the log")?;
    std::fs::remove_file(&padding).during(padding.display())?;
    node.start().await?;
    let message = line.get("message").and_then(|message| message.as_str());
    Ok(message.unwrap_or_default().to_owned())
}

async fn count(client: &mut http::Client, token: &str) -> Outcome<usize> {
    let (mut found, mut after) = (0, String::new());
    loop {
        let query = format!("{{ subjects(first: 1000{after}) {{ id }} }}");
        let answer = client.send(&http::graphql(token, &query)).await.during("counting")?;
        let page = answer.json().pointer("/data/subjects").and_then(|page| page.as_array().cloned());
        let page = page.ok_or_else(|| answer.text())?;
        found += page.len();
        let last = page.last().and_then(|last| last.get("id")).and_then(|id| id.as_str());
        match last {
            Some(last) if page.len() == 1000 => after = format!(", after: \"{last}\""),
            _ => return Ok(found),
        }
    }
}

/// A database that takes no writes: a standby, or an operator's precaution.
pub(crate) async fn read_only(bench: &Bench) -> Outcome<Figures> {
    let mut cluster = Cluster::start(bench, Engine::Postgres, 2, &[]).await?;
    let probe = Probe::new(&cluster).await?;
    let url = cluster.database()?.to_owned();
    let set = async |value: &str| {
        let client = postgres::connect(&url).await?;
        let sql = format!("ALTER DATABASE postgres SET default_transaction_read_only = {value}");
        client.batch_execute("SET default_transaction_read_only = off").await.during("writing")?;
        client.batch_execute(&sql).await.during(sql)?;
        postgres::cut_connections(&url).await.map(drop)
    };
    set("on").await?;
    let mut reason = String::new();
    for node in &cluster.nodes {
        reason = probe.is_closed(node).await?;
    }
    set("off").await?;
    let mut slowest = Duration::ZERO;
    for node in &cluster.nodes {
        slowest = slowest.max(probe.until_open(node, Duration::from_secs(10)).await?);
    }
    // A file that cannot be written is said at the start.
    let file = sqlite_on_a_read_only_disk(bench, &mut cluster).await?;
    Ok(Figures::new()
        .with("what /readyz said of a PostgreSQL that takes no writes", reason)
        .with(
            "milliseconds until nodes worked when it took them again",
            u64::try_from(slowest.as_millis()).unwrap_or(0),
        )
        .with("what a start on a read-only disk said", file))
}

async fn sqlite_on_a_read_only_disk(bench: &Bench, other: &mut Cluster) -> Outcome<String> {
    if !process::is_root() {
        return Ok("skipped: only root may mount a read-only disk".to_owned());
    }
    let place = other.folder().join("read-only");
    let disk = Mount::new(&place, "8m")?;
    let shown = place.display().to_string();
    let mut cluster = Cluster::prepare(bench, None, 1, &[("DUKU_DATA_DIR", &shown)])?;
    cluster.node(0)?.start().await?;
    cluster.node(0)?.kill()?;
    disk.remount("ro")?;
    let said = cluster.node(0)?.start().await;
    let why = said.err().ok_or("a server started on a disk that it cannot write")?;
    ensure(why.contains("cannot be written"), || why.clone())?;
    let line = why.lines().rev().find(|line| line.contains("duku: ")).unwrap_or_default();
    let line = line.split("duku: ").nth(1).unwrap_or_default();
    Ok(line.replace(&shown, "…"))
}
