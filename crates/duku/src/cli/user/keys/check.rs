//! `duku keys check-token`: what a token would come to.

use super::super::session::{At, SignedInUser};
use crate::{
    cli::{
        output::{self, Format},
        secrets,
    },
    command_error::CommandError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, stdin},
    path::Path,
};

const CHECK: &str = "query ($input: CheckTokenInput!) { checkToken(input: $input) \
                     { accepted run checks { name expected got passed } } }";

#[derive(Debug, Deserialize, Serialize)]
struct Report {
    accepted: bool,
    run: Option<String>,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Check {
    name: String,
    expected: String,
    got: String,
    passed: bool,
}

/// Prints every check of the token in `file`.
///
/// # Errors
/// An exchange would be rejected, or there is no answer.
pub(super) async fn token(at: &At, client_id: &str, file: &Path, format: Format) -> Result<(), CommandError> {
    let user = SignedInUser::at(at).await?;
    if file == Path::new("-") && stdin().is_terminal() {
        output::aside("Paste the token, then press Enter and Ctrl+D:");
    }
    let token = secrets::read(file)?;
    let input = json!({ "id": client_id, "token": token.trim() });
    let mut data = user.graphql(CHECK, &json!({ "input": input })).await?;
    let report = data.get_mut("checkToken").map(Value::take).unwrap_or_default();
    let report: Report = serde_json::from_value(report)?;
    let failed: Vec<&str> =
        report.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
    let failure = format!("an exchange of this token would be rejected: {}", failed.join(", "));
    if format.json {
        output::json(&serde_json::to_value(&report)?)?;
    } else {
        let rows = report.checks.iter().map(|check| {
            let passed = if check.passed { "yes" } else { "NO" };
            vec![check.name.clone(), check.expected.clone(), check.got.clone(), passed.to_owned()]
        });
        output::table(&["CHECK", "EXPECTED", "GOT", "PASSED"], rows.collect(), "Nothing was checked.")?;
        if let Some(run) = &report.run {
            output::line(&format!("\nThe token is of {}.", output::printable(run)))?;
        }
        if report.accepted {
            output::line(
                "\nAn exchange would be granted. Nothing was issued, and the token was not used up.",
            )?;
        }
    }
    if report.accepted { Ok(()) } else { Err(CommandError::new(failure)) }
}
