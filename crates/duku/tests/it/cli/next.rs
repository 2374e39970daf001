//! The next command, as a person at a terminal reads it, and that a script reads none.

use crate::server::{Database, Server};
use std::process::Command;

/// What a command shows on a terminal. Its settings are the server's, but for where the data are: that is a flag.
fn on_a_terminal(server: &Server, arguments: &str) -> String {
    let duku = env!("CARGO_BIN_EXE_duku");
    let command = format!("{duku} {arguments} --data-dir {}", server.data_dir.display());
    // `script` gives it a terminal.
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &command, "/dev/null"]).stdin(std::process::Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DUKU_")) {
        terminal.env_remove(name);
    }
    terminal.env("SHELL", "/bin/bash").envs(server.environment()).env_remove("DUKU_DATA_DIR");
    let output = terminal.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{command}: {said}");
    said.replace('\r', "")
}

/// The commands that a text ends with.
fn next(said: &str) -> Vec<&str> {
    let (_, next) = said.split_once("\nNext, ").unwrap_or_else(|| panic!("nothing is next: {said}"));
    next.lines().filter_map(|line| line.strip_prefix("  ")).collect()
}

#[test]
fn what_was_made_is_followed_by_the_next_command() {
    let mut server = Server::start(Database::Sqlite);
    let duku = env!("CARGO_BIN_EXE_duku");
    let org = on_a_terminal(&server, "admin org create \"It's\" --admin-email ada@example.org");
    assert!(org.contains(&format!("signs in to Viewport at {}/", server.url)), "{org}");
    let data = server.data_dir.display().to_string();
    let reset = format!("{duku} admin user reset-password ada@example.org --data-dir {data}");
    let generate =
        format!("{duku} admin key generate --org 'It'\\''s' --label 'GitHub Actions' --data-dir {data}");
    assert_eq!(next(&org), [&reset, &generate]);
    let subject = on_a_terminal(&server, "admin subject create --org \"It's\" --name Shop");
    assert_eq!(next(&subject), [&generate]);

    // The printed commands work where they are pasted.
    for command in [&reset, &generate] {
        let done = Command::new("bash").args(["-c", command]).env_remove("DUKU_DATA_DIR").output().unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
    }
    let key = on_a_terminal(&server, "admin key generate --org \"It's\" --label CI");
    let [tried] = next(&key)[..] else { panic!("{key}") };
    assert!(tried.starts_with("read -rs DUKU_CLIENT_SECRET && export DUKU_CLIENT_ID=key_"), "{tried}");
    assert!(tried.ends_with(&format!("{duku} token --server {}", server.url)), "{tried}");
    let secret = key.lines().find_map(|line| line.trim().strip_prefix("Client secret")).unwrap().trim();
    let pasted = format!("printf '%s\\n' {secret} | bash -c '{tried}'");
    let token = Command::new("bash").args(["-c", &pasted]).output().unwrap();
    assert!(token.stdout.starts_with(b"eyJ"), "{token:?}");

    let id = tried.split(['=', ' ']).find(|word| word.starts_with("key_")).unwrap();
    let rotated = on_a_terminal(&server, &format!("admin key rotate {id} --grace 1h"));
    let [store, end] = next(&rotated)[..] else { panic!("{rotated}") };
    assert!(store.starts_with("gh secret set DUKU_CLIENT_SECRET "), "{store}");
    assert_eq!(end, format!("{duku} admin key end-grace {id} --data-dir {data}"));
    let member = on_a_terminal(&server, "admin member add --org \"It's\" bob@example.org");
    assert_eq!(
        next(&member),
        [format!("{duku} admin user reset-password bob@example.org --data-dir {data}")]
    );

    let file = server.data_dir.join("copy.db");
    let file = file.display().to_string();
    let backup = on_a_terminal(&server, &format!("backup {file}"));
    assert_eq!(next(&backup), [format!("{duku} restore --force {file} --data-dir {data}")]);
    assert!(server.stop());
    let restored = on_a_terminal(&server, &format!("restore --force {file}"));
    assert_eq!(next(&restored), [format!("{duku} serve --data-dir {data}")]);
}

#[test]
fn an_admin_with_a_password_signs_in_with_it() {
    let server = Server::start(Database::Sqlite);
    let made = on_a_terminal(
        &server,
        "admin org create Acme --admin-email ada@example.org --password-stdin < <(echo a long enough password)",
    );
    assert!(made.contains("Next, ada@example.org signs in to Viewport at http"), "{made}");
    assert!(!made.contains("reset-password"), "{made}");
}

#[test]
fn scripts_read_no_hints() {
    let server = Server::start(Database::Sqlite);
    let org = ["admin", "org", "create", "Acme", "--admin-email", "ada@example.org"];
    let piped = server.output(&org);
    assert!(piped.status.success() && piped.stderr.is_empty(), "{piped:?}");
    assert_eq!(String::from_utf8_lossy(&piped.stdout).lines().count(), 1, "{piped:?}");
    let json = on_a_terminal(&server, "admin key generate --org Acme --label CI --json");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["label"], "CI");
}

#[test]
fn a_program_that_is_on_the_path_is_called_by_its_name() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_duku"));
    let folder = program.parent().unwrap();
    let said = |path: String, folder: &std::path::Path| {
        let mut terminal = Command::new("script");
        let command = format!("{} admin subject create --org Acme --name Shop", program.display());
        terminal.args(["-qec", &command, "/dev/null"]).current_dir(folder).envs(server.environment());
        let said = String::from_utf8(terminal.env("PATH", path).output().unwrap().stdout).unwrap();
        next(&said.replace('\r', ""))[0].split(" admin").next().unwrap().to_owned()
    };
    let path = std::env::var("PATH").unwrap();
    assert_eq!(said(format!("{}:{path}", folder.display()), folder), "duku");
    assert_eq!(said(path.clone(), folder), "./duku");
    let above = folder.parent().unwrap();
    assert_eq!(said(path, above), format!("{}/duku", folder.file_name().unwrap().display()));
}
