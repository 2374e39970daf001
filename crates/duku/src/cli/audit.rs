//! `duku audit`: checks the audit log, or writes it out.

use super::{
    admin::{Format, Operator, require_data},
    output,
};
use crate::{app, command_error::CommandError, settings::Settings, witness};
use clap::Subcommand;
use domain::audit::SYSTEM_CHAIN;
use serde_json::{Value, json};
use service::audit::{ChainReport, Walk, export_line, read_export_line};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check that nothing in the audit log was changed, removed or cut off
    #[command(
        after_help = "Examples:\n  duku audit verify\n  duku audit verify --witness /var/log/duku/witness.ndjson\n  duku audit verify --file acme.ndjson     (an export needs no database)\n\nA chain that was cut and given an older end again passes for whole without a witness.\nThat an export was cut at its end, only its own last hash can tell: compare ENDS AT with what you noted."
    )]
    Verify {
        /// Only this organisation, by id or exact name; "system" for what concerns none
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// Check an export instead of the database
        #[arg(long, value_name = "FILE", conflicts_with = "org")]
        file: Option<PathBuf>,
        /// Compare with what a witness saw: an --audit-witness-file of a server, or its log in JSON
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        witness: Option<PathBuf>,
        #[command(flatten)]
        format: Format,
    },
    /// Write an organisation's audit log to standard output, one JSON object a line, oldest first
    #[command(after_help = "Example:\n  duku audit export --org Acme > acme.ndjson")]
    Export {
        /// The organisation's id or exact name; "system" for what concerns none
        #[arg(long, value_name = "ORG")]
        org: String,
    },
}

impl Audit {
    pub(crate) async fn run(self, settings: &Settings) -> Result<(), CommandError> {
        match self {
            Self::Verify { file: Some(path), format, .. } => report(&[verify_file(&path)?], format),
            Self::Verify { org, format, witness, .. } => {
                let witness = witness.as_deref().map(witness::read).transpose()?.unwrap_or_default();
                require_data(settings)?;
                let operator = Operator::open(settings).await?;
                let chain = match org {
                    Some(org) => Some(chain_of(&operator, &org).await?),
                    None => None,
                };
                output::progress("Checking the audit log …");
                let reports = operator.service.audit_log().verify_against(chain.as_deref(), &witness).await;
                app::checkpoint_if_alone(operator.service.store()).await;
                report(&reports?, format)
            }
            Self::Export { org } => {
                require_data(settings)?;
                let operator = Operator::open(settings).await?;
                let chain = chain_of(&operator, &org).await?;
                let exported = export(&operator, &chain).await;
                app::checkpoint_if_alone(operator.service.store()).await;
                exported
            }
        }
    }
}

async fn chain_of(operator: &Operator, org: &str) -> Result<String, CommandError> {
    if org == SYSTEM_CHAIN {
        return Ok(org.to_owned());
    }
    Ok(operator.service.organisations().find(org).await?.id.as_str().to_owned())
}

async fn export(operator: &Operator, chain: &str) -> Result<(), CommandError> {
    let mut after = 0;
    loop {
        let events = operator.service.audit_log().export(chain, after).await?;
        let Some(last) = events.last() else { break };
        after = last.sequence;
        for event in &events {
            output::line(&export_line(event))?;
        }
    }
    Ok(())
}

fn report(reports: &[ChainReport], format: Format) -> Result<(), CommandError> {
    let damage = reports.iter().filter(|report| report.damage.is_some()).count();
    if format.json {
        let chains: Vec<Value> = reports
            .iter()
            .map(|report| {
                json!({
                    "chain": report.chain, "entries": report.entries, "hash": report.hash,
                    "intact": report.damage.is_none(), "fault": report.damage,
                })
            })
            .collect();
        output::json(&json!({ "intact": damage == 0, "chains": chains }))?;
    } else {
        let rows = reports
            .iter()
            .map(|report| {
                let state = report.damage.clone().unwrap_or_else(|| "intact".to_owned());
                vec![
                    report.chain.clone(),
                    report.entries.to_string(),
                    report.hash.chars().take(16).collect(),
                    state,
                ]
            })
            .collect();
        output::table(&["CHAIN", "ENTRIES", "ENDS AT", "STATE"], rows, "The audit log is empty.")?;
    }
    match damage {
        0 => Ok(()),
        1 => Err(CommandError::new("one chain of the audit log is not what was written")),
        many => Err(CommandError::new(format!("{many} chains of the audit log are not what was written"))),
    }
}

fn verify_file(path: &Path) -> Result<ChainReport, CommandError> {
    let rejection =
        |what: &dyn std::fmt::Display| CommandError::new(format!("cannot read {}: {what}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| rejection(&error))?;
    let mut walk = Walk::default();
    let mut report = ChainReport { chain: String::new(), entries: 0, hash: String::new(), damage: None };
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| rejection(&error))?;
        let event = read_export_line(&line)
            .ok_or_else(|| rejection(&format!("line {} is no audit entry", number + 1)))?;
        if number > 0 && report.chain != event.chain {
            return Err(rejection(&format!("line {} is of another chain: an export holds one", number + 1)));
        }
        report.chain.clone_from(&event.chain);
        // The hash covers what an entry says in its canonical form; the fields beside that form are what people read.
        let step = if export_line(&event) == line {
            walk.step(&event)
        } else {
            Err(format!("line {} is not as it was exported", number + 1))
        };
        if let Err(damage) = step {
            report.damage = Some(damage);
            break;
        }
    }
    if report.chain.is_empty() {
        return Err(rejection(&"it holds no entries"));
    }
    Ok(ChainReport { entries: walk.entries, hash: walk.hash, ..report })
}
