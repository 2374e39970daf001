//! Clients that others wrote work unchanged: each script in `tests/clients` drives one library against a running
//! server. `cargo xtask test` installs the libraries, exactly as the lock files beside the scripts say.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests: where they give up, the test fails")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::{Clock, workload::Preset};
use duku::system_clock::SystemClock;
use jose::{Algorithm, SigningKey, assertion::AssertionAlgorithm, keys::private_key_pem};
use serde_json::{Value, json};
use testkit::TestIssuer;

use crate::server::{Database, Server};

#[test]
fn python_requests_oauthlib() {
    proves(Language::Python, "oauthlib_client.py");
}

#[test]
fn python_authlib() {
    proves(Language::Python, "authlib_client.py");
}

#[test]
fn python_authlib_without_a_secret() {
    proves(Language::Python, "authlib_without_secret.py");
}

#[test]
fn python_pyjwt_verifies_the_token() {
    proves(Language::Python, "pyjwt_verifier.py");
}

#[test]
fn python_gql_reads_the_schema() {
    proves(Language::Python, "gql_client.py");
}

#[test]
fn python_keycloak() {
    proves(Language::Python, "keycloak_client.py");
}

#[test]
fn python_schemathesis_holds_the_description_of_the_oauth_endpoints() {
    proves(Language::Python, "openapi_description.py");
}

#[test]
fn special_characters_in_credentials() {
    proves(Language::Python, "special_characters.py");
}

#[test]
fn javascript_openid_client() {
    proves(Language::JavaScript, "openid_client.mjs");
}

#[test]
fn javascript_openid_client_without_a_secret() {
    proves(Language::JavaScript, "openid_client_without_secret.mjs");
}

#[test]
fn javascript_openid_client_signs_a_person_in() {
    proves(Language::JavaScript, "openid_client_person.mjs");
}

#[test]
fn javascript_simple_oauth2() {
    proves(Language::JavaScript, "simple_oauth2.mjs");
}

#[test]
fn javascript_jose_verifies_the_token() {
    proves(Language::JavaScript, "jose_verifier.mjs");
}

#[test]
fn javascript_graphql_request_reads_the_schema() {
    proves(Language::JavaScript, "graphql_request.mjs");
}

#[test]
fn graphql_over_http_audit_misses_no_must() {
    proves(Language::JavaScript, "graphql_http_audit.mjs");
}

#[test]
fn go_oauth2_without_a_secret() {
    proves(Language::Go, "oauth2_without_secret.go");
}

#[test]
fn java_nimbus_without_a_secret() {
    proves(Language::Java, "NimbusWithoutSecret.java");
}

/// What the Admin ada@example.org signs in with.
const PASSWORD: &str = "correct horse battery staple";

#[derive(Clone, Copy)]
enum Language {
    Python,
    JavaScript,
    Go,
    Java,
}

/// Runs the script against a new server with an organisation, a product and a key; what it says on failure is
/// the test's message.
fn proves(language: Language, script: &str) {
    let mut command = language.command(script);
    let server = Server::start(Database::Sqlite);
    make_acme(&server);
    let product = ["--org", "Acme", "--name", "Shop", "--base-url", "https://shop.example"];
    server.admin(&[&["subject", "create"], product.as_slice()].concat());
    let key = server.admin(&["key", "generate", "--org", "Acme", "--label", "client"]);

    if ["without_secret", "WithoutSecret"].iter().any(|name| script.contains(name)) {
        command.envs(without_secret(&server));
    }
    let output = command
        .env("DUKU_URL", &server.url)
        .env("DUKU_CLIENT_ID", text(&key, "client_id"))
        .env("DUKU_CLIENT_SECRET", text(&key, "client_secret"))
        .env("DUKU_TEST_PASSWORD", PASSWORD)
        // A proxy of this machine must not be asked for this machine's own address.
        .envs([("NO_PROXY", "*"), ("no_proxy", "*")])
        .output()
        .expect("the client starts");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} failed ({}):\n{said}{complained}", output.status);
    assert!(!said.trim().is_empty(), "{script} does not say what it proved");
    println!("{}", said.trim());
}

/// The organisation with an Admin who can sign in.
fn make_acme(server: &Server) {
    let mut command = server.command(&[
        "admin",
        "org",
        "create",
        "Acme",
        "--admin-email",
        "ada@example.org",
        "--password-stdin",
    ]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("duku starts");
    let written = child.stdin.take().expect("it reads").write_all(PASSWORD.as_bytes());
    assert!(written.is_ok() && child.wait().is_ok_and(|status| status.success()), "no organisation was made");
}

/// Keys without a secret, and what opens them: a private key, and two tokens of a workload.
fn without_secret(server: &Server) -> [(&'static str, String); 4] {
    let (key, document) = SigningKey::generate(Algorithm::Es256).expect("a key");
    let client = generate(
        server,
        &json!({ "label": "Own key", "publicKeys": { "keys": key.public_jwk().to_string() } }),
    );
    let issuer = TestIssuer::new("https://issuer.example", AssertionAlgorithm::Rs256);
    let workload = generate(
        server,
        &json!({ "label": "Workload", "workloadIdentity": {
            "preset": "OIDC", "issuer": issuer.url, "keySet": issuer.jwks().to_string(),
            "pins": [{ "claim": "sub", "equals": ["workload-1"] }],
        } }),
    );
    let audience = format!("{}/realms/duku", server.url);
    let token = || issuer.token(Preset::AnyOidc, &audience, SystemClock.now(), &json!({}));
    [
        ("DUKU_TEST_SECRETLESS_CLIENT_ID", client),
        ("DUKU_TEST_PRIVATE_KEY", private_key_pem(&document).to_string()),
        ("DUKU_TEST_WORKLOAD_CLIENT_ID", workload),
        ("DUKU_TEST_WORKLOAD_TOKENS", format!("{} {}", token(), token())),
    ]
}

/// Makes a key without a secret as the Admin; answers its Client ID.
fn generate(server: &Server, input: &Value) -> String {
    let document = "mutation ($input: GenerateSecretlessApiKeyInput!) { made: generateSecretlessApiKey(input: $input) { clientId } }";
    let (api, token) = (server.api(), server.admin_token());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = runtime.block_on(api.graphql(&token, document, json!({ "input": input })));
    text(&answer.data()["made"], "clientId").to_owned()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no `{name}` in {value}"))
}

impl Language {
    /// The interpreter with the script, or what was compiled from it, ready but for the environment.
    fn command(self, script: &str) -> Command {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(self.name());
        let installed = installed(self.name());
        match self {
            Self::Python => {
                let mut command = Command::new(installed.join("bin/python"));
                // `-B`: no compiled files beside the sources.
                command.arg("-B").arg(scripts.join(script));
                command
            }
            Self::JavaScript => {
                let mut command = Command::new("node");
                command.arg(beside_its_libraries(&scripts, &installed, script));
                command
            }
            Self::Go => Command::new(installed.join("bin").join(compiled(&scripts, &installed, script))),
            Self::Java => {
                let mut command = Command::new("java");
                // Java itself takes the `*` for all files of the folder.
                let [libraries, classes] = ["lib/*", "classes"].map(|part| installed.join(part));
                command.arg("-classpath").arg(format!("{}:{}", libraries.display(), classes.display()));
                command.arg(compiled(&scripts, &installed, script));
                command
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "node",
            Self::Go => "go",
            Self::Java => "java",
        }
    }
}

/// Where `cargo xtask test` has installed the libraries of one language.
pub(crate) fn installed(language: &str) -> PathBuf {
    // Cargo gives tests a folder inside the target folder, wherever that is.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder");
    let folder = target.join("clients").join(language);
    assert!(folder.join("installed-from").is_file(), "run `cargo xtask test`: it installs the clients");
    folder
}

/// The name of what was compiled from the script, which must be the script as it is now: an installation holds what it was made from.
fn compiled<'a>(scripts: &Path, installed: &Path, script: &'a str) -> &'a str {
    let read = |file: PathBuf| fs::read_to_string(file).expect("a readable file");
    let is_current = read(installed.join("installed-from")).contains(&read(scripts.join(script)));
    assert!(is_current, "{script} was changed: `cargo xtask test --only clients` compiles it anew");
    script.split('.').next().unwrap_or(script)
}

/// A JavaScript module finds its libraries only from where it lies: so it is copied to them, with what it
/// imports, into a folder of its own, since the tests run side by side.
fn beside_its_libraries(scripts: &Path, installed: &Path, script: &str) -> PathBuf {
    let folder = installed.join("run").join(script);
    fs::create_dir_all(&folder).expect("a folder for the script");
    for file in ["common.mjs", script] {
        fs::copy(scripts.join(file), folder.join(file)).expect("a copy of the script");
    }
    folder.join(script)
}
