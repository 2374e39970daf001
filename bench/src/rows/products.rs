//! One organisation with 100,000 products and 1,000,000 targets: pages cost the same wherever they are, and a level of a
//! document costs one statement.

use super::{Bench, median, small};
use crate::{
    Outcome,
    client::Client,
    data,
    report::{Figure, Row},
    served::Served,
};
use serde_json::{Value, json};

const PRODUCTS: i64 = 100_000;
const TARGETS: i64 = 10;
const ROUNDS: usize = 200;
const PAGE: &str = "query ($after: ID) { subjects(first: 100, after: $after) { id name } }";
const NESTED: &str = "{ subjects(first: 100) { id targets(first: 10) { id } } }";

/// The median time of a page, in milliseconds.
async fn page(client: &Client, token: &str, after: Option<&String>) -> Outcome<f64> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (data, elapsed) = client.query(token, PAGE, json!({ "after": after })).await?;
        if data["subjects"].as_array().is_none_or(|page| page.len() < 90) {
            return Err(format!("the page after {after:?} is not full"));
        }
        times.push(elapsed.as_secs_f64() * 1000.0);
    }
    Ok(median(times))
}

pub(super) async fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    println!("   filling {} with a million targets", folder.path().display());
    let ids = data::add_products(&folder.path().join("duku.db"), &acme.organisation, PRODUCTS, TARGETS)?;
    let duku = Served::duku(&bench.duku, folder.path(), 18_244, &[("DUKU_TOKEN_LIFETIME_SECONDS", "3600")])?;
    let client = Client::of(&duku);
    let token = client.token(&acme.pair).await?;
    page(&client, &token, None).await?;
    let first = page(&client, &token, None).await?;
    let middle = page(&client, &token, ids.get(ids.len() / 2)).await?;
    let last = page(&client, &token, ids.get(ids.len() - 100)).await?;

    // Background work asks, too: the least of several calls is what the call itself took.
    let mut statements = f64::INFINITY;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let before = client.statements().await?;
        let (data, elapsed) = client.query(&token, NESTED, Value::Null).await?;
        statements = statements.min(client.statements().await? - before);
        times.push(elapsed.as_secs_f64() * 1000.0);
        let nested =
            data["subjects"].as_array().and_then(|page| page.last()?["targets"].as_array().map(Vec::len));
        if nested != Some(usize::try_from(TARGETS).unwrap_or_default()) {
            return Err("the nested targets are not all there".to_owned());
        }
    }
    Ok(Row {
        name: "products".to_owned(),
        figures: vec![
            Figure::at_most(
                "a page in the middle of 100,000 products, in parts of the first",
                middle / first,
                1.25,
                "",
            ),
            Figure::at_most("the last page, in parts of the first", last / first, 1.25, ""),
            Figure::at_most(
                "statements for 100 products with ten targets each, the token's own included",
                statements,
                3.0,
                "",
            ),
        ],
        runs: json!({
            "first_ms": first, "middle_ms": middle, "last_ms": last, "nested_ms": median(times),
        }),
        measured: json!(null),
    })
}
