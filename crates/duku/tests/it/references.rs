//! The reference of the settings in the users' documentation: a page that is written from the settings themselves.

use clap::{Arg, Args, Command};
use duku::settings::GivenSettings;
use std::{fmt::Write as _, path::Path};
use testkit::assert_committed;

const HEAD: &str = "# Settings

Every setting of Duku with its default. A flag overrides the environment, the environment overrides the file that `--config` or
`DUKU_CONFIG` names, and the file overrides the default. The file is TOML, with all keys at its top level:

```toml
listen = \"0.0.0.0:8080\"
public_url = \"https://platform.example.org\"
trusted_proxies = [\"10.0.0.5\"]
```

A value outside its bounds stops `duku serve` with a message that names the setting and its bounds. Secrets are no settings: the master
key comes from `DUKU_MASTER_KEY` or a file, the mail server's password from `DUKU_SMTP_PASSWORD` or a file.
";

#[test]
fn the_committed_settings_page_is_what_the_program_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating/settings.md");
    assert_committed(&path, &page(), "UPDATE_REFERENCES", "cargo test -p duku --test it references");
}

fn page() -> String {
    let command = GivenSettings::augment_args(Command::new("duku"));
    let sections: Vec<_> = command.get_arguments().map(section).collect();
    assert!(sections.len() > 50, "the settings are found");
    format!("{HEAD}{}", sections.concat())
}

fn section(setting: &Arg) -> String {
    let flag = setting.get_long().unwrap();
    // What the help quotes is code here: it may look like markup.
    let help = setting.get_help().unwrap().to_string().replace('"', "`");
    let (help, bounds) = match help.split_once(" [bounds: ") {
        Some((help, bounds)) => (help, bounds.strip_suffix(']')),
        None => (&*help, None),
    };
    let (meaning, default) = parted(help);
    let mut text = format!("\n## `{}`\n\n{meaning}", setting.get_id());
    let end = if meaning.ends_with('.') { "" } else { "." };
    text.push_str(end);
    if let Some(default) = default {
        write!(text, " The default is {default}.").unwrap();
    }
    let values: Vec<_> =
        setting.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if !values.is_empty() {
        write!(text, " It is one of {}.", values.join(", ")).unwrap();
    }
    if let Some(bounds) = bounds {
        let bounds = bounds.trim_start_matches("at least ").replace(" to ", " and at most ");
        write!(text, " It is at least {bounds}.").unwrap();
    }
    let variable = setting.get_env().unwrap().to_string_lossy();
    format!("{text}\n\nFlag `--{flag}`, variable `{variable}`.\n")
}

/// Help without its default, and the default; what comes after it belongs to the meaning.
fn parted(help: &str) -> (String, Option<String>) {
    let Some((before, rest)) = help.split_once(" [default: ") else { return (help.to_owned(), None) };
    let (default, after) = rest.split_once(']').unwrap();
    let meaning = if after.is_empty() { before.to_owned() } else { format!("{before}{after}") };
    let plain = default.contains(' ') || default.contains('-');
    (meaning, Some(if plain { default.to_owned() } else { format!("`{default}`") }))
}
