//! Other programs: run to their end, or started so that they cannot outlive us.

use crate::outcome::{During, Outcome};
use std::{
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Runs it silently and gives what it wrote; if it fails, all that it wrote is in the reason.
pub(crate) fn read(command: &mut Command) -> Outcome<String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().during(&shown)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    Err(format!("`{shown} {}` failed ({}): {stdout}{stderr}", arguments.join(" "), output.status))
}

/// A command that gets this signal when the thread that started it ends, however it ends.
pub(crate) fn bound(program: &Path, signal: &str, user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal]);
    if let Some(user) = user {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--init-groups");
    }
    command.arg(program).stdin(Stdio::null());
    command
}

/// Sends a signal to a child of ours.
pub(crate) fn signal(child: &Child, name: &str) -> Outcome {
    read(Command::new("kill").args([format!("-{name}"), child.id().to_string()])).map(drop)
}

/// Waits for a child's end, but not for ever.
pub(crate) async fn ended(child: &mut Child, limit: Duration) -> Outcome<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().during("waiting for a process")? {
            return Ok(status);
        }
        if started.elapsed() > limit {
            return Err(format!("process {} did not end within {limit:?}", child.id()));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether we run as root, who may mount, and whom PostgreSQL refuses to run as.
pub(crate) fn is_root() -> bool {
    read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
