//! The reference of the settings in the users' documentation: a page that is written from the settings themselves.

use clap::{Arg, Args, Command};
use duku::settings::GivenSettings;
use std::{collections::HashMap, fmt::Write as _, path::Path};
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

/// The headings of the page, in the words that people look for, and the settings under each.
const GROUPS: [(&str, &[&str]); 13] = [
    (
        "Server, URLs and TLS",
        &[
            "data_dir",
            "listen",
            "metrics_listen",
            "public_url",
            "auth_url",
            "platform_url",
            "viewport_url",
            "docs_url",
            "docs_folder",
            "trusted_proxies",
        ],
    ),
    (
        "Database",
        &[
            "database_url",
            "database_connections",
            "database_timeout_seconds",
            "database_pooler",
            "migration_timeout_seconds",
            "database_ca",
        ],
    ),
    ("Mail", &["smtp_url", "smtp_password_file", "mail_from", "mail_timeout_seconds"]),
    (
        "Access tokens and API keys",
        &[
            "realm",
            "token_lifetime_seconds",
            "active_keys",
            "clock_skew_seconds",
            "clock_tolerance_seconds",
            "usage_flush_seconds",
            "usage_days",
        ],
    ),
    ("Keys without a secret", &["inside_issuers", "issuer_ca", "client_assertion_type"]),
    (
        "Master key and signing keys",
        &["master_key_file", "signing_algorithm", "signing_key_days", "signing_key_lead_seconds"],
    ),
    (
        "Sign-in, passwords and sessions",
        &[
            "password_minimum",
            "password_checks",
            "session_hours",
            "session_idle_minutes",
            "sign_in_fresh_minutes",
            "command_line_days",
            "command_line_maximum_days",
            "invitation_days",
            "reset_minutes",
        ],
    ),
    (
        "Rate limits",
        &[
            "rate_limit",
            "failures_per_client",
            "failures_per_address",
            "sign_ins_per_person",
            "sign_ins_per_address",
        ],
    ),
    (
        "Limits of an organisation",
        &[
            "products_per_organisation",
            "targets_per_product",
            "members_per_organisation",
            "open_invitations_per_organisation",
        ],
    ),
    (
        "GraphQL limits",
        &[
            "graphql_bytes",
            "graphql_depth",
            "graphql_complexity",
            "graphql_aliases",
            "graphql_answer_bytes",
            "graphql_memory_bytes",
            "graphql_documents",
            "page_maximum",
        ],
    ),
    (
        "Memory, connections and timeouts",
        &[
            "memory_bytes",
            "request_memory_bytes",
            "form_bytes",
            "viewport_form_bytes",
            "connections",
            "connections_per_address",
            "requests",
            "wait_milliseconds",
            "header_timeout_seconds",
            "idle_timeout_seconds",
            "write_timeout_seconds",
            "request_timeout_seconds",
        ],
    ),
    ("Graceful shutdown", &["drain_seconds", "stop_seconds", "checkpoint_seconds"]),
    ("Logs and audit log", &["log", "log_format", "audit_witness_file"]),
];

fn page() -> String {
    let command = GivenSettings::augment_args(Command::new("duku"));
    let mut settings: HashMap<_, _> =
        command.get_arguments().map(|setting| (setting.get_id().as_str(), setting)).collect();
    assert!(settings.len() > 50, "the settings are found");
    let mut text = HEAD.to_owned();
    let contents = GROUPS.map(|(title, _)| format!("[{title}](#{})", anchor(title)));
    write!(text, "\n{}\n", contents.join(" ·\n")).unwrap();
    for (title, names) in GROUPS {
        write!(text, "\n## {title}\n").unwrap();
        for name in names {
            text.push_str(&section(settings.remove(name).unwrap_or_else(|| panic!("{name} is no setting"))));
        }
    }
    assert!(settings.is_empty(), "these stand under no heading: {:?}", settings.keys());
    text
}

fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

fn section(setting: &Arg) -> String {
    let (name, flag) = (setting.get_id().as_str(), setting.get_long().unwrap());
    // What the help quotes is code here: it may look like markup.
    let help = setting.get_help().unwrap().to_string().replace('"', "`");
    let (help, bounds) = match help.split_once(" [bounds: ") {
        Some((help, bounds)) => (help, bounds.strip_suffix(']')),
        None => (&*help, None),
    };
    let (meaning, default) = parted(help);
    let mut text = format!("\n### `{name}`\n\n{meaning}");
    let end = if meaning.ends_with('.') { "" } else { "." };
    text.push_str(end);
    if let Some(default) = default {
        let plain = default.contains(' ') || default.contains('-');
        let default = if plain { default } else { format!("`{default}`{}", in_words(name, &default)) };
        write!(text, " The default is {default}.").unwrap();
    }
    let values: Vec<_> =
        setting.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if !values.is_empty() {
        write!(text, " It is one of {}.", values.join(", ")).unwrap();
    }
    if let Some(bounds) = bounds {
        let bounds = bounds.trim_start_matches("at least ").split(" to ");
        let bounds: Vec<_> = bounds.map(|bound| format!("{bound}{}", in_words(name, bound))).collect();
        write!(text, " It is at least {}.", bounds.join(" and at most ")).unwrap();
    }
    let variable = setting.get_env().unwrap().to_string_lossy();
    // One paragraph on two lines: whoever asks for a setting is told its flag, too.
    format!("{text}\\\nFlag `--{flag}`, variable `{variable}`.\n")
}

/// A value of a setting in the largest unit that it is a whole number of, if that is not its own.
fn in_words(setting: &str, value: &str) -> String {
    let units: &[(u64, &str)] = match setting.rsplit('_').next().unwrap() {
        "milliseconds" => &[(60_000, "minute"), (1000, "second")],
        "seconds" => &[(86_400, "day"), (3600, "hour"), (60, "minute")],
        "minutes" => &[(1440, "day"), (60, "hour")],
        "hours" => &[(24, "day")],
        "bytes" => &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")],
        _ => &[],
    };
    let Ok(value) = value.parse::<u64>() else { return String::new() };
    let Some((size, unit)) = units.iter().find(|(size, _)| value > 0 && value.is_multiple_of(*size)) else {
        return String::new();
    };
    let count = value / size;
    let ending = if count == 1 || unit.ends_with('B') { "" } else { "s" };
    format!(" ({count} {unit}{ending})")
}

/// Help without its default, and the default; what comes after it belongs to the meaning.
fn parted(help: &str) -> (String, Option<String>) {
    let Some((before, rest)) = help.split_once(" [default: ") else { return (help.to_owned(), None) };
    let (default, after) = rest.split_once(']').unwrap();
    let meaning = if after.is_empty() { before.to_owned() } else { format!("{before}{after}") };
    (meaning, Some(default.to_owned()))
}
