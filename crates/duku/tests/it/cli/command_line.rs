//! The command line as scripts rely on it: shapes of JSON, exit codes, one clear line when something is rejected.

use crate::server::{Database, Server, duku};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Output, Stdio},
};
use testkit::Pair;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Rejected with code 1 and one line that holds `hint`.
#[track_caller]
fn assert_rejected(output: &Output, hint: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(hint) && said.starts_with("duku: ") && said.lines().count() == 1, "{said}");
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn admin_commands_print_what_the_contract_says() {
    let server = Server::start(Database::Sqlite);
    let org = server.admin(&["org", "create", "Acme", "--admin-email", "ada@example.org"]);
    assert!(org["id"].as_str().unwrap().starts_with("org_") && org["name"] == "Acme");
    let subject =
        ["subject", "create", "--org", "Acme", "--name", "Shop", "--base-url", "https://shop.example"];
    let subject = server.admin(&subject);
    assert!(subject["id"].as_str().unwrap().starts_with("sbj_") && subject["name"] == "Shop");
    let by_id = org["id"].as_str().unwrap();
    let key = server.admin(&["key", "generate", "--org", by_id, "--label", "CI", "--expires-in", "30d"]);
    let pair_names = ["client_id", "client_secret", "combined_key", "expires_at", "label"];
    assert_eq!(names(&key), pair_names);
    assert!(key["expires_at"].as_str().unwrap().ends_with('Z'));
    let rotated = server.admin(&["key", "rotate", key["client_id"].as_str().unwrap(), "--grace", "1h"]);
    assert_eq!((names(&rotated), &rotated["client_id"]), (pair_names.to_vec(), &key["client_id"]));
    let listed = server.admin(&["key", "list", "--org", "Acme"]);
    assert_eq!((listed[0]["label"].as_str(), listed[0]["status"].as_str()), (Some("CI"), Some("active")));
    assert!(!listed.to_string().contains(rotated["client_secret"].as_str().unwrap()));
    assert_eq!(server.admin(&["org", "list"])[0]["id"], org["id"]);
    let revoked = server.admin(&["key", "revoke", key["client_id"].as_str().unwrap()]);
    assert_eq!(revoked["client_id"], key["client_id"]);
    assert_eq!(server.admin(&["key", "list", "--org", "Acme"]), Value::Array(Vec::new()));
    let member = server.admin(&["member", "add", "--org", "Acme", "bob@example.org"]);
    assert_eq!(member["role"], "member");
    assert_eq!(server.admin(&["member", "list", "--org", "Acme"]).as_array().unwrap().len(), 2);
}

#[test]
fn rejections_are_one_line_and_code_1() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let cases: [(&[&str], &str); 14] = [
        (&["admin", "org", "create", "Acme", "--admin-email", "a@example.org"], "already"),
        (&["admin", "org", "create", "Beta", "--admin-email", "nobody"], "email"),
        (&["admin", "key", "generate", "--org", "Nobody", "--label", "x"], "duku admin org list"),
        (&["admin", "key", "generate", "--org", "Acme", "--label", ""], "visible characters"),
        (&["admin", "key", "generate", "--org", "Acme", "--label", "x", "--expires-in", "366d"], "365"),
        (&["admin", "key", "generate", "--org", "Acme", "--label", "x", "--expires-in", "0d"], "365"),
        (&["admin", "key", "rotate", "key_nobody"], "duku admin key list"),
        (&["admin", "key", "revoke", "key_00000000000000000000000000"], "duku admin key list"),
        (&["admin", "member", "remove", "--org", "Acme", "ada@example.org"], "at least one Admin"),
        (
            &["admin", "subject", "create", "--org", "Acme", "--name", "x", "--base-url", "javascript:1"],
            "baseUrl",
        ),
        (&["admin", "token", "--user", "eve@example.org"], "no person"),
        (&["admin", "user", "reset-password", "eve@example.org"], "no person"),
        (&["admin", "user", "remove-second-factor", "nobody"], "email"),
        (&["admin", "signing-key", "withdraw", "nothing"], "no signing key"),
    ];
    for (arguments, hint) in cases {
        assert_rejected(&server.output(arguments), hint);
    }
    let mut short = server
        .command(&["admin", "org", "create", "Beta", "--admin-email", "b@example.org", "--password-stdin"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    short.stdin.take().unwrap().write_all(b"short\n").unwrap();
    assert_rejected(&short.wait_with_output().unwrap(), "at least 12 characters");
}

#[test]
fn who_cannot_get_in_is_helped_by_an_operator() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let output = server.output(&["admin", "user", "reset-password", "ada@example.org"]);
    let (link, advice) = (text(&output.stdout), text(&output.stderr));
    assert!(link.starts_with(&format!("{}/reset/", server.url)) && link.lines().count() == 1, "{link}");
    assert!(advice.contains("works once") && !advice.contains("/reset/"), "{advice}");
    let again = server.admin(&["user", "reset-password", "ada@example.org"]);
    assert_eq!(names(&again), ["email", "expires_at", "link"]);
    assert_ne!(again["link"], link.trim());
    let removed = server.admin(&["user", "remove-second-factor", "ada@example.org"]);
    assert_eq!((&removed["email"], &removed["removed"]), (&"ada@example.org".into(), &false.into()));
    let output = server.output(&["admin", "user", "remove-second-factor", "ada@example.org"]);
    assert!(text(&output.stdout).contains("had no second factor"));
}

#[test]
fn a_secret_that_cannot_be_shown_is_no_success() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let arguments = ["admin", "key", "generate", "--org", "Acme", "--label", "Lost", "--json"];
    let output = server.command(&arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_rejected(&output, "could not be shown");
    assert!(text(&output.stderr).contains("duku admin key rotate key_"), "it says what to do");
}

#[test]
fn only_org_create_makes_new_data() {
    let dir = tempfile::tempdir().unwrap();
    let run =
        |arguments: &[&str]| duku(arguments).env("DUKU_DATA_DIR", dir.path().join("data")).output().unwrap();
    for arguments in
        [&["admin", "org", "list"][..], &["admin", "key", "list", "--org", "Acme"], &["audit", "verify"]]
    {
        assert_rejected(&run(arguments), "--data-dir");
    }
    assert!(!dir.path().join("data").exists());
    assert!(run(&["admin", "org", "create", "Acme", "--admin-email", "ada@example.org"]).status.success());
    for taken in ["system", "org_00000000000000000000000000"] {
        let rejected = run(&["admin", "org", "create", taken, "--admin-email", "ada@example.org"]);
        assert_rejected(&rejected, "means something else");
    }
}

#[test]
fn wrong_usage_is_code_2() {
    let cases: [&[&str]; 5] = [
        &[],
        &["nonsense"],
        &["admin", "key", "generate"],
        &["serve", "--listen"],
        &["token", "--client-secret", "x"],
    ];
    for arguments in cases {
        assert_eq!(duku(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_client_gets_tokens_and_answers() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    server.admin(&["subject", "create", "--org", "Acme", "--name", "Shop"]);
    let made = server.admin(&["key", "generate", "--org", "Acme", "--label", "CI"]);
    let pair = Pair::of(&made);
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = duku(arguments);
        // A file that nobody has made, so that this holds no session.
        command.env("DUKU_CREDENTIALS_FILE", server.data_dir.join("nobody/credentials.json"));
        command.env("DUKU_URL", &server.url).envs(environment.iter().copied());
        command.output().unwrap()
    };
    let split =
        [("DUKU_CLIENT_ID", pair.client_id.as_str()), ("DUKU_CLIENT_SECRET", pair.client_secret.as_str())];
    let combined = [("DUKU_API_KEY", made["combined_key"].as_str().unwrap())];
    for environment in [&split[..], &combined[..]] {
        let token = run(&["token"], environment);
        assert!(token.status.success(), "{}", text(&token.stderr));
        assert_eq!(text(&token.stdout).trim().split('.').count(), 3);
        let answer = run(&["query", "{ subjects { name } }"], environment);
        assert_eq!(text(&answer.stdout).trim(), r#"{"data":{"subjects":[{"name":"Shop"}]}}"#);
    }
    let whole = run(&["token", "--json", "--scope", "platform:read"], &split);
    let whole: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!((&whole["scope"], &whole["expires_in"]), (&Value::from("platform:read"), &Value::from(300)));

    for environment in [&split[..], &combined[..]] {
        let told = run(&["whoami", "--json"], environment);
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!((&told["kind"], &told["id"]), (&"api_key".into(), &pair.client_id.as_str().into()));
        assert_eq!((&told["name"], &told["role"]), (&"CI".into(), &Value::Null));
        assert_eq!((&told["organisation"]["name"], &told["scopes"]), (&"Acme".into(), &json!(["openid"])));
        let told = text(&run(&["whoami"], environment).stdout);
        assert!(told.starts_with("CI, an API key of Acme\n") && told.contains(&pair.client_id), "{told}");
    }

    let undefined = [("DUKU_CLIENT_ID", ""), ("DUKU_CLIENT_SECRET", ""), combined[0]];
    assert!(run(&["token"], &undefined).status.success(), "CI systems set undefined variables to nothing");
    assert_rejected(&run(&["token"], &[]), "DUKU_CLIENT_ID");
    assert_rejected(&run(&["token"], &split[..1]), "DUKU_CLIENT_SECRET");
    for command in [&["query", "{ subjects { name } }"][..], &["whoami"]] {
        for way in ["set DUKU_CLIENT_ID", "DUKU_API_KEY", "`duku login --server"] {
            assert_rejected(&run(command, &[]), way);
        }
        assert_rejected(&run(command, &split[..1]), "DUKU_CLIENT_SECRET");
    }
    assert!(!server.data_dir.join("nobody").exists(), "looking for a session makes nothing");
    assert_rejected(&run(&["token"], &[split[0], ("DUKU_CLIENT_SECRET", "wrong")]), "not its secret");
    assert_rejected(&run(&["token", "--server", "http://127.0.0.1:1"], &split), "cannot reach");
    assert_rejected(&run(&["token", "--scope", "nonsense"], &split), "scope");
    assert_rejected(&run(&["query", "--variables", "{", "{ a }"], &split), "--variables");
    let wrong = run(&["query", "{ nothing }"], &split);
    assert!(text(&wrong.stdout).contains("errors"), "the answer is printed");
    assert_rejected(&wrong, "nothing");

    let file = server.data_dir.join("secret");
    std::fs::write(&file, format!("{}\n", pair.client_secret)).unwrap();
    let from_file = run(&["token", "--client-secret-file", file.to_str().unwrap()], &split[..1]);
    assert!(from_file.status.success(), "{}", text(&from_file.stderr));
}

#[test]
fn a_grace_that_cannot_be_is_wrong_usage_and_names_the_option() {
    for command in [["keys", "rotate"].as_slice(), &["admin", "key", "rotate"]] {
        for (grace, hint) in [("1", "like 30m, 1h"), ("8d", "7d")] {
            let output = duku(command).args(["key_x", "--grace", grace]).output().unwrap();
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains("--grace") && said.contains(hint), "{said}");
        }
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&duku(&["completions", shell]).output().unwrap().stdout);
        for command in [
            "serve",
            "demo",
            "admin",
            "audit",
            "token",
            "query",
            "signing-key",
            "login",
            "logout",
            "backup",
            "restore",
            "doctor",
            "keys",
            "user",
            "whoami",
            "help",
            "failures-per-address",
        ] {
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
    }
}

#[test]
fn an_export_of_the_audit_log_can_be_checked_without_the_database() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    server.generate("CI");
    let exported = server.output(&["audit", "export", "--org", "Acme"]);
    let lines = text(&exported.stdout);
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let file = server.data_dir.join("acme.ndjson");
    std::fs::write(&file, &lines).unwrap();
    let verify = || duku(&["audit", "verify", "--file", file.to_str().unwrap(), "--json"]).output().unwrap();
    assert!(verify().status.success());
    std::fs::write(&file, lines.replace("\"CI\"", "\"XX\"")).unwrap();
    let changed = verify();
    assert_rejected(&changed, "not what was written");
    assert!(text(&changed.stdout).contains("was changed"));
    for (from, to) in [
        ("\"at\":\"20", "\"at\":\"19"),
        ("{", "{ "),
        ("{", "{\"note\":\"all is well\","),
        ("\"hash\"", "\"Hash\""),
    ] {
        let forged = lines.replacen(from, to, 1);
        assert_ne!(forged, lines, "{from}");
        std::fs::write(&file, forged).unwrap();
        assert!(!verify().status.success(), "{from} became {to}");
    }
    std::fs::write(&file, "").unwrap();
    assert_rejected(&verify(), "no entries");
    let other = server.output(&["audit", "export", "--org", "system"]);
    std::fs::write(&file, format!("{}{}", text(&other.stdout), lines)).unwrap();
    assert_rejected(&verify(), "another chain");
    std::fs::write(&file, lines.lines().skip(1).collect::<Vec<_>>().join("\n")).unwrap();
    assert!(text(&verify().stdout).contains("is missing"));
}
