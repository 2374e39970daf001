//! The audit log: is it what was written?

use super::{
    Findings,
    data::{RESTORE, RESTORE_POSTGRES},
};
use crate::{cli::output, master_key, settings::Settings, witness};
use service::{audit::verify_chains, operations::audit_witness::Witness};
use store::Store;

/// Walks every chain. Without a master key the seals of their ends are left out, which the check of the master key tells.
pub(super) async fn check(findings: &mut Findings, settings: &Settings, store: &Store) {
    let file = settings.audit_witness_file.as_deref().filter(|file| file.exists());
    let witness = match file.map_or_else(|| Ok(Witness::default()), witness::read) {
        Ok(witness) => witness,
        Err(error) => {
            let cure = "check --audit-witness-file, and its owner and mode";
            return findings.fail("audit log", error.to_string(), cure);
        }
    };
    let key = master_key::present(settings).ok().flatten();
    output::progress("Checking the audit log …");
    let reports = verify_chains(store, key.as_ref(), None, &witness).await;
    let reports = match reports {
        Ok(reports) => reports,
        Err(error) => return findings.fail("audit log", error.to_string(), "see the database"),
    };
    let restore = if store.engine() == "sqlite" { RESTORE } else { RESTORE_POSTGRES };
    for report in &reports {
        if let Some(damage) = &report.damage {
            findings.fail(
                "audit log",
                format!("the chain {} is not what was written: {damage}", report.chain),
                format!(
                    "somebody changed the database: find out who, keep the data as evidence, and {restore}"
                ),
            );
        }
    }
    if reports.iter().all(|report| report.damage.is_none()) {
        let entries: i64 = reports.iter().map(|report| report.entries).sum();
        findings.ok("audit log", format!("{entries} entries in {} chains, all intact", reports.len()));
    }
}
