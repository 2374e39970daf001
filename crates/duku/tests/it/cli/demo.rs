//! `duku demo`, as it is read and as it is pasted.

use crate::server::{duku, free_port};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

/// The screen that the story fits.
const COLUMNS: usize = 100;
const LINES: usize = 45;

/// A demo that serves on. It ends by itself with the test.
struct Demo {
    child: Child,
    said: Vec<String>,
}

impl Demo {
    fn start() -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = duku(&["demo", "--listen", &listen]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            said.push(line.unwrap());
            if said.last().unwrap().contains("Ctrl-C") {
                break;
            }
        }
        Self { child, said }
    }

    /// The file to read before a command is pasted.
    fn environment(&self) -> PathBuf {
        let line = self.said.iter().find_map(|line| line.strip_prefix("  . ")).unwrap();
        PathBuf::from(line)
    }

    /// Every command with the line that stands for its answer.
    fn commands(&self) -> Vec<(String, String)> {
        let mut commands = Vec::new();
        let mut typed = String::new();
        for line in self.said.iter().filter_map(|line| line.strip_prefix("   ")) {
            if let Some(result) = line.strip_prefix("→ ") {
                commands.push((std::mem::take(&mut typed), result.to_owned()));
            } else {
                typed = if typed.is_empty() { line.to_owned() } else { format!("{typed}\n{line}") };
            }
        }
        commands
    }

    /// Pastes a command into a fresh shell.
    fn paste(&self, command: &str) -> Output {
        let script = format!(". {}\n{command}\n", self.environment().display());
        let mut shell = Command::new("bash");
        for (name, _) in duku(&[]).get_envs() {
            shell.env_remove(name);
        }
        // The file leads away from all of it.
        shell.env("DUKU_DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing").env("DUKU_API_KEY", "wrong");
        shell.envs([("NO_PROXY", "*"), ("no_proxy", "*")]).args(["-c", &script]).output().unwrap()
    }

    fn end(mut self) -> PathBuf {
        assert!(self.interrupt().success());
        self.environment()
    }

    /// Ctrl-C, at which it deletes its data.
    fn interrupt(&mut self) -> ExitStatus {
        if let Some(ended) = self.child.try_wait().unwrap() {
            return ended;
        }
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.interrupt();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn an_address_that_was_asked_for_is_not_replaced() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let output = duku(&["demo", "--exit", "--listen", &listen]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{output:?}");
    assert!(said.contains(&listen) && said.contains("--listen"), "{said}");
}

#[test]
fn the_story_fits_a_screen_and_shows_no_secret() {
    let demo = Demo::start();
    let lines: usize = demo.said.iter().map(|line| line.chars().count().div_ceil(COLUMNS).max(1)).sum();
    let said = demo.said.join("\n");
    assert!(lines <= LINES, "{lines} lines:\n{said}");
    for word in said.split(['"', ' ', '\n']) {
        let secret = ["dks_", "eyJ"].iter().any(|prefix| word.starts_with(prefix));
        assert!(!secret || (word.chars().count() == 13 && word.ends_with('…')), "{word}");
    }
    for shown in [
        "access_token",
        "\"name\":\"Shop\"",
        "replaced by a rotation",
        "UNAUTHENTICATED",
        "intact",
        "/reset/",
    ] {
        assert!(said.contains(shown), "{shown} is missing in:\n{said}");
    }
    let environment = demo.environment();
    assert_eq!(fs::metadata(&environment).unwrap().permissions().mode() & 0o777, 0o600);
    let environment = demo.end();
    assert!(!environment.parent().unwrap().exists(), "the data and the file are deleted");
}

#[test]
fn every_command_of_the_story_can_be_pasted() {
    let demo = Demo::start();
    let commands = demo.commands();
    assert_eq!(commands.len(), 10, "{commands:?}");
    let part =
        |beginning: &'static str| commands.iter().filter(move |(command, _)| command.starts_with(beginning));

    // What reads, and what is rejected, is answered as it was shown. It goes first: what changes would change it.
    for (command, shown) in part("duku query").chain(part("curl")).chain(part("duku audit")) {
        let output = demo.paste(command);
        let said = text(&output.stdout);
        match command.split([' ', '"']).take(2).collect::<Vec<_>>()[..] {
            ["duku", "query"] => assert_eq!(said.trim(), shown),
            ["duku", "audit"] => {
                let entries: usize = shown.split(' ').next().unwrap().parse().unwrap();
                let rows = said.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
                let rows: Vec<_> = rows.collect();
                // A second later the log also says that former secrets were presented.
                assert!(rows.iter().map(|row| row[1].parse::<usize>().unwrap()).sum::<usize>() >= entries);
                assert!(rows.iter().all(|row| row[3] == "intact") && shown.ends_with("intact"), "{said}");
            }
            _ => {
                let answer = json(&output);
                if let Some(token) = answer["access_token"].as_str() {
                    assert!(shown.contains(&format!("\"{}…\"", &token[..12])), "{shown}");
                    assert!(shown.contains(&format!("\"expires_in\":{},", answer["expires_in"])), "{shown}");
                } else {
                    let message =
                        answer["error_description"].as_str().or(answer["errors"][0]["message"].as_str());
                    let shown = shown.split_once(' ').unwrap().1;
                    let shown = shown.strip_prefix("UNAUTHENTICATED: ").unwrap_or(shown);
                    assert!(message.unwrap().starts_with(shown), "{answer} {shown}");
                }
            }
        }
    }

    // What was made is there already, or made once more in the same form.
    for (command, shown) in part("duku admin") {
        let output = demo.paste(command);
        let (said, error) = (text(&output.stdout), text(&output.stderr));
        let id = shown.split([' ', ';']).find(|word| word.contains("_01")).unwrap_or_default();
        match command.split(' ').collect::<Vec<_>>()[2..4] {
            ["org", "create"] => assert!(error.contains("already") && !id.is_empty(), "{error}"),
            ["subject", "create"] => assert!(said.contains("Shop (sbj_") && id.starts_with("sbj_"), "{said}"),
            ["key", "generate"] => assert!(said.contains("key_") && said.contains("dks_"), "{said}"),
            ["key", "rotate"] => assert!(said.contains(id) && said.contains("dks_"), "{said}"),
            ["key", "revoke"] => assert!(error.contains("no API key key_"), "{error}"),
            _ => panic!("{command}"),
        }
    }

    // And so are those to try next.
    let (_, next) = demo.said.split_at(demo.said.iter().position(|line| line.starts_with("Next")).unwrap());
    let next: Vec<_> = next
        .iter()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with("duku "))
        .collect();
    assert_eq!(next.len(), 3, "{next:?}");
    for command in next {
        let output = demo.paste(command);
        assert!(
            output.status.success() && text(&output.stdout).contains("GitHub Actions"),
            "{command}: {output:?}"
        );
    }
}

#[test]
fn everything_is_shown_on_demand() {
    let output = duku(&["demo", "--exit", "--verbose", "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    for shown in [
        "curl -X POST",
        "access_token",
        "\"name\": \"Shop\"",
        "replaced by a rotation",
        "UNAUTHENTICATED",
        "was revoked at",
        "intact",
        "admin user reset-password ada@example.org --json",
    ] {
        assert!(said.contains(shown), "{shown} is missing in:\n{said}");
    }
    let brief = duku(&["demo", "--exit", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(brief.status.success() && text(&brief.stdout).lines().count() < LINES);
}
