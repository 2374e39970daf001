//! Commands of a person who signed in with `duku login`: a client of a server, with a session of their own.

mod atomic_file;
mod credentials;
mod device;
mod env_file;
mod keys;
mod login;
mod session;

pub(crate) use keys::Keys;
pub(crate) use login::{Login, Logout};

use crate::{
    cli::{http, output::printable},
    command_error::CommandError,
    settings::{authorization_server_of, base_url},
};
use domain::{Clock, Timestamp};

/// What the authorization server knows this command line as: a public client (RFC 6749 §2.1).
const CLIENT_ID: &str = "duku-cli";

fn now() -> Timestamp {
    crate::system_clock::SystemClock.now()
}

/// A server's URL in the one form that credentials are filed under.
fn server_url(text: &str) -> Result<String, CommandError> {
    base_url("--server", text)
}

/// An endpoint below `…/protocol/openid-connect/`.
fn endpoint(server: &str, realm: &str, name: &str) -> String {
    format!("{}/realms/{realm}/protocol/openid-connect/{name}", authorization_server_of(server))
}

/// Who a token belongs to, and in which organisation.
struct Viewer {
    name: String,
    organisation: String,
}

impl Viewer {
    async fn of(client: &reqwest::Client, server: &str, access_token: &str) -> Result<Self, CommandError> {
        let document = "{ viewer { name role organisation { name } } }";
        let (_, answer) =
            http::graphql(client, server, access_token, document, &serde_json::Value::Null).await?;
        if let Some(message) = http::graphql_error(&answer) {
            return Err(CommandError::new(message));
        }
        let text = |path| answer.pointer(path).and_then(serde_json::Value::as_str).map(printable);
        let viewer = text("/data/viewer/name").zip(text("/data/viewer/organisation/name"));
        let (name, organisation) = viewer.ok_or_else(|| {
            CommandError::new("the answer does not say who is signed in: is --server a Duku server?")
        })?;
        Ok(Self { name, organisation })
    }
}
