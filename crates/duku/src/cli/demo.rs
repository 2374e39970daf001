//! `duku demo`: the main job, done in front of you against a real server with throw-away data.
//!
//! Each command is shown as it can be pasted and then really run: `duku admin` as a process of its own, `curl` as the
//! same request over HTTP. Each part has a key of its own, so that everything shown answers the same afterwards.

use super::{output, serve};
use crate::{
    command_error::CommandError,
    settings::{Settings, Switch, Urls, token_endpoint},
};
use clap::Args;
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, stdout},
    path::{Path, PathBuf},
};
use tokio::{
    net::TcpListener,
    process::Command,
    signal::unix::{SignalKind, signal},
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  duku demo            (Ctrl-C ends it and deletes its data)")]
pub(crate) struct Demo {
    /// Stop after the last step instead of serving on
    #[arg(long)]
    exit: bool,
}

/// What would lead a command away from the demo's own data and server.
const FOREIGN: [&str; 6] = [
    "DUKU_DATABASE_URL",
    "DUKU_MASTER_KEY_FILE",
    "DUKU_CONFIG",
    "DUKU_PUBLIC_URL",
    "DUKU_PLATFORM_URL",
    "DUKU_AUTH_URL",
];

/// A key's pair, as `duku admin key generate --json` prints it.
struct Pair {
    client_id: String,
    client_secret: String,
}

/// What a query is to be answered with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Data,
    Rejection,
}

struct DemoData {
    program: String,
    data_dir: PathBuf,
    urls: Urls,
    realm: String,
    client: Client,
}

impl Demo {
    pub(crate) async fn run(self, settings: Settings) -> Result<(), CommandError> {
        let dir = tempfile::Builder::new().prefix("duku-demo-").tempdir()?;
        let settings = throw_away(settings, dir.path()).await;
        let realm = settings.realm.clone();
        let prepared = serve::prepare(settings).await?;
        let demo = DemoData {
            program: program(),
            data_dir: dir.path().to_owned(),
            urls: prepared.urls.clone(),
            realm,
            client: Client::new(),
        };
        // Listened to from the start, so that the data is deleted however the demo ends.
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut serving = tokio::spawn(prepared.serve());
        tokio::select! {
            played = demo.play() => played?,
            served = &mut serving => return served.map_err(|error| CommandError::new(error.to_string()))?,
            _ = hang_up.recv() => return Ok(()),
        }
        if self.exit {
            serving.abort();
            return Ok(());
        }
        output::line(&format!(
            "\nThe server goes on at {}: paste any command above. Ctrl-C stops it and deletes its data.",
            demo.urls.platform
        ))?;
        tokio::select! {
            served = serving => served.map_err(|error| CommandError::new(error.to_string()))?,
            _ = hang_up.recv() => Ok(()),
        }
    }
}

/// The user's settings, on data that nobody will miss and a port that is free.
async fn throw_away(settings: Settings, dir: &Path) -> Settings {
    let taken = TcpListener::bind(&settings.listen).await.is_err();
    let listen = if taken { "127.0.0.1:0".to_owned() } else { settings.listen.clone() };
    Settings {
        data_dir: dir.to_owned(),
        database_url: None,
        master_key_file: None,
        metrics_listen: Some("off".to_owned()),
        public_url: None,
        auth_url: None,
        platform_url: None,
        active_keys: 10,
        rate_limit: Switch::On,
        listen,
        ..settings
    }
}

/// How this very program can be started again from here.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("duku"));
    let here = std::env::current_dir().ok();
    let short = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    quoted(&match short {
        Some(short) if short.parent() == Some(Path::new("")) => format!("./{}", short.display()),
        Some(short) => short.display().to_string(),
        None => path.display().to_string(),
    })
}

impl DemoData {
    async fn play(&self) -> Result<(), CommandError> {
        self.set().await?;
        self.use_a_key().await?;
        self.rotate_a_key().await?;
        self.revoke_a_key().await?;
        self.verify().await?;
        self.open_viewport().await
    }

    async fn set(&self) -> Result<(), CommandError> {
        title("An organisation, its Admin and a product")?;
        shell(&format!("unset {}", FOREIGN.join(" ")))?;
        shell(&format!("export DUKU_DATA_DIR={}", quoted(&self.data_dir.display().to_string())))?;
        self.admin(&["org", "create", "Demo", "--admin-email", "ada@example.org"]).await?;
        let product =
            ["subject", "create", "--org", "Demo", "--name", "Shop", "--base-url", "https://shop.example"];
        self.admin(&product).await.map(drop)
    }

    async fn generate(&self, label: &str) -> Result<Pair, CommandError> {
        title(&format!("An API key, {label}: its secret is shown this once"))?;
        let made = self.admin(&["key", "generate", "--org", "Demo", "--label", label]).await?;
        Ok(Pair { client_id: text(&made, "client_id")?, client_secret: text(&made, "client_secret")? })
    }

    async fn use_a_key(&self) -> Result<(), CommandError> {
        let pair = self.generate("GitHub Actions").await?;
        title("Exchange it for an access token of five minutes")?;
        let token = text(&self.exchange(&pair).await?, "access_token")?;
        title("Use the token: the organisation's products over GraphQL")?;
        self.query("TOKEN", &token, Expect::Data).await
    }

    async fn rotate_a_key(&self) -> Result<(), CommandError> {
        let previous = self.generate("Nightly build").await?;
        title("Rotate it: from the answer on, the previous secret is rejected and says why")?;
        let rotated = self.admin(&["key", "rotate", &previous.client_id]).await?;
        self.exchange(&previous).await?;
        title("The new secret works")?;
        let pair = Pair { client_secret: text(&rotated, "client_secret")?, client_id: previous.client_id };
        self.exchange(&pair).await.map(drop)
    }

    async fn revoke_a_key(&self) -> Result<(), CommandError> {
        let pair = self.generate("Leaked somewhere").await?;
        title("It gets a token, and the token works")?;
        let token = text(&self.exchange(&pair).await?, "access_token")?;
        self.query("LEAKED", &token, Expect::Data).await?;
        title("Revoke it: the token is rejected at once")?;
        self.admin(&["key", "revoke", &pair.client_id]).await?;
        self.query("LEAKED", &token, Expect::Rejection).await?;
        title("And so is the pair")?;
        self.exchange(&pair).await.map(drop)
    }

    async fn verify(&self) -> Result<(), CommandError> {
        title("The audit log knows all of it, and that nothing was changed since")?;
        Ok(show(&self.run_admin(&["audit", "verify"]).await?)?)
    }

    async fn open_viewport(&self) -> Result<(), CommandError> {
        title("The same in Viewport, the dashboard: set Ada's password by the link, then sign in")?;
        self.admin(&["user", "reset-password", "ada@example.org"]).await.map(drop)
    }

    /// Runs `duku admin …` and shows what it printed.
    async fn admin(&self, arguments: &[&str]) -> Result<Value, CommandError> {
        let arguments: Vec<&str> = std::iter::once("admin").chain(arguments.iter().copied()).collect();
        let answer = self.run_admin(&arguments).await?;
        show(&answer)?;
        Ok(answer)
    }

    async fn run_admin(&self, arguments: &[&str]) -> Result<Value, CommandError> {
        let shown: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
        shell(&format!("{} {} --json", self.program, shown.join(" ")))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).arg("--json").env("DUKU_DATA_DIR", &self.data_dir);
        for variable in FOREIGN {
            command.env_remove(variable);
        }
        let done = command.output().await?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            let said = said.trim();
            return Err(CommandError::new(said.strip_prefix("duku: ").unwrap_or(said)));
        }
        Ok(serde_json::from_slice(&done.stdout)?)
    }

    /// Sends what the shown `curl` would send and shows the answer.
    async fn exchange(&self, pair: &Pair) -> Result<Value, CommandError> {
        let url = token_endpoint(&self.urls.auth, &self.realm);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", pair.client_id.as_str()),
            ("client_secret", pair.client_secret.as_str()),
            ("scope", "openid"),
        ];
        let parameters: Vec<String> =
            form.iter().map(|(name, value)| format!("-d '{name}={value}'")).collect();
        shell(&format!("curl -X POST {url} \\\n    {}", parameters.join(" \\\n    ")))?;
        let answer: Value =
            self.client.post(&url).form(&form).send().await.map_err(broken)?.json().await.map_err(broken)?;
        show(&shortened(&answer))?;
        Ok(answer)
    }

    /// Queries with a token that the shell knows as `$variable`.
    async fn query(&self, variable: &str, token: &str, expect: Expect) -> Result<(), CommandError> {
        let url = format!("{}/graphql", self.urls.platform);
        let body = json!({ "query": "{ subjects { id name } }" });
        if expect == Expect::Data {
            shell(&format!("{variable}={token}"))?;
        }
        shell(&format!(
            "curl -X POST {url} \\\n    -H \"Authorization: Bearer ${variable}\" \\\n    \
             -H 'Content-Type: application/json' \\\n    -d '{body}'"
        ))?;
        let request = self.client.post(&url).bearer_auth(token).json(&body);
        let answer: Value = request.send().await.map_err(broken)?.json().await.map_err(broken)?;
        show(&answer)?;
        if answer.get("data").is_some() == (expect == Expect::Data) {
            return Ok(());
        }
        Err(CommandError::new("the server did not answer as promised: this is a defect, please report it"))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over")]
fn broken(error: reqwest::Error) -> CommandError {
    CommandError::new(format!("the demo lost its own server: {error}"))
}

fn text(answer: &Value, name: &str) -> Result<String, CommandError> {
    let found = answer.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    found.ok_or_else(|| CommandError::new(format!("the answer has no {name}: {answer}")))
}

/// An argument as a shell needs it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '=');
    if argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

fn title(text: &str) -> std::io::Result<()> {
    let styled = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if styled {
        output::line(&format!("\n\x1b[1m{text}\x1b[0m"))
    } else {
        output::line(&format!("\n# {text}"))
    }
}

fn shell(command: &str) -> std::io::Result<()> {
    output::line(&format!("  {command}"))
}

/// The same answer with its token cut: whole, it stands in the command that uses it.
fn shortened(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(Value::String(token)) = answer.get_mut("access_token") {
        *token = format!("{}...", token.chars().take(20).collect::<String>());
    }
    answer
}

fn show(answer: &Value) -> std::io::Result<()> {
    output::line(
        &format!("{answer:#}").lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"),
    )
}
