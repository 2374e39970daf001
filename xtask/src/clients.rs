//! Installs the clients that others wrote into `target/clients`, exactly as their lock files say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Outcome, read, read_file, target};

/// The oldest Node.js that the clients run on; Debian 12 has it.
const OLDEST_NODE: u32 = 18;
/// Holds what an installation was made from; written last, so half an installation does not pass for a whole one.
const STAMP: &str = "installed-from";

/// Installs both sets, or finds them installed.
pub(crate) fn install(root: &Path) -> Outcome {
    let (sources, clients) = (root.join("crates/duku/tests/clients"), target(root).join("clients"));
    python(&sources.join("python"), &clients.join("python"))?;
    node(&sources.join("node"), &clients.join("node"))
}

fn python(source: &Path, folder: &Path) -> Outcome {
    let requirements = source.join("requirements.txt");
    let version = read(Command::new("python3").arg("--version"))?;
    let wanted = format!("{version}{}", read_file(&requirements)?);
    if is_current(folder, &wanted) {
        println!("   python: up to date");
        return Ok(());
    }
    println!("   python: installing {}", requirements.display());
    start_anew(folder)?;
    read(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let pip = || {
        let mut command = Command::new(folder.join("bin/python"));
        command.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
        command
    };
    // Without their own dependencies: the file names every package, and `check` would tell of a gap.
    read(pip().args(["install", "--no-deps", "--requirement"]).arg(&requirements))?;
    read(pip().arg("check"))?;
    finish(folder, &wanted)
}

fn node(source: &Path, folder: &Path) -> Outcome {
    let version = read(Command::new("node").arg("--version"))?;
    if major(&version).is_none_or(|major| major < OLDEST_NODE) {
        let version = version.trim();
        return Err(format!(
            "the JavaScript clients need Node.js {OLDEST_NODE} or newer; `node --version` says {version}"
        ));
    }
    let files = ["package.json", "package-lock.json"];
    let mut wanted = version;
    for file in files {
        wanted.push_str(&read_file(&source.join(file))?);
    }
    if is_current(folder, &wanted) {
        println!("   node: up to date");
        return Ok(());
    }
    println!("   node: installing {}", source.join("package-lock.json").display());
    start_anew(folder)?;
    for file in files {
        fs::copy(source.join(file), folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    // Nothing of others runs while it is being installed.
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    read(Command::new("npm").current_dir(folder).args(arguments))?;
    finish(folder, &wanted)
}

/// `v20.20.2` gives 20.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn is_current(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp(folder)).is_ok_and(|found| found == wanted)
}

fn start_anew(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn finish(folder: &Path, made_from: &str) -> Outcome {
    fs::write(stamp(folder), made_from).map_err(|error| format!("{}: {error}", folder.display()))
}

fn stamp(folder: &Path) -> PathBuf {
    folder.join(STAMP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("unknown"), None);
    }

    #[test]
    fn only_a_finished_and_equal_installation_is_current() {
        let folder = std::env::temp_dir().join(format!("duku-clients-{}", std::process::id()));
        start_anew(&folder).unwrap();
        assert!(!is_current(&folder, "one"));
        finish(&folder, "one").unwrap();
        assert!(is_current(&folder, "one") && !is_current(&folder, "two"));
        start_anew(&folder).unwrap();
        assert!(!is_current(&folder, "one"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
