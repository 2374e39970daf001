//! The token endpoint beside the floor.

use super::{Bench, path, small};
use crate::{
    Outcome,
    load::Load,
    report::{Figure, Row},
    served::{Served, TOKEN_PATH},
};
use serde_json::json;

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    let duku = Served::duku(&bench.duku, folder.path(), 18_232, &[])?;
    let floor = Served::floor(&bench.floor, folder.path(), &acme.organisation, 18_233)?;
    let given = [("PAIRS", path(&acme.pairs)?)];
    let load = |url| Load { url, script: "token.lua", given: &given, seconds: bench.seconds };
    let (product, bare) = (format!("{}{TOKEN_PATH}", duku.url), format!("{}/token", floor.url));
    let [product, bare] = bench.in_turns([load(&product), load(&bare)])?;
    Ok(Row {
        name: "token".to_owned(),
        figures: vec![
            Figure::at_least(
                "exchanges a second, in parts of the floor's",
                product.per_second() / bare.per_second(),
                0.85,
                "",
            ),
            Figure::at_most("p99, in parts of the floor's", product.p99_us() / bare.p99_us(), 1.5, ""),
        ],
        runs: json!({ "duku": product.told(), "floor": bare.told() }),
        measured: json!(null),
    })
}
