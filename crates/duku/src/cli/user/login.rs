//! `duku login` and `duku logout`.

use super::{
    Role, Viewer,
    credentials::{self, Credentials},
    device::{self, Authorization},
    endpoint, now, server_url,
    session::{self, At, SignedInUser},
};
use crate::{
    cli::{
        http,
        next::{self, Next, quoted},
        output::{self, Format, printable},
    },
    command_error::CommandError,
};
use clap::Args;
use serde_json::Value;
use std::{
    io::IsTerminal,
    process::{Command, Stdio},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  duku login --server https://platform.example.org\n  duku login --server https://platform.example.org --no-browser     # shows the address and the code only\n\nThe session is kept in ~/.config/duku/credentials.json (DUKU_CREDENTIALS_FILE names another file), for your user alone."
)]
pub(crate) struct Login {
    /// The server's URL
    #[arg(long, env = "DUKU_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    server: String,
    /// The realm's name in the authorization server's paths
    #[arg(long = "server-realm", default_value = "duku", value_name = "REALM")]
    realm: String,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  duku logout")]
pub(crate) struct Logout {
    #[command(flatten)]
    at: At,
}

impl Login {
    pub(crate) async fn run(self, next: &Next) -> Result<(), CommandError> {
        let server = server_url(&self.server)?;
        let path = credentials::path()?;
        // Opened once before anything is asked, so that nobody approves in vain.
        drop(Credentials::lock(path.clone()).await?);
        let client = http::client()?;
        let device_url = endpoint(&server, &self.realm, "auth/device");
        let authorization = Authorization::request(&client, &device_url).await?;
        output::line(&invitation(&authorization))?;
        if !self.no_browser {
            open_browser(&authorization);
        }
        let token_url = endpoint(&server, &self.realm, "token");
        let answer = authorization.wait(&client, &token_url, tokio::time::sleep).await?;
        let session = device::session(&answer, &self.realm, now())?;
        let access_token = session.access_token.clone();
        let mut file = Credentials::lock(path).await?;
        let before = file.session(&server).cloned();
        file.keep(&server, session)?;
        let is_only = file.servers().len() == 1;
        drop(file);
        if let Some(before) = before {
            // Nobody holds it any more. If it cannot be ended now, it ends by itself.
            let _ = session::end(&client, &server, &before).await;
        }
        let (_, answer) =
            http::graphql(&client, &server, access_token.expose(), Viewer::DOCUMENT, &Value::Null).await?;
        let viewer = Viewer::read(&answer)?;
        let (name, organisation) = (printable(&viewer.name), printable(&viewer.organisation.name));
        output::line(&format!("Signed in as {name} (organisation {organisation})"))?;
        // The commands find the only session by themselves, unless a variable names another server.
        let is_found = is_only && std::env::var_os("DUKU_URL").is_none_or(|url| url.is_empty());
        let at = if is_found { String::new() } else { format!(" --server {}", quoted(&server)) };
        let whoami = next.client(&format!("whoami{at}"));
        let text = if matches!(viewer.role, Some(Role::Admin)) {
            let list = next.client(&format!("keys list{at}"));
            format!("who you are and for how long, or the organisation's API keys:\n  {whoami}\n  {list}")
        } else {
            let query = next.client(&format!("query '{{ subjects {{ id name }} }}'{at}"));
            format!("who you are and for how long, or the products:\n  {whoami}\n  {query}")
        };
        next::hint(Format::TEXT, &text);
        Ok(())
    }
}

impl Logout {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let person = SignedInUser::at(&self.at).await?;
        let line = if person.sign_out().await? {
            format!("Signed out of {}", person.server)
        } else {
            format!("You are not signed in to {}", person.server)
        };
        Ok(output::line(&line)?)
    }
}

fn invitation(authorization: &Authorization) -> String {
    let Authorization { user_code, verification_uri, verification_uri_complete, expires_in, .. } =
        authorization;
    let direct = verification_uri_complete.as_ref().map_or_else(String::new, |uri| {
        format!("\nor open this address, which has the code in it, and compare the code:\n\n    {uri}\n")
    });
    format!(
        "To sign in, open\n\n    {verification_uri}\n\nand enter the code\n\n    {user_code}\n{direct}\n\
         Waiting for you; the code works for {} minutes. Ctrl-C gives up.",
        expires_in.as_secs().div_ceil(60)
    )
}

/// Opens the page in the desktop's browser, where there is one; otherwise the address on the screen does.
fn open_browser(authorization: &Authorization) {
    let page = authorization.verification_uri_complete.as_ref().unwrap_or(&authorization.verification_uri);
    let is_web = page.starts_with("https://") || page.starts_with("http://");
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if set("DISPLAY") || set("WAYLAND_DISPLAY") {
        "xdg-open"
    } else {
        return;
    };
    if is_web && std::io::stdout().is_terminal() {
        let quiet = |mut command: Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let mut command = Command::new(opener);
        command.arg(page);
        // Without the program the person opens the address by hand.
        let _ = quiet(command);
    }
}
