//! The commands of each page, run as a reader runs them: from the top, in one shell, against a server.

use super::{Rule, blocks, fences::Fence};
use crate::server::{Database, Server, duku, free_port};
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, process::Command};

/// Each page with commands: a test, and what its commands must have said at the end.
macro_rules! pages {
    ($($test:ident $page:literal $says:expr;)*) => {
        const PAGES: &[&str] = &[$($page),*];

        $(#[test]
        fn $test() {
            run($page, &$says);
        })*
    };
}

pages! {
    getting_started "getting-started.md" [r#""subjects":[{"id":"sbj_"#, r#""name":"Shop""#, "The key is key_", "/reset/"];
    quick_start "quick-start.md" ["Shop"];
    api_keys "integrations/api-keys.md" [r#""access_token":"ey"#, r#""name":"Shop""#];
    manage_keys "integrations/manage-keys.md" ["Nightly build"];
    client_secret "integrations/client-secret.md" [r#""kind":"API_KEY""#];
    key_expiry "integrations/key-expiry.md" ["The secret expires in 89 days"];
    rotate_without_downtime "guides/rotate-without-downtime.md" ["The previous secret"];
    leaked_secret "guides/leaked-secret.md" [];
    verify_tokens "guides/verify-tokens.md" ["ES256", r#""org_name": "Acme""#];
    versions "reference/versions.md" ["duku 0."];
    oauth_endpoints "reference/oauth-endpoints.md" [r#""active":true"#];
    graphql_api "integrations/graphql-api.md" [r#""targets":[]"#, r#""organisation":{"name":"Acme"}"#];
    ci "integrations/ci.md" ["The first product is sbj_", r#""upsertSimulationTarget":{"id":"smt_"#];
    asking "asking.md" ["# API keys", "/docs/getting-started.md)", "## Answer", "## Sources", r#""excerpts""#];
    static_tokens "migrating/static-tokens.md" [r#""name":"Shop""#];
    keycloak "migrating/keycloak.md" [r#""expires_in":300"#];
}

#[test]
fn every_page_with_commands_is_run() {
    let with: BTreeSet<_> = blocks(Rule::Run).into_iter().map(|fence| fence.page).collect();
    assert_eq!(with, PAGES.iter().map(|page| (*page).to_owned()).collect());
}

/// No page takes as long, also where the machine is busy.
const SECONDS: &str = "180";
/// What was started in the background ends with the shell.
const PROLOGUE: &str =
    "set -euo pipefail\nexec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null && wait || true' EXIT\n";
/// Stands before what a block says, with its line.
const MARK: &str = "── the block of line ";

fn run(page: &str, says: &[&str]) {
    let blocks: Vec<_> = blocks(Rule::Run).into_iter().filter(|fence| fence.page == page).collect();
    let sandbox = Sandbox::of(page);
    let said = sandbox.run(&blocks).unwrap_or_else(|problem| panic!("{problem}"));
    for words in says {
        assert!(said.contains(words), "docs/{page}: its commands never say {words}:\n{said}");
    }
}

/// Where a page's commands run.
struct Sandbox {
    folder: tempfile::TempDir,
    /// None where the page starts its own.
    server: Option<Server>,
    shell: Command,
    /// What stands on the page, and what it is here.
    addresses: [(&'static str, String); 7],
}

impl Sandbox {
    fn of(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if page == "getting-started.md" { Self::empty(folder) } else { Self::with_acme(folder) }
    }

    /// Nothing is there but the program. Only its ports are others, since tests run side by side.
    fn empty(folder: tempfile::TempDir) -> Self {
        let ports = [free_port(), free_port()];
        let [url, metrics] = ports.map(|port| format!("127.0.0.1:{port}"));
        let mut shell = shell(folder.path());
        shell.env("DUKU_LISTEN", &url).env("DUKU_METRICS_LISTEN", &metrics).env("DUKU_DRAIN_SECONDS", "0");
        shell.env("DUKU_URL", format!("http://{url}"));
        Self { folder, server: None, shell, addresses: addresses(&url, &metrics) }
    }

    /// A server runs, Acme has an Admin, a product and a key, which is in the environment.
    fn with_acme(folder: tempfile::TempDir) -> Self {
        let server = Server::start(Database::Sqlite);
        server.make_acme();
        server.admin(&[
            "subject",
            "create",
            "--org",
            "Acme",
            "--name",
            "Shop",
            "--base-url",
            "https://shop.example",
        ]);
        let key = server.generate("documentation");
        let mut shell = shell(folder.path());
        shell.envs(server.environment()).env("DUKU_URL", &server.url);
        shell.env("DUKU_CLIENT_ID", &key.client_id).env("DUKU_CLIENT_SECRET", &key.client_secret);
        let addresses = addresses(&server.url, &server.metrics_url());
        Self { folder, server: Some(server), shell, addresses }
    }

    /// Runs the blocks in one shell: all that they said, or which of them failed and what it said.
    fn run(mut self, blocks: &[Fence]) -> Result<String, String> {
        let file = self.folder.path().join("page.sh");
        fs::write(&file, self.script(blocks)).unwrap();
        let output = self.shell.arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let (_, last) = said.rsplit_once(MARK).unwrap_or_default();
        let (line, last) = last.split_once('\n').unwrap_or_default();
        let log = self.server.as_ref().map(|server| fs::read_to_string(&server.log).unwrap_or_default());
        let log = log.unwrap_or_default();
        let page = blocks.first().map_or("", |fence| &fence.page);
        Err(format!("docs/{page}:{line}: this block failed ({}) and said:\n{last}\n{log}", output.status))
    }

    fn script(&self, blocks: &[Fence]) -> String {
        let mut script = PROLOGUE.to_owned();
        for fence in blocks {
            let text = self
                .addresses
                .iter()
                .fold(fence.text.clone(), |text, (there, here)| text.replace(there, here));
            writeln!(script, "printf '\\n%s\\n' '{MARK}{}'\n{text}", fence.line).unwrap();
        }
        script
    }
}

fn addresses(url: &str, metrics: &str) -> [(&'static str, String); 7] {
    let host = |url: &str| {
        let bare = url.trim_start_matches("http://");
        bare.split('/').next().unwrap_or_default().to_owned()
    };
    let here = format!("http://{}", host(url));
    [
        ("127.0.0.1:8080", host(url)),
        ("127.0.0.1:9090", host(metrics)),
        ("https://auth.duku.ai", here.clone()),
        ("https://platform.duku.ai", here),
        ("<your_client_id>", "$DUKU_CLIENT_ID".to_owned()),
        ("<your_client_secret>", "$DUKU_CLIENT_SECRET".to_owned()),
        ("<access_token>", "$(duku token)".to_owned()),
    ]
}

/// A shell in a folder of its own that finds this `duku` first.
fn shell(folder: &Path) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_duku")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("timeout");
    for (name, _) in duku(&[]).get_envs() {
        shell.env_remove(name);
    }
    shell.args(["--kill-after=5", SECONDS, "bash"]).current_dir(folder);
    // A proxy of this machine must not be asked for this machine's own address.
    shell.env("PATH", path).env("HOME", folder).envs([("NO_PROXY", "*"), ("no_proxy", "*")]);
    shell
}

#[test]
fn a_block_that_fails_is_named_with_what_it_said() {
    let block = |line, text: &str| Fence {
        page: "a.md".to_owned(),
        line,
        info: "sh".to_owned(),
        text: text.to_owned(),
    };
    let sandbox = Sandbox::empty(tempfile::tempdir().unwrap());
    let blocks = [block(3, "WORD=kept\nsleep 60 &\n"), block(7, "echo $WORD\nfalse | true\necho never\n")];
    let problem = sandbox.run(&blocks).unwrap_err();
    assert!(
        problem.starts_with("docs/a.md:7: this block failed (exit status: 1) and said:\nkept\n"),
        "{problem}"
    );
    assert!(!problem.contains("never"), "{problem}");
}
