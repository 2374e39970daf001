//! `{ subjects { id name } }` with ten products and a warm token, beside a bare server that reads the same rows.

use super::{Bench, SUBJECTS, path, small, tokens_file};
use crate::{
    Outcome,
    client::Client,
    load::Load,
    report::{Figure, Row},
    served::Served,
};
use serde_json::json;

pub(super) async fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    // Longer than the runs: a token that expires between them would be measured as a rejection.
    let lasting = [("DUKU_TOKEN_LIFETIME_SECONDS", "3600")];
    let duku = Served::duku(&bench.duku, folder.path(), 18_236, &lasting)?;
    let floor = Served::floor(&bench.floor, folder.path(), &acme.organisation, 18_237)?;
    let token = Client::of(&duku).token(&acme.pair).await?;
    let file = tokens_file(folder.path(), &[token])?;
    let given = [("TOKENS", path(&file)?), ("BODY", SUBJECTS)];
    let (product, bare) = (format!("{}/graphql", duku.url), format!("{}/subjects", floor.url));
    let load = |url| Load { url, script: "graphql.lua", given: &given, seconds: bench.seconds };
    let [product, bare] = bench.in_turns([load(&product), load(&bare)])?;
    Ok(Row {
        name: "graphql".to_owned(),
        figures: vec![Figure::at_least(
            "queries a second, in parts of the floor's",
            product.per_second() / bare.per_second(),
            0.5,
            "",
        )],
        runs: json!({ "duku": product.told(), "floor": bare.told() }),
        measured: json!(null),
    })
}
