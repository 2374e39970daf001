//! The programs in five languages, each run as it stands.

use super::{Rule, blocks, fences::Fence};
use crate::{
    oauth::clients::installed,
    server::{Database, Server, duku},
};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use testkit::Pair;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
    Go,
    Java,
    Ruby,
}

impl Language {
    pub(super) fn of(info: &str) -> Option<Self> {
        Some(match info {
            "python" => Self::Python,
            "javascript" => Self::JavaScript,
            "go" => Self::Go,
            "java" => Self::Java,
            "ruby" => Self::Ruby,
            _ => return None,
        })
    }

    /// What the page says that it is saved as.
    const fn file(self) -> &'static str {
        match self {
            Self::Python => "duku.py",
            Self::JavaScript => "duku.mjs",
            Self::Go => "main.go",
            Self::Java => "Duku.java",
            Self::Ruby => "duku.rb",
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Python => Command::new(installed("python").join("bin/python")),
            Self::JavaScript => Command::new("node"),
            Self::Go => go(),
            Self::Java => Command::new("java"),
            Self::Ruby => Command::new("ruby"),
        }
    }
}

/// With Debian's libraries, so that nothing comes from the network.
fn go() -> Command {
    let mut command = Command::new("go");
    command.arg("run").envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")]);
    command.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"));
    command
}

fn run(language: Language, file: &Path, url: &str, pair: &Pair) -> Output {
    let mut command = language.command();
    for (name, _) in duku(&[]).get_envs() {
        command.env_remove(name);
    }
    command
        .arg(file)
        .envs([
            ("DUKU_URL", url),
            ("DUKU_CLIENT_ID", &pair.client_id),
            ("DUKU_CLIENT_SECRET", &pair.client_secret),
        ])
        // A proxy of this machine must not be asked for this machine's own address.
        .envs([("NO_PROXY", "*"), ("no_proxy", "*")])
        .output()
        .unwrap_or_else(|error| panic!("{language:?} ({error}): `cargo xtask test` installs it"))
}

/// With the right secret it names the product; with a wrong one it fails, and says that the exchange was rejected and why.
fn works(language: Language, program: &Fence, url: &str, pair: &Pair) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(language.file());
    fs::write(&file, &program.text).unwrap();
    let place = program.place();

    let output = run(language, &file, url, pair);
    let (said, complained) = words(&output);
    assert!(output.status.success(), "{place}: {}:\n{said}{complained}", output.status);
    assert_eq!((said.trim(), complained.trim()), ("Shop", ""), "{place}");

    let wrong = Pair { client_secret: "not-the-secret".to_owned(), ..pair.clone() };
    let output = run(language, &file, url, &wrong);
    let (said, complained) = words(&output);
    assert!(!output.status.success() && said.is_empty(), "{place}: with a wrong secret it says {said}");
    let mut lines = complained.lines();
    let reason =
        lines.next().filter(|line| line.contains("The exchange was rejected: ") && line.ends_with(REFUSAL));
    // `go run` adds the status.
    assert!(reason.is_some() && lines.count() <= 1, "{place}: with a wrong secret it says\n{complained}");
    assert!(!complained.contains("not-the-secret"), "{place}: it shows the secret:\n{complained}");
}

/// How the server's words of a wrong secret end.
const REFUSAL: &str = "in Viewport under Settings > API Keys.";

fn words(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn all_work(language: Language) {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    server.admin(&["subject", "create", "--org", "Acme", "--name", "Shop"]);
    let pair = server.generate("program");
    for program in blocks(Rule::Program(language)) {
        works(language, &program, &server.url, &pair);
    }
}

#[test]
fn python() {
    all_work(Language::Python);
}

#[test]
fn javascript() {
    all_work(Language::JavaScript);
}

#[test]
fn go_from_debian() {
    all_work(Language::Go);
}

#[test]
fn java() {
    all_work(Language::Java);
}

#[test]
fn ruby() {
    all_work(Language::Ruby);
}

/// It names the client of a good token and fails for one that was changed.
#[test]
fn a_service_verifies_a_token() {
    let server = Server::start(Database::Sqlite);
    server.make_acme();
    let pair = server.generate("verifier");
    let output = duku(&["token"])
        .env("DUKU_URL", &server.url)
        .envs([("DUKU_CLIENT_ID", &pair.client_id), ("DUKU_CLIENT_SECRET", &pair.client_secret)])
        .output()
        .unwrap();
    let (token, complained) = words(&output);
    assert!(output.status.success(), "{complained}");
    for program in blocks(Rule::Verifier) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("verify.py");
        fs::write(&file, &program.text).unwrap();
        let verify = |token: &str| {
            Language::Python
                .command()
                .arg(&file)
                .env("TOKEN", token)
                .env("DUKU_ISSUER", format!("{}/realms/duku", server.url))
                .env("DUKU_AUDIENCE", format!("{}/graphql", server.url))
                .envs([("NO_PROXY", "*"), ("no_proxy", "*")])
                .output()
                .unwrap()
        };
        let output = verify(token.trim());
        let (said, complained) = words(&output);
        assert!(output.status.success(), "{}: {complained}", program.place());
        assert_eq!(said.trim(), format!("{} Acme", pair.client_id), "{}", program.place());
        let (front, signature) = token.trim().rsplit_once('.').unwrap();
        let changed: String = signature.chars().rev().collect();
        assert!(!verify(&format!("{front}.{changed}")).status.success(), "{}", program.place());
    }
}
