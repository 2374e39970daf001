//! Running other programs, with errors that a person can act on.

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
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{}: {error}", shown(command)))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{}` failed ({})\n{stdout}{stderr}", shown(command), output.status))
}

/// Is it there, and does it start?
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    read(Command::new(program).args(arguments)).is_ok()
}

/// Cargo, as if a person had called it.
///
/// `cargo run` tells its child about the package that it runs. Passed on, those variables would look to build
/// scripts like a changed environment, and C libraries would be compiled twice.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let about_this_program = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_");
        if about_this_program || is_product_setting(&text) {
            command.env_remove(&name);
        }
    }
    command
}

/// A person who runs the server may have its settings in the environment: tests must not see them.
fn is_product_setting(name: &str) -> bool {
    name.starts_with("DUKU_") && !name.starts_with("DUKU_TEST_")
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_command_and_what_it_said() {
        let reason = read(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap_err();
        assert!(reason.starts_with("`sh -c echo out"), "{reason}");
        assert!(reason.contains("exit status: 3") && reason.contains("out\nerr"), "{reason}");
    }

    #[test]
    fn a_missing_program_is_told_apart() {
        assert!(!works("no-such-program-anywhere", &["--version"]));
        assert!(works("true", &[]));
    }

    #[test]
    fn only_the_tests_own_settings_reach_the_tests() {
        assert!(is_product_setting("DUKU_DATABASE_URL"));
        assert!(!is_product_setting("DUKU_TEST_POSTGRES_URL"));
        assert!(!is_product_setting("PATH"));
    }
}
