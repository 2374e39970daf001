//! `{ subjects { id name } }` with ten products and a warm token, beside a bare server that reads the same rows.

use super::{Bench, small};
use crate::{
    Outcome,
    load::Load,
    report::{Figure, Row},
    served::{Served, request_token},
};
use serde_json::{Value, json};

const BODY: &str = r#"{"query":"{ subjects { id name } }"}"#;

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    // Longer than the runs: a token that expires between them would be measured as a rejection.
    let lasting = [("DUKU_TOKEN_LIFETIME_SECONDS", "3600")];
    let duku = Served::duku(&bench.duku, folder.path(), 18_236, &lasting)?;
    let floor = Served::floor(&bench.floor, folder.path(), &acme.organisation, 18_237)?;
    let answer = request_token(&duku.address, &acme.pair)?;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let issued: Value = serde_json::from_str(body).map_err(|error| format!("{answer}: {error}"))?;
    let given = [("TOKEN", issued["access_token"].as_str().ok_or(answer)?), ("BODY", BODY)];
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
