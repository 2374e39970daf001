//! The next command: what a command that made something ends with on a terminal.

use super::{
    backup::check::is_same_file,
    client::DEFAULT_SERVER,
    output::{self, Format},
};
use crate::settings::GivenSettings;
use clap::{ArgMatches, Args, Command, parser::ValueSource};
use std::{
    env,
    path::{Path, PathBuf},
};

/// What every printed command begins and ends with, so that it works where it is pasted.
pub(crate) struct Next {
    program: String,
    /// The settings that were given as flags.
    settings: String,
}

impl Next {
    /// For a process that was given these arguments.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        let known = GivenSettings::augment_args(Command::new("settings"));
        let flags = known.get_arguments().map(|setting| {
            let variable = setting.get_env().unwrap_or_default().to_string_lossy().into_owned();
            (setting.get_id().as_str().to_owned(), variable)
        });
        let flags = std::iter::once(("config".to_owned(), "DUKU_CONFIG".to_owned())).chain(flags);
        let given = flags.filter_map(|(name, variable)| {
            let value = given(matches, &name)?;
            // A password is not shown again.
            let value = if holds_password(&value) { format!("\"${variable}\"") } else { quoted(&value) };
            Some(format!(" --{} {value}", name.replace('_', "-")))
        });
        Self { settings: given.collect(), program: program() }
    }

    /// How this program is started.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// A command of a client.
    pub(crate) fn client(&self, arguments: &str) -> String {
        format!("{} {arguments}", self.program)
    }

    /// A command that works on the same data.
    pub(crate) fn on_data(&self, arguments: &str) -> String {
        format!("{} {arguments}{}", self.program, self.settings)
    }

    /// How a new key is tried: its secret goes into the environment and not into the shell's history.
    pub(crate) fn use_of_new_key(&self, client_id: &str, server: &str) -> String {
        let token = self.client(&format!("token{}", at(server)));
        format!(
            "store the secret, then try the key; this waits for the secret, pasted:\n  \
             read -rs DUKU_CLIENT_SECRET && export DUKU_CLIENT_ID={client_id} DUKU_CLIENT_SECRET && {token}"
        )
    }
}

/// Where a secret goes that replaces another; `end_grace` is the command that ends the other one's grace.
pub(crate) fn place_of_rotated_secret(end_grace: Option<String>) -> String {
    let put = "put it in the place of the previous one: the CI system's variable DUKU_CLIENT_SECRET, which for GitHub is\n  \
               gh secret set DUKU_CLIENT_SECRET        # asks for the secret";
    let end_grace =
        end_grace.map(|command| format!("\nWhen everything uses it, the previous one can end:\n  {command}"));
    format!("{put}{}", end_grace.unwrap_or_default())
}

/// What names a server for a client's command, nothing where it is the one that is asked anyway.
pub(crate) fn at(server: &str) -> String {
    let asked = env::var("DUKU_URL").ok().filter(|url| !url.is_empty());
    let asked = asked.as_deref().unwrap_or(DEFAULT_SERVER).trim_end_matches('/');
    if asked == server { String::new() } else { format!(" --server {}", quoted(server)) }
}

/// Tells whoever is at a terminal what to do next. A script gets none of it, nor who asked for JSON.
pub(crate) fn hint(format: Format, text: &str) {
    if !format.json && output::is_watched() {
        output::aside(&format!("\nNext, {text}"));
    }
}

/// The value of a flag on the command line.
fn given(matches: &ArgMatches, name: &str) -> Option<String> {
    // Errors where there is no such argument.
    let source = matches.try_contains_id(name).ok().and_then(|_| matches.value_source(name));
    if source != Some(ValueSource::CommandLine) {
        return None;
    }
    let values: Vec<_> = matches.get_raw(name)?.map(|value| value.to_string_lossy()).collect();
    Some(values.join(","))
}

/// Whether a URL has one in front of its host or among its parameters.
fn holds_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let user = rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    user || rest.contains("password=")
}

/// How this very program can be started again from here.
pub(crate) fn program() -> String {
    let path = env::current_exe().unwrap_or_else(|_| PathBuf::from("duku"));
    if is_found_as(&path, "duku") {
        return "duku".to_owned();
    }
    let here = env::current_dir().ok();
    let short = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    quoted(&match short {
        Some(short) if short.parent() == Some(Path::new("")) => format!("./{}", short.display()),
        Some(short) => short.display().to_string(),
        None => path.display().to_string(),
    })
}

/// Whether a shell finds this program by its name alone.
fn is_found_as(program: &Path, name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.is_some_and(|found| is_same_file(&found, program))
}

/// An argument as a shell needs it.
pub(crate) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '=');
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::help::command;

    fn next(arguments: &[&str]) -> String {
        Next::of(&command().get_matches_from(arguments))
            .on_data("admin org list")
            .split_once(' ')
            .unwrap()
            .1
            .to_owned()
    }

    #[test]
    fn settings_that_were_given_as_flags_are_given_again() {
        let list = ["duku", "admin", "org", "list"];
        assert_eq!(next(&list), "admin org list");
        assert_eq!(
            next(&["duku", "--data-dir", "/srv/my data", "admin", "org", "list", "--config", "a.toml"]),
            "admin org list --config a.toml --data-dir '/srv/my data'"
        );
        let secret = ["--database-url", "postgres://duku:hunter2@db/duku"];
        let parameter = ["--database-url", "postgres://db/duku?user=duku&password=hunter2"];
        for secret in [secret, parameter] {
            let said = next(&[&list[..], &secret].concat());
            assert_eq!(said, "admin org list --database-url \"$DUKU_DATABASE_URL\"");
        }
        let open = next(&[&list[..], &["--database-url", "postgres://duku@db/duku"]].concat());
        assert_eq!(open, "admin org list --database-url postgres://duku@db/duku");
    }

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        for (argument, shown) in
            [("Acme", "Acme"), ("", "''"), ("GitHub Actions", "'GitHub Actions'"), ("it's", "'it'\\''s'")]
        {
            assert_eq!(quoted(argument), shown);
        }
    }
}
