//! `duku keys`: keys without a secret, from generating to using, allowing, checking and renewing them.

use super::{Machine, assert_rejected, both, github, mode, now};
use domain::workload::Preset;
use jose::SigningKey;
use serde_json::json;

#[test]
fn a_private_key_works_from_generate_to_query_and_is_never_shown() {
    let machine = Machine::start();
    let generate = [
        "keys",
        "generate",
        "--label",
        "Nightly",
        "--method",
        "private-key-jwt",
        "--private-key-file",
        "key.pem",
    ];
    let output = machine.run(&[&generate[..], &["--json"]].concat());
    let mut shown = both(&output);
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = made["client_id"].as_str().unwrap();
    let pem = std::fs::read_to_string(machine.path("key.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.lines().all(|line| line.len() <= 64));
    assert_eq!(mode(&machine.path("key.pem")), 0o600);
    let key = SigningKey::from_pem(&pem).unwrap();
    assert_eq!((&made["key_id"], &made["label"]), (&key.kid().into(), &"Nightly".into()));

    // A file that is there stays, and no second key is made.
    let again = machine.run(&generate);
    assert_rejected(&again, "there is a file already");
    assert_eq!(std::fs::read_to_string(machine.path("key.pem")).unwrap(), pem);
    let listed = machine.json(&["keys", "list"]);
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["authentication_method"]),
        (1, &"private_key_jwt".into())
    );
    assert!(machine.said(&["keys", "list"]).contains("private key"));

    let with_key = ["--client-id", id, "--private-key-file", "key.pem"];
    let token = machine.run(&[&["token"], &with_key[..]].concat());
    assert!(token.status.success(), "{}", both(&token));
    let asked = machine.said(&[&["query", "{ viewer { kind name } }"], &with_key[..]].concat());
    assert!(asked.contains("API_KEY") && asked.contains("Nightly"), "{asked}");

    // Another key than the server has, and what is no key.
    let others = ["--label", "Other", "--method", "private-key-jwt", "--private-key-file", "other.pem"];
    let other = machine.said(&[&["keys", "generate"], &others[..]].concat());
    assert!(other.contains("Client ID    key_") && other.contains("no other copy"), "{other}");
    let wrong = machine.run(&["token", "--client-id", id, "--private-key-file", "other.pem"]);
    assert_eq!(wrong.status.code(), Some(1));
    machine.write("public.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    let no_key = machine.run(&["token", "--client-id", id, "--private-key-file", "public.pem"]);
    assert_rejected(&no_key, "BEGIN PRIVATE KEY");
    assert_rejected(&machine.run(&["token", "--private-key-file", "key.pem"]), "set DUKU_CLIENT_ID");

    let renewed = machine.said(&["keys", "renew", id, "--end-issued-tokens"]);
    assert!(renewed.contains("Nightly expires at") && renewed.contains("rejected now"), "{renewed}");
    let revoked = machine.said(&["keys", "revoke", id, "--yes"]);
    let after = machine.run(&[&["token"], &with_key[..]].concat());
    assert_eq!(after.status.code(), Some(1));
    for output in [&again, &token, &wrong, &no_key, &after] {
        shown.push_str(&both(output));
    }
    shown.extend([other, renewed, revoked, asked]);
    for line in pem.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!shown.contains(line), "a part of the private key was shown");
    }
}

#[test]
fn a_token_is_checked_without_being_used_up() {
    let machine = Machine::start();
    let made = machine.json(&[
        "keys",
        "generate",
        "--label",
        "Nightly",
        "--method",
        "private-key-jwt",
        "--private-key-file",
        "key.pem",
    ]);
    let id = made["client_id"].as_str().unwrap();
    let key = SigningKey::from_pem(&std::fs::read_to_string(machine.path("key.pem")).unwrap()).unwrap();
    let signed = |audience: &str| {
        let (iat, exp) = (now().seconds(), now().seconds() + 60);
        let claims =
            json!({ "iss": id, "sub": id, "aud": audience, "iat": iat, "exp": exp, "jti": audience });
        key.sign_client_assertion(&claims).unwrap()
    };
    machine.write("good.jwt", &format!("{}\n", signed(&machine.issuer())));
    for _ in 0..2 {
        let good = machine.said(&["keys", "check-token", id, "--token-file", "good.jwt"]);
        assert!(good.trim_start().starts_with("CHECK") && good.contains("would be granted"), "{good}");
    }
    let bad = signed("https://elsewhere.example");
    machine.write("bad.jwt", &bad);
    let rejected = machine.run(&["keys", "check-token", id, "--token-file", "bad.jwt"]);
    let said = both(&rejected);
    assert_eq!(rejected.status.code(), Some(1), "{said}");
    let row = said.lines().find(|line| line.trim_start().starts_with("aud ")).unwrap();
    assert!(
        row.contains(&machine.issuer()) && row.contains("https://elsewhere.example") && row.ends_with("NO"),
        "{row}"
    );
    assert!(said.contains("would be rejected: aud") && !said.contains(&bad), "{said}");
    let report = machine.run(&["keys", "check-token", id, "--token-file", "bad.jwt", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["accepted"], false);
    // Nothing on standard input, and a key that has a secret.
    assert_rejected(&machine.run(&["keys", "check-token", id]), "no secret on standard input");
    let with_secret = machine.json(&["keys", "generate", "--label", "CI"]);
    let with_secret = with_secret["client_id"].as_str().unwrap();
    let rejected = machine.run(&["keys", "check-token", with_secret, "--token-file", "good.jwt"]);
    assert_eq!(rejected.status.code(), Some(1));
}

#[test]
fn a_key_waits_for_its_first_run_and_lets_exactly_that_one_in() {
    let machine = Machine::start();
    let issuer = github();
    machine.write("jwks.json", &issuer.jwks().to_string());
    let generate =
        ["keys", "generate", "--label", "CI", "--method", "workload-identity", "--preset", "github_actions"];
    let said = machine.said(&[&generate[..], &["--key-set-file", "jwks.json"]].concat());
    assert!(said.contains(&format!("Audience   {}", machine.issuer())), "{said}");
    let id = said.split_whitespace().find(|word| word.starts_with("key_")).unwrap();
    let place = format!("{}/settings/api-keys/{id}", machine.server.url);
    assert!(said.contains(&format!("keys attempts {id}")) && said.contains(&place), "{said}");
    assert!(machine.said(&["keys", "attempts", id]).starts_with("No run has asked yet."));
    assert!(machine.said(&["keys", "wait", id]).contains("shows the runs that ask until"));

    let token = |changes| issuer.token(Preset::GitHubActions, &machine.issuer(), now(), &changes);
    let exchange = |token: &str| {
        let mut command = machine.command(&["token", "--workload", "--client-id", id]);
        command.env("DUKU_ASSERTION", token).output().unwrap()
    };
    let asked = exchange(&token(json!({})));
    assert_eq!(asked.status.code(), Some(1), "{}", both(&asked));
    let shown = machine.said(&["keys", "attempts", id]);
    assert!(shown.contains("run 4711 of acme/shop on main"), "{shown}");
    assert!(shown.contains("repository_id=424242") && shown.contains("repository_owner_id=2020"), "{shown}");
    let attempts = machine.json(&["keys", "attempts", id]);
    assert_eq!(attempts[0]["claims"]["repository"], "acme/shop");
    let attempt = attempts[0]["id"].as_str().unwrap();
    let nothing = machine.run(&["keys", "allow", id, "att_nothing"]);
    assert_eq!(nothing.status.code(), Some(1));
    let allowed = machine.said(&["keys", "allow", id, attempt]);
    assert!(
        allowed.contains("repository_id = 424242") && allowed.contains("ref = refs/heads/main"),
        "{allowed}"
    );

    let let_in = exchange(&token(json!({})));
    assert!(let_in.status.success(), "{}", both(&let_in));
    let other = token(json!({ "ref": "refs/heads/next" }));
    assert_rejected(&exchange(&other), "refs/heads/main");
    machine.write("other.jwt", &other);
    let checked = machine.run(&["keys", "check-token", id, "--token-file", "other.jwt"]);
    let said = both(&checked);
    assert!(checked.status.code() == Some(1) && said.contains("rejected: ref"), "{said}");
    assert!(said.contains("run 4711 of acme/shop on next"), "{said}");
    machine.write("own.jwt", &token(json!({})));
    assert!(
        machine.said(&["keys", "check-token", id, "--token-file", "own.jwt"]).contains("would be granted")
    );
    assert!(machine.said(&["keys", "list"]).contains("workload identity"));
}

#[test]
fn conditions_and_dangers_are_given_by_name() {
    let machine = Machine::start();
    let issuer = github();
    machine.write("jwks.json", &issuer.jwks().to_string());
    let start = [
        "keys",
        "generate",
        "--label",
        "CI",
        "--method",
        "workload-identity",
        "--preset",
        "github_actions",
        "--key-set-file",
        "jwks.json",
        "--pin",
        "repository_id=424242",
        "--pin",
        "repository_owner_id=2020",
    ];
    let open = machine.run(&start);
    assert_rejected(&open, "accept `any_branch`");
    let conditions = ["--condition", "ref=refs/heads/*", "--condition", "event_name=push"];
    let accepted = ["--accept", "any_branch", "--accept", "any_workflow"];
    let made = machine.json(&[&start[..], &conditions, &accepted].concat());
    assert_eq!(
        (&made["waiting_until"], &made["authentication_method"]),
        (&json!(null), &"workload_identity".into())
    );
    let id = made["client_id"].as_str().unwrap();
    let exchange = |changes| {
        let token = issuer.token(Preset::GitHubActions, &machine.issuer(), now(), &changes);
        machine
            .command(&["token", "--workload", "--client-id", id])
            .env("DUKU_ASSERTION", token)
            .output()
            .unwrap()
    };
    let main = exchange(json!({}));
    assert!(main.status.success(), "{}", both(&main));
    assert!(exchange(json!({ "ref": "refs/heads/next" })).status.success());
    assert_rejected(&exchange(json!({ "ref": "refs/tags/v1" })), "refs/heads/*");

    let generate = ["keys", "generate", "--label", "x"];
    let strays: [(&[&str], &str); 3] = [
        (&["--preset", "aws"], "--preset goes with --method workload-identity"),
        (&["--private-key-file", "x.pem"], "--private-key-file goes with --method private-key-jwt"),
        (
            &["--method", "private-key-jwt", "--private-key-file", "x.pem", "--env-file", ".env"],
            "--env-file goes",
        ),
    ];
    for (arguments, hint) in strays {
        assert_rejected(&machine.run(&[&generate[..], arguments].concat()), hint);
    }
    let wrong_usage: [&[&str]; 5] = [
        &["--method", "private-key-jwt"],
        &["--method", "workload-identity"],
        &["--method", "workload-identity", "--preset", "jenkins"],
        &["--method", "workload-identity", "--preset", "aws", "--condition", "a=b"],
        &["--method", "workload-identity", "--preset", "aws", "--pin", "sub"],
    ];
    for arguments in wrong_usage {
        assert_eq!(machine.run(&[&generate[..], arguments].concat()).status.code(), Some(2), "{arguments:?}");
    }
    assert!(!machine.path("x.pem").exists());
}
