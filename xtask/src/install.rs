//! What a fresh machine lacks is installed, each thing announced with its reason; what is there stays untouched.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::postgres;
use crate::process::{self, Outcome, cargo, read, works};

/// Where Debian puts the libraries of Go's own project.
const GO_LIBRARIES: &str = "/usr/share/gocode/src/golang.org/x";

/// Something outside the lock file that a step cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    Rustfmt,
    Clippy,
    Postgres,
    PgBouncer,
    Python,
    Node,
    Chromium,
    Wrk,
    Taskset,
    Patroni,
    Faketime,
    Go,
    Java,
    Ruby,
}

/// How a missing thing is got.
enum Source {
    Apt(&'static [&'static str]),
    Rustup(&'static str),
}

impl Need {
    fn is_met(self) -> bool {
        match self {
            Self::Rustfmt => read(cargo().args(["fmt", "--version"])).is_ok(),
            Self::Clippy => read(cargo().args(["clippy", "--version"])).is_ok(),
            Self::Postgres => {
                std::env::var_os(postgres::URL_VARIABLE).is_some() || postgres::binaries().is_ok()
            }
            Self::PgBouncer => works("pgbouncer", &["--version"]),
            // Debian splits these two from the interpreter, and a virtual environment needs both.
            Self::Python => works("python3", &["-c", "import venv, ensurepip"]),
            Self::Node => works("node", &["--version"]) && works("npm", &["--version"]),
            // Whoever has a Chromium of their own need not have the font: pages only look a little different.
            Self::Chromium => works("chromium", &["--version"]) && works("chromedriver", &["--version"]),
            // Asked for its version it says so, and answers 1 like to any wrong call.
            Self::Wrk => Command::new("wrk").arg("--version").output().is_ok(),
            Self::Taskset => works("taskset", &["--version"]),
            Self::Patroni => {
                works("patroni", &["--version"]) && works("etcd", &["--version"]) && works("haproxy", &["-v"])
            }
            Self::Faketime => works("faketime", &["--version"]),
            Self::Go => works("go", &["version"]) && Path::new(GO_LIBRARIES).join("oauth2").is_dir(),
            // A runtime alone cannot run a source file.
            Self::Java => works("java", &["--version"]) && works("javac", &["--version"]),
            Self::Ruby => works("ruby", &["--version"]),
        }
    }

    fn source(self) -> Source {
        match self {
            Self::Rustfmt => Source::Rustup("rustfmt"),
            Self::Clippy => Source::Rustup("clippy"),
            Self::Postgres => Source::Apt(&["postgresql"]),
            Self::PgBouncer => Source::Apt(&["pgbouncer"]),
            Self::Python => Source::Apt(&["python3", "python3-venv"]),
            // Other builds of Node.js bring npm with them, and Debian's npm would clash with those.
            Self::Node if works("node", &["--version"]) => Source::Apt(&["npm"]),
            Self::Node => Source::Apt(&["nodejs", "npm"]),
            Self::Chromium => Source::Apt(&["chromium", "chromium-driver", "fonts-liberation"]),
            Self::Wrk => Source::Apt(&["wrk"]),
            Self::Taskset => Source::Apt(&["util-linux"]),
            Self::Patroni => Source::Apt(&["patroni", "etcd-server", "haproxy"]),
            Self::Faketime => Source::Apt(&["faketime"]),
            Self::Go => Source::Apt(&["golang-go", "golang-golang-x-oauth2-dev"]),
            Self::Java => Source::Apt(&["default-jdk-headless"]),
            Self::Ruby => Source::Apt(&["ruby"]),
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Rustfmt => "checks the formatting",
            Self::Clippy => "checks the lints",
            Self::Postgres => "every storage test runs on a real PostgreSQL too",
            Self::PgBouncer => "stands between the nodes and PostgreSQL, in both of its modes",
            Self::Python => "runs the OAuth and GraphQL clients that others wrote in Python",
            Self::Node => "runs the OAuth and GraphQL clients that others wrote in JavaScript",
            Self::Chromium => "meets the pages in a browser, as people do",
            Self::Wrk => "makes the load of the measurements",
            Self::Taskset => "keeps what is measured and the load on cores of their own",
            Self::Patroni => "kills a PostgreSQL primary, so that a synchronous standby takes over",
            Self::Faketime => "sets the clock of one process back and forward",
            Self::Go => "runs the documentation's program in Go, with Debian's libraries and no network",
            Self::Java => "runs the documentation's program in Java",
            Self::Ruby => "runs the documentation's program in Ruby",
        }
    }
}

/// Installs what is missing of these.
pub(crate) fn ensure(needs: impl Iterator<Item = Need>) -> Outcome {
    let missing: BTreeSet<Need> =
        needs.collect::<BTreeSet<_>>().into_iter().filter(|need| !need.is_met()).collect();
    let mut packages = Vec::new();
    for need in &missing {
        match need.source() {
            Source::Rustup(component) => {
                println!("── install {component} with rustup: it {}", need.reason());
                read(Command::new("rustup").args(["component", "add", component]))?;
            }
            Source::Apt(names) => {
                println!("── install {} with apt-get: {}", names.join(" and "), need.reason());
                packages.extend(names);
            }
        }
    }
    if !packages.is_empty() {
        apt_get(&["update"])?;
        apt_get(&[&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat())?;
    }
    match missing.into_iter().find(|need| !need.is_met()) {
        None => Ok(()),
        Some(need) => Err(format!("{need:?} was installed and still does not work here ({})", need.reason())),
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
    let quiet = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"];
    let mut command = if is_root()? { Command::new("env") } else { Command::new("sudo") };
    if !is_root()? {
        command.arg("env");
    }
    process::read(command.args(quiet).args(arguments)).map(drop)
}

/// Do we run as root?
pub(crate) fn is_root() -> Outcome<bool> {
    Ok(read(Command::new("id").arg("-u"))?.trim() == "0")
}
