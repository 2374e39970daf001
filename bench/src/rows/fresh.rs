//! What the first call with a token costs beyond a later one: one signature check, and at most one read.

use super::{Bench, SUBJECTS, median, path, small, tokens_file};
use crate::{
    Outcome,
    client::Client,
    load::{Figures, Load},
    report::{Figure, Row},
    served::Served,
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
    },
};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::json;
use std::{hint::black_box, path::Path, time::Instant};

/// More than a run can use up, so that each is used once.
const FRESH: usize = 60_000;
const SECONDS: u64 = 2;
const CHECKS: u32 = 3000;

/// The server's processor time for a request, in microseconds.
fn cost(served: &Served, load: Load<'_>) -> Outcome<(f64, Figures)> {
    let before = served.usage()?.processor_seconds;
    let figures = load.run()?;
    let spent = served.usage()?.processor_seconds - before;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let requests = figures.requests as f64;
    Ok((spent * 1e6 / requests, figures))
}

pub(super) async fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    let lasting = [("DUKU_TOKEN_LIFETIME_SECONDS", "3600")];
    let duku = Served::duku(&bench.duku, folder.path(), 18_238, &lasting)?;
    let client = Client::of(&duku);
    let url = format!("{}/graphql", duku.url);
    let (mut warm, mut fresh) = (Vec::new(), Vec::new());
    for run in 0..bench.runs {
        let tokens = client.tokens(&acme.pair, FRESH).await?;
        let file = tokens_file(folder.path(), &tokens)?;
        let given = [("TOKENS", path(&file)?), ("BODY", SUBJECTS)];
        let load = Load { url: &url, script: "graphql.lua", given: &given, seconds: SECONDS };
        let (microseconds, figures) = cost(&duku, load)?;
        if usize::try_from(figures.requests).is_ok_and(|requests| requests > FRESH) {
            return Err(format!("run {run} used {FRESH} tokens up: raise FRESH"));
        }
        fresh.push(microseconds);
        let file = tokens_file(folder.path(), tokens.get(..1).unwrap_or_default())?;
        let given = [("TOKENS", path(&file)?), ("BODY", SUBJECTS)];
        let load = Load { url: &url, script: "graphql.lua", given: &given, seconds: SECONDS };
        warm.push(cost(&duku, load)?.0);
    }
    let (check, read) = (signature_check()?, one_read(&folder.path().join("duku.db"), &acme.pair.0)?);
    let extra = median(fresh.clone()) - median(warm.clone());
    Ok(Row {
        name: "fresh".to_owned(),
        figures: vec![Figure::at_most(
            "more processor time for the first call with a token, against one signature check and one read",
            extra,
            check + read,
            " us",
        )],
        runs: json!({ "fresh_us": fresh, "warm_us": warm, "signature_check_us": check, "read_us": read }),
        measured: json!(null),
    })
}

/// How long one check of an ES256 signature takes here, in microseconds.
fn signature_check() -> Outcome<f64> {
    let failed = |_| "the signature could not be made".to_owned();
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())
        .map_err(|error| error.to_string())?;
    let message = [7; 600];
    let signature = pair.sign(&random, &message).map_err(failed)?;
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        .map_err(|error| error.to_string())?;
    timed(|| {
        black_box(key.verify_sig(black_box(&message), signature.as_ref()))
            .map_err(|_| "a wrong signature".to_owned())
    })
}

/// How long one read by the primary key takes, in microseconds.
fn one_read(file: &Path, id: &str) -> Outcome<f64> {
    let connection = Connection::open(file).map_err(|error| error.to_string())?;
    timed(|| {
        let mut statement = connection
            .prepare_cached("SELECT secret_digest, organisation_id, token_epoch FROM api_keys WHERE id = ?1")
            .map_err(|error| error.to_string())?;
        let found = statement
            .query_row([id], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
            })
            .optional()
            .map_err(|error| error.to_string())?;
        black_box(found).map(drop).ok_or_else(|| "the key is not there".to_owned())
    })
}

/// The median time of a call, in microseconds.
fn timed(mut work: impl FnMut() -> Outcome) -> Outcome<f64> {
    let mut times = Vec::new();
    for _ in 0..9 {
        let started = Instant::now();
        for _ in 0..CHECKS {
            work()?;
        }
        times.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(CHECKS));
    }
    Ok(median(times))
}
