//! After a whole life of keys, no secret is in any file, log line or metric.

use crate::server::{Database, Server};
use serde_json::{Value, json};
use std::{fs, path::Path};
use testkit::{Answer, Pair};

crate::on_both! {
    no_secret_is_in_any_file_log_or_metric
}

/// Looks for `needle` in every file below `folder`.
fn files_with(folder: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, needle, found);
        } else if fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle) {
            found.push(path.display().to_string());
        }
    }
}

async fn no_secret_is_in_any_file_log_or_metric(engine: Database) {
    let mut server = Server::start_with(engine, &[("DUKU_LOG", "trace")]);
    let password = "correct horse battery staple";
    let make =
        ["admin", "org", "create", "Acme", "--admin-email", "ada@example.org", "--password-stdin", "--json"];
    let mut child = server.command(&make).stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), password.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());

    let (api, admin) = (server.api(), server.admin_token());
    let first = server.generate("CI");
    let token = api.token(&first).await;
    assert!(api.accepts(&token).await);
    let query = format!(
        "mutation {{ rotateApiKey(input: {{ id: \"{}\", graceSeconds: 60 }}) {{ clientId clientSecret }} }}",
        first.client_id
    );
    let second = Pair::of(&api.graphql(&admin, &query, Value::Null).await.data()["rotateApiKey"]);
    api.exchange(&Pair { client_secret: "dks_guess".into(), ..first.clone() }).await;
    let in_url = format!("{}?client_secret={}", api.protocol("token"), second.client_secret);
    Answer::of(api.client().post(in_url).form(&[("grant_type", "client_credentials")])).await;
    let echoed = api.graphql(&admin, &format!("{{ {} }}", second.client_secret), Value::Null).await;
    api.graphql(
        &admin,
        "mutation ($s: String!) { createSubject(input: { name: $s, baseUrl: $s }) { id } }",
        json!({ "s": second.client_secret }),
    )
    .await;
    assert!(echoed.status.is_success() || echoed.status.is_client_error());
    let mut of_people = sign_in(&api, password).await;
    of_people.push(follow_link(&server, &api).await);
    server.admin(&["key", "revoke", &first.client_id]);
    let dead = api.exchange(&second).await;
    let metrics = Answer::of(api.client().get(server.metrics_url())).await.text;
    assert!(server.stop());

    let log = fs::read_to_string(&server.log).unwrap();
    assert!(log.lines().filter(|line| line.contains("answered")).count() > 5, "the log was on: {log}");
    let master_key = fs::read_to_string(server.data_dir.join("master.key")).unwrap();
    let dump = dump(&server, engine);
    let folder = server.data_dir.parent().unwrap();
    let secrets = [&first.client_secret, &second.client_secret, &token, &admin, &password.to_owned()];
    for secret in secrets.into_iter().chain(&of_people) {
        let mut found = Vec::new();
        files_with(folder, secret.as_bytes(), &mut found);
        assert_eq!(found, Vec::<String>::new(), "a secret is in a file");
        assert!(!metrics.contains(secret.as_str()) && !dead.text.contains(secret.as_str()));
        assert!(!dump.contains(secret.as_str()), "a secret is in the database");
    }
    assert!(!log.contains(master_key.trim()) && !dump.contains(master_key.trim()));
    assert!(!metrics.contains(&first.client_id), "no label per key");
}

/// Everything secret that a sign-in, its code and a device bring.
async fn sign_in(api: &testkit::Api, password: &str) -> Vec<String> {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = jose::base64url::encode(&jose::sha256(verifier.as_bytes()));
    let redirect_uri = format!("{}/login/callback", api.url);
    let query = [
        ("client_id", "viewport"),
        ("redirect_uri", &redirect_uri),
        ("response_type", "code"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let request = api.client().post(format!("{}?{}", api.protocol("auth"), encoded(&query)));
    let answer = Answer::of(request.form(&[("email", "ada@example.org"), ("password", password)])).await;
    let cookie = answer.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned();
    let location = url::Url::parse(answer.header("location")).unwrap();
    let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "viewport"),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", verifier),
    ];
    let issued = Answer::of(api.client().post(api.protocol("token")).form(&form)).await.json();
    let device =
        Answer::of(api.client().post(api.protocol("auth/device")).form(&[("client_id", "duku-cli")]))
            .await
            .json();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let (access_token, id_token) = (text(&issued, "access_token"), text(&issued, "id_token"));
    vec![cookie, code, verifier.to_owned(), access_token, id_token, text(&device, "device_code")]
}

/// The secret of a link that sets a password, after it was opened and used.
async fn follow_link(server: &Server, api: &testkit::Api) -> String {
    let made = server.admin(&["user", "reset-password", "ada@example.org"]);
    let link = made["link"].as_str().unwrap();
    let opened = Answer::of(api.client().get(link)).await;
    assert_eq!(opened.status, 200, "{}", opened.text);
    let rejected = Answer::of(api.client().post(link).form(&[("password", "short")])).await;
    assert_eq!(rejected.status, 422, "{}", rejected.text);
    let form = [("password", "correct horse battery staple")];
    let foreign = api.client().post(link).header("sec-fetch-site", "cross-site").form(&form);
    assert_eq!(Answer::of(foreign).await.status, 403);
    // Copied with one character too many.
    assert_eq!(Answer::of(api.client().get(format!("{link}/"))).await.status, 404);
    link.rsplit('/').next().unwrap().to_owned()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// PostgreSQL's tables as text; SQLite's are a file among the others.
fn dump(server: &Server, engine: Database) -> String {
    if engine == Database::Sqlite {
        return String::new();
    }
    let url = server.database_url().unwrap();
    let output = std::process::Command::new("pg_dump").arg(url).output().expect("pg_dump is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("api_keys"));
    text
}
