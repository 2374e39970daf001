//! Exchanges by a workload's token beside the floor: one verification, one read, one signature, and one insert where the token can be
//! used once.

use super::{Bench, Runs, path, small};
use crate::{
    Outcome,
    data::{Acme, admin_token},
    load::Load,
    report::{Figure, Row},
    served::{Served, TOKEN_PATH, graphql},
};
use jose::assertion::{AssertionAlgorithm, AssertionSigner};
use serde_json::{Map, Value, json};
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

const ISSUER: &str = "https://issuer.example";
/// The most exchanges a second that tokens which can be used once are made for.
const ONCE_PER_SECOND: usize = 12_000;
/// So many tokens are used again and again where they may be.
const REUSED: usize = 1000;

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let mut row =
        Row { name: "assertion".to_owned(), figures: Vec::new(), runs: json!(null), measured: json!(null) };
    let mut told = Map::new();
    for algorithm in [AssertionAlgorithm::Es256, AssertionAlgorithm::Rs256] {
        for once in [false, true] {
            let name = format!("{algorithm}{}", if once { ", used once" } else { "" });
            let (product, bare) = one(bench, algorithm, once)?;
            row.figures.push(Figure::at_least(
                &format!("exchanges a second by {name}, in parts of the floor's"),
                product.per_second() / bare.per_second(),
                0.85,
                "",
            ));
            told.insert(name, json!({ "duku": product.told(), "floor": bare.told() }));
        }
    }
    row.runs = Value::Object(told);
    Ok(row)
}

fn one(bench: &Bench, algorithm: AssertionAlgorithm, once: bool) -> Outcome<(Runs, Runs)> {
    let (folder, acme) = small(bench, &[])?;
    let signer = AssertionSigner::generate(algorithm).map_err(|error| error.to_string())?;
    let jwk = signer.public_jwk("k");
    let duku = Served::duku(&bench.duku, folder.path(), 18_232, &[])?;
    let client = generate(bench, &duku, folder.path(), &acme, &jwk)?;
    let file = folder.path().join("issuer.pem");
    std::fs::write(&file, signer.public_pem()).map_err(|error| error.to_string())?;
    let floor = Served::floor_with(
        &bench.floor,
        folder.path(),
        &acme.organisation,
        18_233,
        &[("FLOOR_KEY", path(&file)?), ("FLOOR_ALGORITHM", algorithm.as_str())],
    )?;
    // A second to get warm, then the runs; each with tokens of its own.
    let seconds = usize::try_from(bench.seconds).unwrap_or(5);
    let count = if once { (1 + bench.runs * seconds) * ONCE_PER_SECOND } else { REUSED };
    let assertions = sign(folder.path(), &signer, count, once)?;
    let (product, bare) = (format!("{}{TOKEN_PATH}", duku.url), format!("{}/assertion", floor.url));
    let run = |url: &str, first: usize, seconds: u64| {
        let first = first.to_string();
        let given =
            [("ASSERTIONS", path(&assertions)?), ("CLIENT", client.as_str()), ("FIRST", first.as_str())];
        Load { url, script: "assertion.lua", given: &given, seconds }.run()
    };
    for url in [&product, &bare] {
        run(url, 0, 1)?;
    }
    let (mut of_product, mut of_floor) = (Runs(Vec::new()), Runs(Vec::new()));
    for number in 0..bench.runs {
        let first = (1 + number * seconds) * ONCE_PER_SECOND;
        of_product.0.push(run(&product, first, bench.seconds)?);
        of_floor.0.push(run(&bare, first, bench.seconds)?);
    }
    Ok((of_product, of_floor))
}

/// A key that accepts the issuer's one workload; the issuer's keys are given.
fn generate(bench: &Bench, duku: &Served, data: &Path, acme: &Acme, jwk: &Value) -> Outcome<String> {
    let token = admin_token(&bench.duku, data)?;
    // It has as many keys as an organisation may have.
    graphql(duku, &token, &format!("mutation {{ revokeApiKey(id: \"{}\") }}", acme.pair.0))?;
    let jwks = json!({ "keys": [jwk] }).to_string();
    let query = format!(
        "mutation {{ generateSecretlessApiKey(input: {{ label: \"Workload\", workloadIdentity: {{ preset: OIDC, issuer: \"{ISSUER}\", \
         audience: \"bench\", keySet: {}, pins: [{{ claim: \"sub\", equals: [\"workload\"] }}], \
         conditions: [{{ claim: \"ref\", equals: [\"refs/heads/main\"] }}] }} }}) {{ clientId }} }}",
        Value::String(jwks)
    );
    let answer = graphql(duku, &token, &query)?;
    let id = answer.pointer("/data/generateSecretlessApiKey/clientId").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| format!("no key: {answer}"))
}

/// A file of so many tokens of the workload, one a line.
#[expect(clippy::disallowed_methods, reason = "an issuer has a clock of its own")]
fn sign(folder: &Path, signer: &AssertionSigner, count: usize, once: bool) -> Outcome<PathBuf> {
    let file = folder.join("assertions");
    let mut lines = BufWriter::new(File::create(&file).map_err(|error| error.to_string())?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
    for number in 0..count {
        let mut claims = json!({
            "iss": ISSUER, "sub": "workload", "aud": "bench", "iat": now, "exp": now + 3600, "ref": "refs/heads/main",
            "number": number,
        });
        if let (true, Some(claims)) = (once, claims.as_object_mut()) {
            claims.insert("jti".to_owned(), json!(format!("{number:012}")));
        }
        let token = signer.sign_claims("k", &claims).map_err(|error| error.to_string())?;
        writeln!(lines, "{token}").map_err(|error| error.to_string())?;
    }
    lines.flush().map_err(|error| error.to_string())?;
    Ok(file)
}
