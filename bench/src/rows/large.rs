//! A million organisations with ten keys each, beside ten keys.

use super::{Bench, folder, path, small};
use crate::{
    Outcome, data,
    load::Load,
    report::{Figure, Row},
    served::{Served, TOKEN_PATH},
};
use serde_json::json;

const ORGANISATIONS: i64 = 1_000_000;
/// Every tenth key is in the load's list: a million of them, from everywhere in the file.
const ONE_IN: i64 = 10;

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let (few_folder, few) = small(bench, &[])?;
    let many_folder = folder()?;
    // The product makes the file; then it is filled.
    data::Acme::make(&bench.duku, many_folder.path(), &[])?;
    let (file, pairs) = (many_folder.path().join("duku.db"), many_folder.path().join("many"));
    println!("   filling {} with ten million keys", file.display());
    data::add_organisations(&file, ORGANISATIONS, &pairs, ONE_IN)?;
    let bytes = std::fs::metadata(&file).map_or(0, |found| found.len());

    let few_served = Served::duku(&bench.duku, few_folder.path(), 18_234, &[])?;
    let many_served = Served::duku(&bench.duku, many_folder.path(), 18_235, &[])?;
    let few_given = [("PAIRS", path(&few.pairs)?)];
    let many_given = [("PAIRS", path(&pairs)?)];
    let (few_url, many_url) =
        (format!("{}{TOKEN_PATH}", few_served.url), format!("{}{TOKEN_PATH}", many_served.url));
    let load = |url, given| Load { url, script: "token.lua", given, seconds: bench.seconds };
    let [few, many] = bench.in_turns([load(&few_url, &few_given), load(&many_url, &many_given)])?;
    let usage = many_served.usage()?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let own_mb = usage.own_kib as f64 / 1000.0;
    Ok(Row {
        name: "large".to_owned(),
        figures: vec![
            Figure::at_least(
                "exchanges a second with 10,000,000 keys, in parts of those with ten",
                many.per_second() / few.per_second(),
                0.8,
                "",
            ),
            Figure::at_most("memory beside the page cache", own_mb, 600.0, " MB"),
        ],
        runs: json!({ "ten": few.told(), "ten_million": many.told(), "file_bytes": bytes }),
        measured: json!(null),
    })
}
