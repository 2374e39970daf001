//! Figures mean nothing without the machine that they come from.

use serde_json::{Value, json};
use std::process::Command;

/// Machine, commit and time.
pub(crate) fn describe() -> Value {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        output.map_or_else(|_| "?".into(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    json!({
        "machine": format!(
            "{} cores of {}, {}",
            said("nproc", &[]),
            said("sed", &["-n", "/^model name/{s/.*: //p;q}", "/proc/cpuinfo"]),
            said("uname", &["-sr"]),
        ),
        "commit": said("git", &["describe", "--always", "--dirty"]),
        "at": said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
    })
}
