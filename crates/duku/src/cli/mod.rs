//! The command line. Exit codes: 0 done, 1 rejected or failed (one clear line on standard error), 2 wrong usage.

#![expect(clippy::doc_markdown, reason = "what documents a command is its help text, shown as it stands")]

mod admin;
mod audit;
mod backup;
mod client;
mod demo;
mod doctor;
pub mod durations;
mod help;
mod http;
mod key_view;
mod next;
mod output;
mod restore;
mod restore_report;
pub(crate) mod secrets;
mod serve;
mod user;

use crate::{
    command_error::CommandError,
    settings::{GivenSettings, Settings},
    telemetry,
};
use clap::{FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use next::Next;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Machine-to-machine access: API keys, short-lived tokens, a GraphQL API.
#[derive(Debug, Parser)]
#[command(
    name = "duku",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
#[command(
    after_help = "Try it:\n  duku demo                                see the main job done, in a throw-away organisation\n  duku serve                               run everything on http://127.0.0.1:8080\n  duku admin org create Acme --admin-email ada@example.org\n\nduku help COMMAND shows a command, duku help settings every setting of the server."
)]
struct Cli {
    /// A TOML file with settings; DUKU_CONFIG in the environment
    #[arg(long, env = "DUKU_CONFIG", hide_env = true, global = true, hide = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: GivenSettings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the authorization server and the GraphQL API
    #[command(
        after_help = "`duku help settings` shows every setting: a flag, a DUKU_… variable, a key of the --config file.\n\nExamples:\n  duku serve\n  duku serve --listen 0.0.0.0:8080 --public-url https://platform.example.org\n  DUKU_DATABASE_URL=postgres://duku@db/duku duku serve"
    )]
    Serve,
    /// Do the main job in front of you, in a throw-away organisation, then keep serving
    Demo(demo::Demo),
    /// Work on the data of this host directly: organisations, keys, people, signing keys
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Check the audit log, or write it out
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Look for what is wrong, or will be, and say what to do about it
    Doctor(doctor::Doctor),
    /// Write a backup of the data while the server runs, and check it
    Backup(backup::Backup),
    /// Put a backup in the place of the data of a server that is stopped
    Restore(restore::Restore),
    /// Exchange an API key for an access token and print the token
    Token(client::Token),
    /// Run a GraphQL query, with an API key or signed in, and print the answer
    Query(client::Query),
    /// Sign in to a server, as a person, with the help of a browser
    Login(user::Login),
    /// Tell who is signed in, or whose API key the environment holds
    Whoami(user::Whoami),
    /// End the session of `duku login`
    Logout(user::Logout),
    /// Work with your organisation's API keys over the network, signed in with `duku login`
    #[command(subcommand)]
    Keys(user::Keys),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  duku completions bash > /etc/bash_completion.d/duku")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Show the help of a command, or every setting of the server
    Help(help::Help),
}

/// How many tasks a thread runs before it looks at those that all threads share. Under a burst its own never end, and those that
/// found no room there wait in the shared queue: at the library's rate (up to 127) some waited for twenty seconds.
const TURNS_BETWEEN_LOOKS: u32 = 2;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let matches = help::command().get_matches();
    let cli =
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut help::command()).exit());
    // Rejected only if a provider is there already, and then it is this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .global_queue_interval(TURNS_BETWEEN_LOOKS)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CommandError::new(format!("cannot start: {error}"))),
    };
    let outcome = runtime.block_on(dispatch(cli, &Next::of(&matches)));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &CommandError) -> ExitCode {
    output::error_line(failure);
    ExitCode::FAILURE
}

async fn dispatch(cli: Cli, next: &Next) -> Result<(), CommandError> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut help::command(), "duku", &mut script);
            Ok(output::line(String::from_utf8_lossy(&script).trim_end())?)
        }
        Command::Help(help) => help.run(),
        Command::Token(token) => token.run(next).await,
        Command::Query(query) => query.run().await,
        Command::Login(login) => login.run(next).await,
        Command::Whoami(whoami) => whoami.run().await,
        Command::Logout(logout) => logout.run().await,
        Command::Keys(keys) => keys.run(next).await,
        Command::Serve => serve::run(ready(cli.settings, config, "info")?).await,
        Command::Demo(demo) => demo.run(ready(cli.settings, config, "error")?, next).await,
        Command::Admin(admin) => admin.run(&ready(cli.settings, config, "error")?, next).await,
        Command::Audit(audit) => audit.run(&ready(cli.settings, config, "error")?).await,
        Command::Doctor(doctor) => doctor.run(cli.settings.resolve(config), config).await,
        Command::Backup(backup) => backup.run(&ready(cli.settings, config, "error")?, next).await,
        Command::Restore(restore) => restore.run(&ready(cli.settings, config, "error")?, next),
    }
}

/// The settings of a command that works on the data. Its log begins at `level` unless they say otherwise.
fn ready(given: GivenSettings, config: Option<&Path>, level: &str) -> Result<Settings, CommandError> {
    let settings = given.resolve(config)?;
    telemetry::start_logging(settings.log.as_deref().unwrap_or(level), settings.log_format)?;
    Ok(settings)
}
