//! What `--help` and `duku help` show.

use crate::server::duku;
use std::process::Output;

/// A terminal of this width has room for it, and a screen for so many lines.
const COLUMNS: usize = 100;
const LINES: usize = 60;

fn run(arguments: &[&str]) -> Output {
    duku(arguments).env("COLUMNS", COLUMNS.to_string()).output().unwrap()
}

#[track_caller]
fn said(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The flags that a help shows.
fn flags(help: &str) -> Vec<&str> {
    let options = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let flags = options.filter_map(|line| line.split("  ").next());
    flags.flat_map(|flags| flags.split([' ', ','])).filter(|word| word.starts_with("--")).collect()
}

/// Every command with its subcommands, from what their help lists.
fn all_commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        next += 1;
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = said(&arguments);
        let (_, listed) = help.split_once("\nCommands:\n").unwrap_or_default();
        let listed = listed.lines().take_while(|line| !line.is_empty());
        let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        all.extend(
            names.filter(|name| !name.is_empty()).map(|name| [&path[..], &[name.to_owned()]].concat()),
        );
    }
    assert!(all.len() > 40, "{all:?}");
    all
}

#[test]
fn every_help_fits_a_screen() {
    for path in all_commands() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let by_flag = said(&[&path[..], &["--help"]].concat());
        assert!(by_flag.lines().count() <= LINES, "duku {path:?} --help:\n{by_flag}");
        for line in by_flag.lines() {
            assert!(line.chars().count() <= COLUMNS, "duku {path:?} --help: {line}");
        }
        let by_command = said(&[&["help"], &path[..]].concat());
        let same = [said(&[&path[..], &["-h"]].concat()), by_command];
        assert!(
            same.iter().all(|help| help.trim_end() == by_flag.trim_end()),
            "duku help {path:?}:\n{same:?}"
        );
    }
}

#[test]
fn help_shows_the_settings_that_belong_to_the_command() {
    for path in all_commands() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = said(&[&path[..], &["--help"]].concat());
        let shown: Vec<_> =
            flags(&help).into_iter().filter(|flag| settings().iter().any(|one| one == flag)).collect();
        let expected: &[&str] = match path.first() {
            Some(&("admin" | "audit" | "doctor" | "backup" | "restore")) => &["--data-dir", "--database-url"],
            Some(&"serve") => &[
                "--data-dir",
                "--listen",
                "--metrics-listen",
                "--public-url",
                "--database-url",
                "--master-key-file",
                "--smtp-url",
                "--mail-from",
                "--trusted-proxies",
                "--audit-witness-file",
                "--log",
                "--log-format",
            ],
            Some(&"demo") => &["--listen"],
            _ => &[],
        };
        assert_eq!(shown, expected, "duku {path:?} --help");
    }
    let help = said(&["serve", "--help"]);
    assert!(help.contains("duku help settings") && help.contains("Examples:"), "{help}");
}

fn settings() -> Vec<String> {
    let text = said(&["help", "settings"]);
    text.lines()
        .filter(|line| line.starts_with("--"))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn all_settings_are_shown_in_two_lines_each() {
    let text = said(&["help", "settings"]);
    let (_, list) = text.split_once("\n\n").unwrap();
    let lines: Vec<_> = list.lines().collect();
    for pair in lines.chunks(2) {
        let [head, meaning] = pair else { panic!("{pair:?}") };
        let (flag, variable) = head.split_once("  ").unwrap();
        let name = flag.strip_prefix("--").unwrap().replace('-', "_").to_uppercase();
        assert_eq!(variable, format!("DUKU_{name}"), "{head}");
        assert!(meaning.starts_with("    ") && meaning.trim().len() > 10, "{meaning}");
    }
    assert_eq!(lines.len(), 2 * duku::settings::VARIABLES.len());
    assert!(
        text.contains("[default: 300] [bounds: 10 to 86400]") && text.contains("[auto, pretty, json]"),
        "{text}"
    );
}

#[test]
fn settings_are_accepted_where_help_hides_them() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("data");
    let place = place.to_str().unwrap();
    let made = run(&[
        "--password-minimum",
        "20",
        "admin",
        "org",
        "create",
        "Acme",
        "--admin-email",
        "ada@example.org",
        "--active-keys",
        "1",
        "--data-dir",
        place,
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let generate = [
        "admin",
        "key",
        "generate",
        "--org",
        "Acme",
        "--label",
        "CI",
        "--data-dir",
        place,
        "--active-keys",
        "1",
    ];
    assert!(run(&generate).status.success());
    let second = run(&generate);
    assert_eq!(second.status.code(), Some(1), "the setting holds");
    assert!(String::from_utf8_lossy(&second.stderr).contains("Active"), "{second:?}");
}

#[test]
fn names_that_do_not_exist_are_wrong_usage() {
    let cases: [&[&str]; 5] = [
        &["nonsense"],
        &["admin", "nonsense"],
        &["admin", "key", "rotate", "more"],
        &["query", "x"],
        &["settings", "x"],
    ];
    for path in cases {
        let output = run(&[&["help"], path].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{path:?}: {error}");
        assert!(error.contains("unrecognized subcommand") && error.contains("Usage: duku"), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_holds_no_value_of_the_environment() {
    for path in [&["serve", "--help"][..], &["help", "settings"], &["admin", "key", "list", "--help"]] {
        let output = duku(path).env("DUKU_DATABASE_URL", "postgres://duku:hunter2@db/duku").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("DUKU_DATABASE_URL") && !help.contains("hunter2"), "{help}");
    }
}
