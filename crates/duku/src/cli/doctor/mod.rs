//! `duku doctor`: what is wrong, or will be, each line with its cure. It changes nothing and prints no secret.

mod access;
mod audit_log;
mod configuration;
mod data;
mod disk;
mod keys;
mod network;
mod server;

use super::output::{self, Format};
use crate::{app::Ambient, command_error::CommandError, settings::Settings};
use clap::Args;
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, Args)]
#[command(
    after_help = "Run it with the settings of the server, as the user that the server runs as:\n  sudo -u duku duku doctor --config /etc/duku/duku.toml\n\nExit code 1 if a line says fail; warnings alone are no failure."
)]
pub(crate) struct Doctor {
    /// Do not connect to the mail server
    #[arg(long)]
    no_mail: bool,
    /// Do not read the audit log from end to end, which takes a while with millions of entries
    #[arg(long)]
    no_audit: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line.
#[derive(Debug)]
struct Finding {
    subject: &'static str,
    state: State,
    said: String,
    cure: String,
}

/// What was found, in the order in which it is told.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, subject: &'static str, said: impl Into<String>) {
        self.0.push(Finding { subject, state: State::Ok, said: said.into(), cure: String::new() });
    }

    fn warn(&mut self, subject: &'static str, said: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Finding { subject, state: State::Warn, said: said.into(), cure: cure.into() });
    }

    fn fail(&mut self, subject: &'static str, said: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Finding { subject, state: State::Fail, said: said.into(), cure: cure.into() });
    }

    fn count(&self, state: State) -> usize {
        self.0.iter().filter(|finding| finding.state == state).count()
    }
}

impl Doctor {
    pub(crate) async fn run(
        self,
        settings: Result<Settings, CommandError>,
        config: Option<&Path>,
    ) -> Result<(), CommandError> {
        let ambient = Ambient::system();
        let mut findings = Findings::default();
        match settings {
            Err(error) => findings.fail(
                "configuration",
                error.to_string(),
                "correct it; `duku help settings` lists every setting with its default",
            ),
            Ok(settings) => {
                configuration::check(&mut findings, &settings, config);
                // Before anything opens the files: opening them takes other users' rights away.
                disk::check(&mut findings, &settings);
                let data = data::check(&mut findings, &settings, &ambient).await;
                keys::check(&mut findings, &settings, &ambient, &data).await;
                match data.store() {
                    Some(_) if self.no_audit => findings.ok("audit log", "not checked, as --no-audit asks"),
                    Some(store) => audit_log::check(&mut findings, &settings, store).await,
                    None => {}
                }
                network::check(&mut findings, &settings).await;
                if self.no_mail {
                    findings.ok("mail", "not checked, as --no-mail asks");
                } else {
                    network::check_mail(&mut findings, &settings, &ambient).await;
                }
                if let Some(store) = data.store() {
                    data::check_backups(&mut findings, &settings, &ambient, store).await;
                }
            }
        }
        self.report(&findings)
    }

    fn report(&self, findings: &Findings) -> Result<(), CommandError> {
        let (failures, warnings) = (findings.count(State::Fail), findings.count(State::Warn));
        if self.format.json {
            let lines: Vec<Value> = findings.0.iter().map(as_json).collect();
            output::json(
                &json!({ "healthy": failures == 0, "failures": failures, "warnings": warnings, "checks": lines }),
            )?;
        } else {
            for Finding { subject, state, said, cure } in &findings.0 {
                output::line(&format!("{:4}  {subject:14} {said}", state.word()))?;
                if !cure.is_empty() {
                    output::line(&format!("                     → {cure}"))?;
                }
            }
            if failures == 0 {
                let end = match warnings {
                    0 => "Nothing is wrong.".to_owned(),
                    1 => "Nothing is broken; one warning.".to_owned(),
                    many => format!("Nothing is broken; {many} warnings."),
                };
                output::line(&format!("\n{end}"))?;
            }
        }
        match failures {
            0 => Ok(()),
            1 => Err(CommandError::new("one thing is broken: see the line that says fail")),
            many => Err(CommandError::new(format!("{many} things are broken: see the lines that say fail"))),
        }
    }
}

fn as_json(finding: &Finding) -> Value {
    let Finding { subject, state, said, cure } = finding;
    json!({ "check": subject, "state": state.word(), "message": said, "cure": (!cure.is_empty()).then_some(cure) })
}
