//! Memory of an idle server, the time from start to the first token, and the size of the binary.

use super::{Bench, median, small};
use crate::{
    Outcome,
    client::TOKEN_PATH,
    report::{Figure, Row},
    served::{SERVER_CORE, Served, pinned, request},
};
use serde_json::json;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};

const PORT: u16 = 18_242;
const STARTS: usize = 11;
/// The jobs of the first seconds are done by then.
const SETTLED: Duration = Duration::from_secs(5);

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    let bytes = std::fs::metadata(&bench.duku).map_err(|error| error.to_string())?.len();
    let body =
        format!("grant_type=client_credentials&client_id={}&client_secret={}", acme.pair.0, acme.pair.1);
    let exchange = format!(
        "POST {TOKEN_PATH} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(start(bench, folder.path(), &exchange)?);
    }
    let idle = {
        let served = Served::duku(&bench.duku, folder.path(), PORT, &[])?;
        request(&format!("127.0.0.1:{PORT}"), &exchange)?;
        std::thread::sleep(SETTLED);
        served.usage()?
    };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (resident, own, binary) =
        (idle.resident_kib as f64 / 1000.0, idle.own_kib as f64 / 1000.0, bytes as f64 / 1e6);
    Ok(Row {
        name: "footprint".to_owned(),
        figures: vec![
            Figure::at_most("memory, idle", resident, 30.0, " MB"),
            Figure::at_most("start to first token", median(starts.clone()), 100.0, " ms"),
            Figure::at_most("binary", binary, 25.0, " MB"),
        ],
        runs: json!({ "starts_ms": starts, "memory_without_mapped_files_mb": own }),
        measured: json!(null),
    })
}

/// From the start of the process to the last byte of a token, in milliseconds.
fn start(bench: &Bench, data: &std::path::Path, exchange: &str) -> Outcome<f64> {
    let address = format!("127.0.0.1:{PORT}");
    let mut command = pinned(&bench.duku, SERVER_CORE);
    command.arg("serve").env("DUKU_DATA_DIR", data).env("DUKU_LISTEN", &address);
    command.env("DUKU_METRICS_LISTEN", "off").stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let elapsed = loop {
        if request(&address, exchange).is_ok() {
            break Ok(started.elapsed().as_secs_f64() * 1000.0);
        }
        if started.elapsed() > Duration::from_secs(10) {
            break Err("no token within ten seconds of the start".to_owned());
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    let _ = child.kill();
    let _ = child.wait();
    elapsed
}
