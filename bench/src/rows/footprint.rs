//! Memory of an idle server, the time from start to the first token, and the size of the binary.

use super::{Bench, median, small};
use crate::{
    Outcome,
    report::{Figure, Row},
    served::{Served, request_token},
};
use serde_json::json;
use std::time::{Duration, Instant};

const STARTS: usize = 11;
/// The jobs of the first seconds are done by then.
const SETTLED: Duration = Duration::from_secs(5);

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    let bytes = std::fs::metadata(&bench.duku).map_err(|error| error.to_string())?.len();
    // From the start of the process to the last byte of a token, in milliseconds.
    let start = || -> Outcome<(Served, f64)> {
        let started = Instant::now();
        let served = Served::duku(&bench.duku, folder.path(), 18_242, &[])?;
        request_token(&served.address, &acme.pair)?;
        Ok((served, started.elapsed().as_secs_f64() * 1000.0))
    };
    let starts = (0..STARTS).map(|_| Ok(start()?.1)).collect::<Outcome<Vec<f64>>>()?;
    let (served, _) = start()?;
    std::thread::sleep(SETTLED);
    let idle = served.usage()?;
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
