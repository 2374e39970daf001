//! Other programs, with errors that a person can act on.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Nothing, or the reason why it failed, in words for the person who runs `cargo xtask`.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Runs it in the open: what it prints is seen as it comes.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{}: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(command))) }
}

/// Runs it silently and gives what it wrote on stdout; if it fails, all that it wrote is in the reason.
pub(crate) fn read(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", shown(command)))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    Err(format!(
        "`{}` failed ({})\n{stdout}{}",
        shown(command),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// As it is typed, without what its environment lacks.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Whether it is there and starts.
pub(crate) fn works(program: impl AsRef<Path>, arguments: &[&str]) -> bool {
    read(Command::new(program.as_ref()).args(arguments)).is_ok()
}

/// Whether we run as root.
pub(crate) fn is_root() -> Outcome<bool> {
    Ok(read(Command::new("id").arg("-u"))?.trim() == "0")
}

/// Cargo in the workspace.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = program(root, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// A program in the workspace, as if a person had called it.
///
/// `cargo run` tells its child about the package that it runs; passed on, that would compile C libraries twice. A person may
/// have the server's settings in the environment: tests must not see them.
pub(crate) fn program(root: &Path, path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_of_this_program = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_");
        if is_of_this_program || (text.starts_with("DUKU_") && !text.starts_with("DUKU_TEST_")) {
            command.env_remove(&name);
        }
    }
    command.current_dir(root);
    command
}

/// Cargo's output folder. What is installed for this workspace lies in it, too.
pub(crate) fn target(root: &Path) -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    root.join(chosen.map_or_else(|| "target".into(), PathBuf::from))
}

/// A file's text, or which file could not be read.
pub(crate) fn read_file(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_command_and_what_it_said() {
        let reason = read(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap_err();
        assert!(reason.contains("exit status: 3") && reason.contains("out\nerr"), "{reason}");
        let reason = run(program(Path::new("."), "sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(reason, "`sh -c exit 3` failed (exit status: 3)");
        assert!(!works("no-such-program-anywhere", &["--version"]));
    }
}
