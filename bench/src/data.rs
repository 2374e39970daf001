//! Data to measure on: small ones made with the product's own commands, large ones written into its file.

use crate::{Outcome, served::pinned};
use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, params};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// What an organisation of the small data has of each.
pub(crate) const FEW: usize = 10;

/// An organisation with ten keys and ten products.
pub(crate) struct Acme {
    pub(crate) organisation: String,
    /// A file with a line `client_id client_secret` for each key.
    pub(crate) pairs: PathBuf,
    /// One of them.
    pub(crate) pair: (String, String),
}

impl Acme {
    /// Makes it in `folder`, in the database that `settings` name.
    pub(crate) fn make(binary: &Path, folder: &Path, settings: &[(&str, &str)]) -> Outcome<Self> {
        let admin = |arguments: &[&str]| -> Outcome<Value> {
            let mut command = pinned(binary, 0);
            command.arg("admin").args(arguments).arg("--json").env("DUKU_DATA_DIR", folder);
            let output =
                command.envs(settings.iter().copied()).output().map_err(|error| error.to_string())?;
            serde_json::from_slice(&output.stdout).map_err(|_| {
                format!("duku admin {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr))
            })
        };
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let made = admin(&["org", "create", "Acme", "--admin-email", "ada@example.org"])?;
        let organisation = text(&made, "id");
        let mut lines = String::new();
        let mut pair = (String::new(), String::new());
        for number in 0..FEW {
            let label = format!("Pipeline {number}");
            let made = admin(&["key", "generate", "--org", "Acme", "--label", &label])?;
            pair = (text(&made, "client_id"), text(&made, "client_secret"));
            lines.extend([pair.0.as_str(), " ", pair.1.as_str(), "\n"]);
            let (name, url) = (format!("Product {number}"), format!("https://product{number}.example"));
            admin(&["subject", "create", "--org", "Acme", "--name", &name, "--base-url", &url])?;
        }
        let pairs = folder.join("pairs");
        std::fs::write(&pairs, lines).map_err(|error| error.to_string())?;
        Ok(Self { organisation, pairs, pair })
    }
}

/// An access token of the organisation's Admin.
pub(crate) fn admin_token(binary: &Path, folder: &Path) -> Outcome<String> {
    let mut command = pinned(binary, 0);
    command.args(["admin", "token", "--user", "ada@example.org"]).env("DUKU_DATA_DIR", folder);
    let output = command.output().map_err(|error| error.to_string())?;
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if token.is_empty() { Err(String::from_utf8_lossy(&output.stderr).into_owned()) } else { Ok(token) }
}

/// 2026-01-01; the rows' times grow from here, a millisecond each, so that ids come in the order of the file.
const EPOCH_MS: i64 = 1_767_225_600_000;
const YEARS_MS: i64 = 10 * 366 * 86_400_000;

fn digest_of(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

fn failed(error: impl std::fmt::Display) -> String {
    format!("filling the data: {error}")
}

/// Adds `organisations` with ten keys each, and writes every `one_in`th pair into `pairs`.
pub(crate) fn add_organisations(file: &Path, organisations: i64, pairs: &Path, one_in: i64) -> Outcome {
    let mut connection = Connection::open(file).map_err(failed)?;
    // What is lost can be made again.
    connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000;").map_err(failed)?;
    let transaction = connection.transaction().map_err(failed)?;
    let mut pairs = BufWriter::new(File::create(pairs).map_err(failed)?);
    {
        let mut add_organisation = transaction
            .prepare("INSERT INTO organisations (id, name, default_lifetime_seconds, maximum_lifetime_seconds, created_at_ms) \
                 VALUES (?1, ?2, 7776000, 31536000, ?3)")
            .map_err(failed)?;
        let mut add_key = transaction
            .prepare("INSERT INTO api_keys VALUES (?1, ?2, ?3, ?4, ?5, 'AAAA', NULL, NULL, 7776000, ?6, 'bench', ?7, NULL, 1)")
            .map_err(failed)?;
        for number in 0..organisations {
            let at = EPOCH_MS + number * 10;
            let id = format!("org_01m86b0ev2etta2q{number:010}");
            let name = format!("Organisation {number:07}");
            add_organisation.execute(params![id, name, at]).map_err(failed)?;
            for key in 0..10 {
                let created = at + key;
                let key_id = format!("key_01m86b0ev2etta2q{:010}", number * 10 + key);
                let secret = format!("dks_{created:049}");
                let label = format!("Pipeline {key}");
                let digest = digest_of(&secret);
                let row = params![key_id, id, name, label, digest, created, EPOCH_MS + YEARS_MS];
                add_key.execute(row).map_err(failed)?;
                if (number * 10 + key) % one_in == 0 {
                    writeln!(pairs, "{key_id} {secret}").map_err(failed)?;
                }
            }
        }
    }
    transaction.commit().map_err(failed)?;
    pairs.flush().map_err(failed)
}
