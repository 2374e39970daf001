//! What `--help` shows of each command, and `duku help`.
//!
//! Every setting of the server is accepted by every command. The help of a command shows those that its users set.

use super::{Cli, output};
use crate::{command_error::CommandError, settings::GivenSettings};
use clap::{Arg, ArgAction, Args, Command, CommandFactory, error::ErrorKind};
use std::{fmt::Write as _, io};

/// The settings that a first server needs; the others have defaults that fit most.
const OF_SERVE: [&str; 13] = [
    "config",
    "data_dir",
    "listen",
    "metrics_listen",
    "public_url",
    "database_url",
    "master_key_file",
    "smtp_url",
    "mail_from",
    "trusted_proxies",
    "log",
    "log_format",
    "audit_witness_file",
];

/// Where the data are.
const OF_DATA: [&str; 3] = ["config", "data_dir", "database_url"];

/// Commands whose help shows some of the settings.
const WITH_SETTINGS: [(&str, &[&str]); 7] = [
    ("serve", &OF_SERVE),
    ("demo", &["listen"]),
    ("admin", &OF_DATA),
    ("audit", &OF_DATA),
    ("doctor", &OF_DATA),
    ("backup", &OF_DATA),
    ("restore", &OF_DATA),
];

/// A query needs no key.
const SERVER_OF_QUERY: &str =
    "The server's URL [default: http://127.0.0.1:8080; without a key, the one that you are signed in to]";

/// The topic of `duku help` that is no command.
const SETTINGS: &str = "settings";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  duku help admin key rotate\n  duku help settings")]
pub(crate) struct Help {
    /// A command with its subcommand; "settings" for every setting of the server
    #[arg(value_name = "COMMAND")]
    topic: Vec<String>,
}

impl Help {
    pub(crate) fn run(&self) -> Result<(), CommandError> {
        if self.topic == [SETTINGS] {
            return Ok(output::line(&settings())?);
        }
        let mut root = command();
        root.build();
        let mut command = &root;
        for name in &self.topic {
            command = match command.find_subcommand(name) {
                Some(found) => found,
                None => self.not_found(command, name),
            };
        }
        match command.clone().print_help() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Ends the process with what the parser says of a command that does not exist.
    fn not_found(&self, group: &Command, name: &str) -> ! {
        if group.has_subcommands() {
            command().get_matches_from(["duku"].into_iter().chain(self.topic.iter().map(String::as_str)));
        }
        let error = format!("unrecognized subcommand '{name}'");
        group.clone().error(ErrorKind::InvalidSubcommand, error).exit()
    }
}

/// The command line, with the help that each command shows.
pub(crate) fn command() -> Command {
    let help = Arg::new("help").short('h').long("help").global(true).help_heading(None);
    let command =
        Cli::command().disable_help_flag(true).arg(help.action(ArgAction::HelpShort).help("Print help"));
    let command = command
        .mut_subcommand("query", |query| query.mut_arg("server", |server| server.help(SERVER_OF_QUERY)));
    WITH_SETTINGS.into_iter().fold(command, |command, (name, settings)| {
        // A command that has the argument itself is not given the hidden one.
        let shown: Vec<Arg> = command
            .get_arguments()
            .filter(|argument| settings.contains(&argument.get_id().as_str()))
            .map(|argument| argument.clone().hide(false))
            .collect();
        command.mut_subcommand(name, |command| command.args(shown))
    })
}

/// Every setting in two lines: how it is set, and what it means.
fn settings() -> String {
    let mut text = "Every setting of the server: its flag, its variable, and what it means. A flag beats the variable, the variable\n\
         beats the file that --config or DUKU_CONFIG names (there, --data-dir is data_dir), and the file beats the default.\n"
        .to_owned();
    let command = GivenSettings::augment_args(Command::new("settings"));
    for setting in command.get_arguments() {
        let flag = setting.get_long().unwrap_or_default();
        let variable = setting.get_env().unwrap_or_default().to_string_lossy();
        let values: Vec<_> =
            setting.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let values = if values.is_empty() { String::new() } else { format!(" [{}]", values.join(", ")) };
        let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = write!(text, "\n--{flag}  {variable}\n    {help}{values}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn what_help_shows_are_settings() {
        let command = Cli::command();
        let known: Vec<_> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
        for (name, settings) in WITH_SETTINGS {
            assert!(command.find_subcommand(name).is_some(), "{name}");
            assert!(settings.iter().all(|setting| known.contains(setting)), "{name}");
        }
    }
}
