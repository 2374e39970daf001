//! Commands of a person who signed in with `duku login`: a client of a server, with a session of their own.

mod atomic_file;
mod credentials;
mod device;
mod env_file;
mod keys;
mod login;
mod session;
mod whoami;

pub(crate) use atomic_file::AtomicFile;
pub(crate) use keys::Keys;
pub(crate) use login::{Login, Logout};
pub(crate) use session::SignedInUser;
pub(crate) use whoami::Whoami;

use crate::{
    cli::http,
    command_error::CommandError,
    settings::{authorization_server_of, base_url},
};
use domain::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// Who a token belongs to, and what it opens.
#[derive(Debug, Deserialize)]
struct Viewer {
    kind: ViewerKind,
    id: String,
    name: String,
    role: Option<Role>,
    organisation: Organisation,
    scopes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "SCREAMING_SNAKE_CASE", serialize = "snake_case"))]
enum ViewerKind {
    ApiKey,
    Person,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "UPPERCASE", serialize = "lowercase"))]
enum Role {
    Admin,
    Member,
}

#[derive(Debug, Deserialize, Serialize)]
struct Organisation {
    id: String,
    name: String,
}

impl Viewer {
    const DOCUMENT: &str = "{ viewer { kind id name role organisation { id name } scopes } }";

    /// Reads the answer to the document.
    fn read(answer: &Value) -> Result<Self, CommandError> {
        if let Some(message) = http::graphql_error(answer) {
            return Err(CommandError::new(message));
        }
        let viewer = answer.pointer("/data/viewer").and_then(|viewer| Self::deserialize(viewer).ok());
        viewer.ok_or_else(|| {
            CommandError::new("the answer does not say who is signed in: is --server a Duku server?")
        })
    }
}
