//! Commands that are shown and not run: what `duku` is asked for there exists.

use super::{Rule, all_pass};
use crate::server::duku;
use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn every_command_behind_a_prompt_exists() {
    all_pass(Rule::Console, |fence| {
        let commands: Vec<_> = prompted(&fence.text).iter().flat_map(|line| parts(line)).collect();
        if commands.is_empty() {
            return Err("no line begins with a prompt".to_owned());
        }
        commands.iter().try_for_each(|command| exists(command))
    });
}

#[test]
fn what_is_not_run_can_be_read_by_a_shell_and_exists() {
    all_pass(Rule::Norun, |fence| {
        let output = Command::new("bash").args(["-n", "-c", &fence.text]).output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        fence.text.lines().flat_map(parts).try_for_each(|command| exists(&command))
    });
}

/// The lines that are typed, each with those that continue it.
fn prompted(text: &str) -> Vec<String> {
    let mut typed: Vec<String> = Vec::new();
    for line in text.lines() {
        let continued = typed.last_mut().and_then(|last| Some((last.strip_suffix('\\')?.to_owned(), last)));
        if let Some((before, last)) = continued {
            *last = before + line;
        } else if let Some(command) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")) {
            typed.push(command.to_owned());
        }
    }
    typed
}

/// The commands of a line, each in its words, without what runs them as somebody or gives them variables.
fn parts(line: &str) -> Vec<Vec<String>> {
    let mut parts = vec![Vec::new()];
    for word in line.split_whitespace().take_while(|word| !word.starts_with('#')) {
        match word {
            "|" | "||" | "&&" | ";" => parts.push(Vec::new()),
            _ => parts.last_mut().unwrap().push(word.to_owned()),
        }
    }
    parts.iter().map(|part| bare(part).to_vec()).collect()
}

fn bare(words: &[String]) -> &[String] {
    match words {
        [first, rest @ ..] if first.contains('=') => bare(rest),
        [sudo, as_whom, _, rest @ ..] if sudo == "sudo" && as_whom == "-u" => bare(rest),
        _ => words,
    }
}

/// What a command's help lists.
struct Help {
    commands: BTreeSet<String>,
    flags: BTreeSet<String>,
}

impl Help {
    fn of(path: &[&str]) -> Self {
        let output = duku(path).arg("--help").output().unwrap();
        assert!(output.status.success(), "duku {path:?} --help");
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, commands) = text.split_once("\nCommands:\n").unwrap_or_default();
        let commands = commands.lines().take_while(|line| !line.is_empty());
        let commands =
            commands.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
        let options = text.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let flags = options.flat_map(|line| line.split(|c| !is_part(c)).filter(|word| word.starts_with('-')));
        Self {
            commands: commands.filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect(),
            flags: flags.map(ToOwned::to_owned).collect(),
        }
    }
}

/// The settings, which every command takes.
fn settings() -> BTreeSet<String> {
    let output = duku(&["help", "settings"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let flags: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(flag, _)| flag.to_owned())
        .filter(|flag| flag.starts_with("--"))
        .collect();
    assert!(flags.len() > 50, "the settings are found");
    flags
}

/// Whether `duku` has this subcommand with these flags. Commands of others are theirs.
fn exists(command: &[String]) -> Result<(), String> {
    let Some(("duku", words)) = command.split_first().map(|(first, words)| (first.as_str(), words)) else {
        return Ok(());
    };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let mut depth = 0;
    let mut help = Help::of(&[]);
    while !help.commands.is_empty() {
        let name = words.get(depth).copied().unwrap_or_default();
        if !help.commands.contains(name) {
            return Err(format!("`duku {}` has no `{name}`", words[..depth].join(" ")));
        }
        depth += 1;
        help = Help::of(&words[..depth]);
    }
    let flags = words[depth..].iter().filter(|word| word.starts_with('-') && word.len() > 1);
    let flags = flags.map(|flag| flag.split('=').next().unwrap_or_default());
    let unknown: Vec<_> = flags.filter(|flag| !help.flags.contains(*flag)).collect();
    let settings = if unknown.is_empty() { BTreeSet::new() } else { settings() };
    let unknown: Vec<_> = unknown.into_iter().filter(|flag| !settings.contains(*flag)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("`{}` has no {unknown:?}", command.join(" "))) }
}

#[test]
fn commands_that_do_not_exist_are_told() {
    let problem = |line: &str| parts(line).iter().find_map(|command| exists(command).err());
    for good in [
        "duku keys list # and more",
        "X=y sudo -u duku duku doctor --config /etc/duku.toml",
        "duku backup - | gzip -9 > a",
        "duku serve --data-dir=/tmp/try",
        "duku serve --docs-folder pages",
        "ls --nothing",
    ] {
        assert_eq!(problem(good), None, "{good}");
    }
    for bad in [
        "duku key list",
        "ls | duku keys lists",
        "duku keys list --colour",
        "X=y duku admin",
        "duku serve -Z",
    ] {
        assert!(problem(bad).is_some(), "{bad}");
    }
    assert_eq!(prompted("$ a \\\n  b\nsaid\n# c"), ["a   b", "c"]);
}
