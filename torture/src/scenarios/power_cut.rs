//! The power is cut under SQLite: what was flushed is there, what came after may be whole, torn or missing.
//!
//! Nobody can cut a process's power from inside the machine, so the files are treated as a cut would: when an operation is
//! answered, its frames are in the write-ahead log and have been flushed (a trace of the system calls shows it). Of a copy
//! of the files, everything behind that place is then cut off, torn, zeroed or scrambled, and pages that a checkpoint could
//! have been writing are torn in the database file. Whatever was answered must be there, and the file must be whole.

use crate::{
    Bench,
    cluster::{Cluster, Engine},
    history::Reply,
    http,
    outcome::{During, Outcome, ensure},
    process, recording_client,
    report::Figures,
};
use rusqlite::{Connection, OpenFlags};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const WRITERS: usize = 4;

/// One change that was answered, and how far the log went then.
#[derive(Debug, Clone)]
struct Answered {
    name: String,
    /// Which run through the log it was: a log that starts over gets other salts.
    salts: Vec<u8>,
    length: usize,
}

pub(crate) async fn run(bench: &Bench) -> Outcome<Figures> {
    let (changes, cuts) = bench.amount((1500, 3000), (150, 120));
    let flushes = flushes_each(bench).await?;
    let mut cluster = Cluster::start(bench, Engine::Sqlite, 1, &[]).await?;
    cluster.organisation("Power")?;
    let answered = change(&cluster, changes).await?;
    cluster.node(0)?.kill()?;
    let copy = Copy::take(&cluster.data_dir())?;
    let in_log: Vec<_> = answered.iter().filter(|change| change.salts == copy.salts()).cloned().collect();
    ensure(in_log.len() > 10, || format!("only {} changes are in the log", in_log.len()))?;
    let mut random = fastrand::Rng::with_seed(3);
    let mut kinds = [0_usize; 5];
    let place = tempfile::TempDir::with_prefix("duku-power-").during("a temporary folder")?;
    for number in 0..cuts {
        let survives = random.choice(&in_log).ok_or("nothing was answered")?.length;
        let kind = number % kinds.len();
        let (database, log) = copy.damaged(kind, survives, &mut random);
        let file = place.path().join("duku.db");
        write(&file, &database)?;
        write(&place.path().join("duku.db-wal"), &log)?;
        let required = |change: &&Answered| change.salts != copy.salts() || change.length <= survives;
        let required = answered.iter().filter(required).map(|change| change.name.as_str());
        judge(&file, required).map_err(|why| format!("damage {kind} behind byte {survives}: {why}"))?;
        if let Some(count) = kinds.get_mut(kind) {
            *count += 1;
        }
    }
    product_opens(&mut cluster, &copy, &in_log).await?;
    let figure = |kind: usize| kinds.get(kind).copied().unwrap_or_default();
    Ok(Figures::new()
        .with("changes answered", answered.len())
        .with("of these in the log at the end", in_log.len())
        .with("logs cut off somewhere behind an answered change", figure(0))
        .with("logs with random bytes there", figure(1))
        .with("logs with zeros there", figure(2))
        .with("logs with single blocks missing there", figure(3))
        .with("database files with pages torn that a checkpoint could have been writing", figure(4))
        .with("answered changes that were missing", 0)
        .with("damaged files", 0)
        .with("flushes of the log for each of 20 changes one after the other", flushes))
}

/// Makes products, several at once, and notes how far the log went when each was answered.
async fn change(cluster: &Cluster, changes: usize) -> Outcome<Vec<Answered>> {
    let token = cluster.admin_token("Power")?;
    let answered: Arc<Mutex<Vec<Answered>>> = Arc::default();
    let node = cluster.nodes.first().ok_or("no node")?;
    let log = cluster.data_dir().join("duku.db-wal");
    let writers = (0..WRITERS).map(|writer| {
        let (mut client, token, log) = (node.client(), token.clone(), log.clone());
        let answered = Arc::clone(&answered);
        tokio::spawn(async move {
            for number in 0..changes / WRITERS {
                let name = format!("Product {writer}-{number}");
                let query = format!("mutation {{ createSubject(input: {{ name: \"{name}\" }}) {{ id }} }}");
                let answer = client.send(&http::graphql(&token, &query)).await.during("a change")?;
                ensure(recording_client::of_mutation(&answer) == Reply::Done, || answer.text())?;
                let (salts, length) = state(&log)?;
                answered.lock().unwrap_or_else(PoisonError::into_inner).push(Answered {
                    name,
                    salts,
                    length,
                });
            }
            Ok::<(), String>(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.during("a writer")??;
    }
    let answered = answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(answered)
}

/// The log's salts, and how far its frames of these salts go.
fn state(log: &Path) -> Outcome<(Vec<u8>, usize)> {
    let bytes = std::fs::read(log).during(log.display())?;
    let salts = bytes.get(16..24).unwrap_or_default().to_vec();
    let page = page_size(&bytes);
    let frames = bytes.get(HEADER..).unwrap_or_default().chunks_exact(FRAME_HEADER + page);
    let valid = frames.take_while(|frame| frame.get(8..16) == Some(&salts)).count();
    Ok((salts, HEADER + valid * (FRAME_HEADER + page)))
}

fn page_size(log: &[u8]) -> usize {
    log.get(8..12).map_or(4096, |bytes| bytes.iter().fold(0, |size, byte| size << 8 | usize::from(*byte)))
}

fn write(path: &PathBuf, bytes: &[u8]) -> Outcome {
    std::fs::write(path, bytes).during(path.display())
}

/// The files as they were when the process died.
#[derive(Debug)]
struct Copy {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Copy {
    fn take(data_dir: &Path) -> Outcome<Self> {
        let read = |name: &str| std::fs::read(data_dir.join(name)).during(name);
        Ok(Self { database: read("duku.db")?, log: read("duku.db-wal")? })
    }

    fn salts(&self) -> &[u8] {
        self.log.get(16..24).unwrap_or_default()
    }

    /// A copy whose log is good up to `survives` and of which the rest was not flushed.
    fn damaged(&self, kind: usize, survives: usize, random: &mut fastrand::Rng) -> (Vec<u8>, Vec<u8>) {
        let (mut database, mut log) = (self.database.clone(), self.log.clone());
        let behind = log.len().saturating_sub(survives);
        match kind {
            0 => log.truncate(survives + random.usize(..=behind)),
            1 => fill(&mut log, survives + random.usize(..=behind), |_| random.u8(..)),
            2 => fill(&mut log, survives, |_| 0),
            3 => {
                for _ in 0..8 {
                    let from = (survives + random.usize(..=behind)).next_multiple_of(512);
                    log.iter_mut().skip(from).take(512).for_each(|byte| *byte = 0);
                }
            }
            _ => {
                let page = page_size(&log);
                let pages: Vec<usize> = pages_in(&log, page).collect();
                for _ in 0..6 {
                    let Some(number) = random.choice(&pages) else { continue };
                    // Half of a page is new, or nothing readable at all.
                    let from = number.saturating_sub(1) * page + random.usize(..page);
                    let end = number * page;
                    fill_part(&mut database, from, end, |_| 0x5A);
                }
            }
        }
        (database, log)
    }
}

fn fill(bytes: &mut [u8], from: usize, with: impl FnMut(usize) -> u8) {
    let end = bytes.len();
    fill_part(bytes, from, end, with);
}

fn fill_part(bytes: &mut [u8], from: usize, end: usize, mut with: impl FnMut(usize) -> u8) {
    for (place, byte) in bytes.iter_mut().enumerate().take(end).skip(from) {
        *byte = with(place);
    }
}

/// The numbers of the pages that the log holds, up to its last whole transaction.
fn pages_in(log: &[u8], page: usize) -> impl Iterator<Item = usize> {
    let salts = log.get(16..24).map(<[u8]>::to_vec);
    let frames = log.get(HEADER..).unwrap_or_default().chunks_exact(FRAME_HEADER + page);
    let valid: Vec<(usize, bool)> = frames
        .take_while(|frame| frame.get(8..16) == salts.as_deref())
        .map(|frame| {
            let number = |range: std::ops::Range<usize>| {
                frame.get(range).unwrap_or_default().iter().fold(0, |all, byte| all << 8 | usize::from(*byte))
            };
            (number(0..4), number(4..8) != 0)
        })
        .collect();
    let committed = valid.iter().rposition(|(_, is_commit)| *is_commit).map_or(0, |last| last + 1);
    valid.into_iter().take(committed).map(|(number, _)| number)
}

/// Fails unless the file is whole and holds all of these.
fn judge<'a>(file: &Path, required: impl Iterator<Item = &'a str>) -> Outcome {
    let shared = file.with_extension("db-shm");
    if shared.exists() {
        std::fs::remove_file(&shared).during(shared.display())?;
    }
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).during("opening")?;
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).during("checking")?;
    ensure(said == "ok", || format!("the file is damaged: {said}"))?;
    let mut statement = connection.prepare("SELECT name FROM subjects").during("reading")?;
    let names: HashSet<String> = statement
        .query_map([], |row| row.get(0))
        .during("reading")?
        .collect::<Result<_, _>>()
        .during("reading")?;
    let missing = required.filter(|name| !names.contains(*name)).count();
    ensure(missing == 0, || format!("{missing} answered changes are missing"))
}

/// The product itself starts on what a cut leaves, serves it and finds its audit log whole.
async fn product_opens(cluster: &mut Cluster, copy: &Copy, in_log: &[Answered]) -> Outcome {
    let mut random = fastrand::Rng::with_seed(5);
    for kind in 0..4 {
        let survives = random.choice(in_log).ok_or("nothing was answered")?.length;
        let (database, log) = copy.damaged(kind, survives, &mut random);
        let data = cluster.data_dir();
        write(&data.join("duku.db"), &database)?;
        write(&data.join("duku.db-wal"), &log)?;
        cluster.node(0)?.start().await?;
        cluster.verify_audit()?;
        cluster.node(0)?.kill()?;
    }
    Ok(())
}

/// How often the log is flushed for each of some changes that come one after the other. "not traced" where there is no strace.
async fn flushes_each(bench: &Bench) -> Outcome<serde_json::Value> {
    if process::read(Command::new("strace").arg("-V")).is_err() {
        return Ok("not traced: there is no strace".into());
    }
    let mut cluster = Cluster::prepare(bench, None, 1, &[])?;
    let trace = cluster.folder().join("trace");
    let shown = trace.display().to_string();
    // The node is to go with its tracer, or it would outlive us.
    let tracer =
        ["strace", "-f", "-y", "-e", "trace=fdatasync,fsync", "-o", &shown, "setpriv", "--pdeathsig", "KILL"];
    cluster.node(0)?.set_prefix(&tracer);
    cluster.node(0)?.start().await?;
    cluster.organisation("Power")?;
    let token = cluster.admin_token("Power")?;
    let mut client = cluster.node(0)?.client();
    // Nobody used anything, so there are no counters to be written meanwhile.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let flushes = |text: &str| text.lines().filter(|line| line.contains("db-wal>")).count();
    let mut fewest = usize::MAX;
    for number in 0..20 {
        let before = flushes(&std::fs::read_to_string(&trace).during("the trace")?);
        let query = format!("mutation {{ createSubject(input: {{ name: \"Traced {number}\" }}) {{ id }} }}");
        let answer = client.send(&http::graphql(&token, &query)).await.during("a change")?;
        ensure(recording_client::of_mutation(&answer) == Reply::Done, || answer.text())?;
        fewest = fewest.min(flushes(&std::fs::read_to_string(&trace).during("the trace")?) - before);
    }
    ensure(fewest > 0, || "a change was answered before the log was flushed".to_owned())?;
    Ok(format!("at least {fewest}").into())
}
