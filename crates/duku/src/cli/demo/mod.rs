//! `duku demo`: the main job, done in front of you against a real server with throw-away data.
//!
//! Each command is shown as it can be pasted and then really run: `duku` as a process of its own, `curl` as the same request over
//! HTTP. Each part has a key of its own, so that what reads answers the same afterwards.

mod environment;
mod story;

use super::{
    next::{Next, quoted},
    output, serve,
};
use crate::{
    command_error::CommandError,
    settings::{Settings, Urls, token_endpoint},
};
use clap::Args;
use environment::{Environment, FOREIGN, throw_away};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::{cell::RefCell, path::PathBuf};
use story::{Brief, shortened};
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  duku demo                (Ctrl-C ends it and deletes its data)\n  duku demo --verbose      (every request and answer as it is)"
)]
pub(crate) struct Demo {
    /// Stop after the last step instead of serving on
    #[arg(long)]
    exit: bool,
    /// Show every command in full, with its whole answer
    #[arg(long, short)]
    verbose: bool,
}

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

/// What the API is asked.
const QUERY: &str = "{ subjects { id name } }";

const SEEN: &str = "\nSeen: a key, its exchange and a query; a rotation and a revocation that hold at once.";

struct DemoData {
    verbose: bool,
    program: String,
    data_dir: PathBuf,
    urls: Urls,
    token_url: String,
    client: Client,
    environment: RefCell<Environment>,
}

impl Demo {
    pub(crate) async fn run(self, settings: Settings, next: &Next) -> Result<(), CommandError> {
        let dir = tempfile::Builder::new().prefix("duku-demo-").tempdir()?;
        let settings = throw_away(settings, dir.path()).await;
        let realm = settings.realm.clone();
        let prepared = serve::prepare(settings).await?;
        let urls = prepared.urls.clone();
        let demo = DemoData {
            verbose: self.verbose,
            program: next.program().to_owned(),
            data_dir: dir.path().to_owned(),
            token_url: token_endpoint(&urls.auth, &realm),
            environment: RefCell::new(Environment::make(dir.path())?),
            client: Client::new(),
            urls,
        };
        // Listened to from the start, so that the data is deleted however the demo ends.
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut serving = tokio::spawn(prepared.serve());
        tokio::select! {
            played = demo.play(self.exit) => played?,
            served = &mut serving => return served.map_err(|error| CommandError::new(error.to_string()))?,
            _ = hang_up.recv() => return Ok(()),
        }
        if self.exit {
            serving.abort();
            return Ok(());
        }
        tokio::select! {
            served = serving => served.map_err(|error| CommandError::new(error.to_string()))?,
            _ = hang_up.recv() => Ok(()),
        }
    }
}

impl DemoData {
    async fn play(&self, exit: bool) -> Result<(), CommandError> {
        self.begin()?;
        self.set_up().await?;
        self.use_a_key().await?;
        self.rotate_a_key().await?;
        self.revoke_a_key().await?;
        // The entry that it makes in the audit log is part of what is checked.
        let link = if self.verbose || exit { None } else { Some(self.reset_password().await?) };
        self.verify().await?;
        match link {
            Some(link) => self.serve_on(&link),
            None if self.verbose => self.end_in_full(exit).await,
            None => self.end(),
        }
    }

    fn begin(&self) -> Result<(), CommandError> {
        let mut environment = self.environment.borrow_mut();
        environment.add("DUKU_URL", &self.urls.platform)?;
        environment.add("TOKEN_URL", &self.token_url)?;
        if !self.verbose {
            output::line(&format!(
                "Duku does its main job here, on throw-away data. To paste a command into another terminal, run this in it first:\n  . {}\n",
                quoted(&environment.path().display().to_string())
            ))?;
        }
        Ok(())
    }

    async fn set_up(&self) -> Result<(), CommandError> {
        self.title(
            Some("1  An organisation with its Admin, and a product"),
            "An organisation, its Admin and a product",
        )?;
        self.full(&format!("unset {}", FOREIGN.join(" ")))?;
        self.full(&format!("export DUKU_DATA_DIR={}", quoted(&self.data_dir.display().to_string())))?;
        let create = ["org", "create", "Demo", "--admin-email", "ada@example.org"];
        let said = |made: &Value| Ok(format!("Demo is {}; its Admin is ada@example.org", text(made, "id")?));
        self.admin(&create, Some(Brief::of_same_words(&said))).await?;
        let create =
            ["subject", "create", "--org", "Demo", "--name", "Shop", "--base-url", "https://shop.example"];
        let said = |made: &Value| Ok(format!("Shop is {}", text(made, "id")?));
        self.admin(&create, Some(Brief::of_same_words(&said))).await.map(drop)
    }

    async fn generate(&self, label: &str, brief: Option<Brief<'_>>) -> Result<Pair, CommandError> {
        let shown = brief.is_some().then_some("2  An API key; its secret is shown this once");
        self.title(shown, &format!("An API key, {label}: its secret is shown this once"))?;
        let made = self.admin(&["key", "generate", "--org", "Demo", "--label", label], brief).await?;
        Ok(Pair { client_id: text(&made, "client_id")?, client_secret: text(&made, "client_secret")? })
    }

    async fn use_a_key(&self) -> Result<(), CommandError> {
        let pair = self.generate("GitHub Actions", Some(Brief::of_same_words(&new_secret))).await?;
        self.keep(&[("DUKU_CLIENT_ID", &pair.client_id), ("DUKU_CLIENT_SECRET", &pair.client_secret)])?;
        self.title(
            Some("3  A pipeline exchanges it for an access token of five minutes"),
            "Exchange it for an access token of five minutes",
        )?;
        let token = self.exchange(&pair, Some(("DUKU_CLIENT_ID", "DUKU_CLIENT_SECRET"))).await?;
        self.title(
            Some("4  With a token the GraphQL API answers; duku query does both at once"),
            "Use the token: the organisation's products over GraphQL",
        )?;
        if self.verbose {
            return self.query("TOKEN", &text(&token, "access_token")?, Expect::Data).await;
        }
        self.command(&format!("duku query '{QUERY}'"), "")?;
        let mut command = self.process(&["query", QUERY])?;
        command.env("DUKU_URL", &self.urls.platform).env_remove("DUKU_API_KEY");
        command.env("DUKU_CLIENT_ID", &pair.client_id).env("DUKU_CLIENT_SECRET", &pair.client_secret);
        self.result(&run(command).await?.to_string())
    }

    async fn rotate_a_key(&self) -> Result<(), CommandError> {
        let previous = self.generate("Nightly build", None).await?;
        self.keep(&[("ROTATED_ID", &previous.client_id), ("PREVIOUS_SECRET", &previous.client_secret)])?;
        self.title(
            Some("5  Rotate another key: its previous secret is rejected at once, and says why"),
            "Rotate it: from the answer on, the previous secret is rejected and says why",
        )?;
        let brief = Brief { command: Some("admin key rotate \"$ROTATED_ID\""), result: &new_secret };
        let rotated = self.admin(&["key", "rotate", &previous.client_id], Some(brief)).await?;
        self.exchange(&previous, Some(("ROTATED_ID", "PREVIOUS_SECRET"))).await?;
        self.title(None, "The new secret works")?;
        let pair = Pair { client_secret: text(&rotated, "client_secret")?, client_id: previous.client_id };
        self.exchange(&pair, None).await.map(drop)
    }

    async fn revoke_a_key(&self) -> Result<(), CommandError> {
        let pair = self.generate("Leaked somewhere", None).await?;
        self.title(None, "It gets a token, and the token works")?;
        let token = text(&self.exchange(&pair, None).await?, "access_token")?;
        self.keep(&[("REVOKED_ID", &pair.client_id), ("ITS_TOKEN", &token)])?;
        if self.verbose {
            self.query("LEAKED", &token, Expect::Data).await?;
        }
        self.title(
            Some("6  Revoke a third one: the tokens that it got are rejected at once"),
            "Revoke it: the token is rejected at once",
        )?;
        let said = |_: &Value| Ok("its secret and its tokens are rejected now".to_owned());
        let brief = Brief { command: Some("admin key revoke \"$REVOKED_ID\""), result: &said };
        self.admin(&["key", "revoke", &pair.client_id], Some(brief)).await?;
        self.query(if self.verbose { "LEAKED" } else { "ITS_TOKEN" }, &token, Expect::Rejection).await?;
        self.title(None, "And so is the pair")?;
        self.exchange(&pair, None).await.map(drop)
    }

    async fn verify(&self) -> Result<(), CommandError> {
        self.title(
            Some("7  The audit log holds all of it, and nothing in it was changed since"),
            "The audit log knows all of it, and that nothing was changed since",
        )?;
        let said = |verified: &Value| {
            let chains = verified.get("chains").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let entries: i64 = chains.iter().filter_map(|chain| chain.get("entries")?.as_i64()).sum();
            let state = if verified.get("intact") == Some(&json!(true)) { "intact" } else { "damaged" };
            Ok(format!("{entries} entries in {} chains, {state}", chains.len()))
        };
        self.duku(&["audit", "verify"], Some(Brief::of_same_words(&said))).await.map(drop)
    }

    /// A link that sets Ada's password.
    async fn reset_password(&self) -> Result<String, CommandError> {
        text(&self.admin(&["user", "reset-password", "ada@example.org"], None).await?, "link")
    }

    fn serve_on(&self, link: &str) -> Result<(), CommandError> {
        Ok(output::line(&format!(
            "{SEEN}\n\
             Next, Viewport at {}/ for ada@example.org, whose password this link sets:\n  {link}\n\
             Or with the key, and on the data:\n  \
             duku whoami\n  \
             duku admin key list --org Demo\n  \
             duku audit export --org Demo\n\
             Serving at {} until Ctrl-C, which deletes its data. In full: `{} demo -v`",
            self.urls.viewport, self.urls.platform, self.program
        ))?)
    }

    fn end(&self) -> Result<(), CommandError> {
        let program = &self.program;
        Ok(output::line(&format!(
            "{SEEN}\nIts data are deleted. `{program} demo` goes on serving; `{program} serve` keeps data of your own."
        ))?)
    }

    async fn end_in_full(&self, exit: bool) -> Result<(), CommandError> {
        self.title(
            None,
            "The same in Viewport, the dashboard: set Ada's password by the link, then sign in",
        )?;
        self.reset_password().await?;
        if exit {
            return Ok(());
        }
        Ok(output::line(&format!(
            "\nThe server goes on at {}: paste any command above. Ctrl-C stops it and deletes its data.",
            self.urls.platform
        ))?)
    }

    /// Adds variables to the file that pasted commands need.
    fn keep(&self, variables: &[(&str, &str)]) -> Result<(), CommandError> {
        let mut environment = self.environment.borrow_mut();
        variables.iter().try_for_each(|(name, value)| environment.add(name, value))
    }

    /// Runs `duku admin …` and shows what it printed.
    async fn admin(&self, arguments: &[&str], brief: Option<Brief<'_>>) -> Result<Value, CommandError> {
        let arguments: Vec<&str> = std::iter::once("admin").chain(arguments.iter().copied()).collect();
        self.duku(&arguments, brief).await
    }

    async fn duku(&self, arguments: &[&str], brief: Option<Brief<'_>>) -> Result<Value, CommandError> {
        let words: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
        let words = words.join(" ");
        let full = format!("{} {words} --json", self.program);
        let short = brief.as_ref().map(|brief| format!("duku {}", brief.command.unwrap_or(&words)));
        self.command(&short.unwrap_or_default(), &full)?;
        let mut command = self.process(arguments)?;
        command.arg("--json");
        let answer = run(command).await?;
        self.answer(&answer)?;
        if let Some(brief) = brief {
            self.result(&(brief.result)(&answer)?)?;
        }
        Ok(answer)
    }

    /// This program on the demo's data.
    fn process(&self, arguments: &[&str]) -> Result<Command, CommandError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).env("DUKU_DATA_DIR", &self.data_dir);
        for variable in FOREIGN {
            command.env_remove(variable);
        }
        Ok(command)
    }

    /// Sends what the shown `curl` would send and shows the answer. `variables` hold the pair where the exchange is part of the short
    /// form.
    async fn exchange(&self, pair: &Pair, variables: Option<(&str, &str)>) -> Result<Value, CommandError> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", pair.client_id.as_str()),
            ("client_secret", pair.client_secret.as_str()),
            ("scope", "openid"),
        ];
        let parameters: Vec<String> =
            form.iter().map(|(name, value)| format!("-d '{name}={value}'")).collect();
        let full = format!("curl -X POST {} \\\n    {}", self.token_url, parameters.join(" \\\n    "));
        let short = variables.map(|(id, secret)| {
            format!("curl -u \"${id}:${secret}\" -d grant_type=client_credentials \"$TOKEN_URL\"")
        });
        self.command(&short.unwrap_or_default(), &full)?;
        let request = self.client.post(&self.token_url);
        let request = if self.verbose {
            request.form(&form)
        } else {
            request.basic_auth(&pair.client_id, Some(&pair.client_secret)).form(&form[..1])
        };
        let (status, answer) = sent(request).await?;
        self.answer(&shortened(&answer))?;
        if variables.is_some() {
            self.result(&story::exchange(status, &answer))?;
        }
        Ok(answer)
    }

    /// Queries with a token that the shell knows as `$variable`.
    async fn query(&self, variable: &str, token: &str, expect: Expect) -> Result<(), CommandError> {
        let url = format!("{}/graphql", self.urls.platform);
        let body = json!({ "query": QUERY });
        if expect == Expect::Data {
            self.full(&format!("{variable}={token}"))?;
        }
        let headers = format!(
            "-H \"Authorization: Bearer ${variable}\" \\\n    -H 'Content-Type: application/json' \\\n    "
        );
        let full = format!("curl -X POST {url} \\\n    {headers}-d '{body}'");
        let short = format!(
            "curl -H \"Authorization: Bearer ${variable}\" -H 'Content-Type: application/json' \\\n       \
             -d '{body}' \"$DUKU_URL/graphql\""
        );
        self.command(&short, &full)?;
        let (status, answer) = sent(self.client.post(&url).bearer_auth(token).json(&body)).await?;
        self.answer(&answer)?;
        self.result(&story::rejection(status, &answer))?;
        if answer.get("data").is_some() == (expect == Expect::Data) {
            return Ok(());
        }
        Err(CommandError::new("the server did not answer as promised: this is a defect, please report it"))
    }
}

async fn run(mut command: Command) -> Result<Value, CommandError> {
    let done = command.output().await?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let said = said.trim();
        return Err(CommandError::new(said.strip_prefix("duku: ").unwrap_or(said)));
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}

async fn sent(request: reqwest::RequestBuilder) -> Result<(StatusCode, Value), CommandError> {
    let broken = |error| CommandError::new(format!("the demo lost its own server: {error}"));
    let response = request.send().await.map_err(broken)?;
    Ok((response.status(), response.json().await.map_err(broken)?))
}

fn text(answer: &Value, name: &str) -> Result<String, CommandError> {
    let found = answer.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    found.ok_or_else(|| CommandError::new(format!("the answer has no {name}: {answer}")))
}

/// A new secret in one line.
fn new_secret(made: &Value) -> Result<String, CommandError> {
    let secret = story::beginning(&text(made, "client_secret")?);
    Ok(format!("{} has the secret {secret}", text(made, "client_id")?))
}
