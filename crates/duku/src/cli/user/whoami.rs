//! `duku whoami`.

use super::{
    Role, Viewer, ViewerKind,
    credentials::Session,
    session::{At, SignedInUser},
};
use crate::{
    cli::{
        client::{Connection, access_token, nobody},
        http,
        output::{self, Format, printable},
    },
    command_error::CommandError,
};
use clap::Args;
use domain::Timestamp;
use serde_json::{Value, json};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  duku whoami\n  duku whoami --server https://platform.example.org --json\n\nWithout a session it tells the API key of the environment: DUKU_CLIENT_ID and DUKU_CLIENT_SECRET, or DUKU_API_KEY."
)]
pub(crate) struct Whoami {
    #[command(flatten)]
    at: At,
    /// The realm's name in the authorization server's paths, for a key
    #[arg(long = "server-realm", default_value = "duku", value_name = "REALM")]
    realm: String,
    #[command(flatten)]
    format: Format,
}

impl Whoami {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let server = self.at.server();
        let key = Connection::of_environment(server.map(str::to_owned), self.realm);
        let (viewer, server, session) = match SignedInUser::find(server).await? {
            Some(user) => {
                let (_, answer) = user.ask(Viewer::DOCUMENT, &Value::Null).await?;
                (Viewer::read(&answer)?, user.server.clone(), user.session().await?)
            }
            None if key.has_key() => {
                let client = http::client()?;
                let issued = key.exchange(&client, None).await?;
                let token = access_token(&issued)?;
                let (_, answer) =
                    http::graphql(&client, key.base(), token, Viewer::DOCUMENT, &Value::Null).await?;
                (Viewer::read(&answer)?, key.base().to_owned(), None)
            }
            None => return Err(nobody(server)),
        };
        let session = session.as_ref();
        self.format.show(&as_json(&viewer, &server, session), &text(&viewer, &server, session))?;
        if session.is_some() && key.has_key() && !self.format.json {
            output::aside("The environment names an API key too: `duku query` asks with that key.");
        }
        Ok(())
    }
}

fn at(milliseconds: i64) -> String {
    Timestamp::from_ms(milliseconds).to_whole_second().to_string()
}

fn as_json(viewer: &Viewer, server: &str, session: Option<&Session>) -> Value {
    json!({
        "kind": viewer.kind,
        "id": viewer.id,
        "name": viewer.name,
        "role": viewer.role,
        "organisation": viewer.organisation,
        "scopes": viewer.scopes,
        "server": server,
        "access_token_expires_at": session.map(|session| at(session.access_token_expires_at)),
        "session_expires_at": session.and_then(|session| session.refresh_token_expires_at).map(at),
    })
}

fn text(viewer: &Viewer, server: &str, session: Option<&Session>) -> String {
    let (name, organisation) = (printable(&viewer.name), printable(&viewer.organisation.name));
    let role = match (viewer.kind, viewer.role) {
        (ViewerKind::ApiKey, _) => "an API key",
        (ViewerKind::Person, Some(Role::Admin)) => "Admin",
        (ViewerKind::Person, _) => "Member",
    };
    let id = if viewer.kind == ViewerKind::ApiKey { "Client ID" } else { "Id" };
    let scopes = if viewer.scopes.is_empty() { "none".to_owned() } else { viewer.scopes.join(" ") };
    let organisation_id = format!("{organisation} ({})", printable(&viewer.organisation.id));
    let mut rows = vec![
        (id, printable(&viewer.id)),
        ("Organisation", organisation_id),
        ("Server", server.to_owned()),
        ("Scopes", printable(&scopes)),
    ];
    if let Some(session) = session {
        let token = format!("until {}, then another one is fetched", at(session.access_token_expires_at));
        rows.push(("Access token", token));
        let end = session
            .refresh_token_expires_at
            .map_or_else(String::new, |end| format!("until {} if it is not used before; ", at(end)));
        rows.push(("Session", format!("{end}`duku logout` ends it")));
    }
    let rows: Vec<_> = rows.iter().map(|(head, text)| format!("  {head:14} {text}")).collect();
    format!("{name}, {role} of {organisation}\n{}", rows.join("\n"))
}
