//! `duku admin`: work on the data directly, on the server's host. A running server honours it at its next request.

mod key;
mod member;
mod org;
mod signing_key;
mod subject;
mod token;
mod user;

pub(crate) use super::output::Format;

use super::{next::Next, output, serve::remembered_urls};
use crate::{
    app::{self, Ambient},
    command_error::CommandError,
    master_key,
    settings::{Settings, Urls},
};
use clap::{Args, Subcommand};
use service::{Principal, RequestContext, Service, tokens::signing_keys};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Organisations
    #[command(subcommand)]
    Org(org::Org),
    /// API keys
    #[command(subcommand)]
    Key(key::Key),
    /// People and their roles
    #[command(subcommand)]
    Member(member::Members),
    /// A person's way in: a new password, a lost second factor
    #[command(subcommand)]
    User(user::User),
    /// Products
    #[command(subcommand)]
    Subject(subject::SubjectCommand),
    /// Print an access token of a person, for the GraphQL API
    Token(token::PersonToken),
    /// End every session, access token, link and invitation of all organisations, at once; API keys stay
    #[command(
        after_help = "For the day after a break-in, and after data were restored by PostgreSQL's own tools: people sign in again, pipelines\nexchange their keys again. Every signing key is replaced by a new one, so no token signed before is accepted by Duku."
    )]
    EndAllAccess,
    /// Keys that sign access tokens
    #[command(subcommand)]
    SigningKey(signing_key::SigningKeys),
}

/// The organisation that a command works on.
#[derive(Debug, Args)]
pub(crate) struct InOrganisation {
    /// The organisation's id or exact name
    #[arg(long, value_name = "ORG")]
    org: String,
}

/// An operator at work.
pub(crate) struct Operator {
    pub(crate) service: Service,
    pub(crate) ctx: RequestContext,
    pub(crate) name: String,
    /// Where the server on these data is.
    pub(crate) urls: Urls,
}

impl Admin {
    pub(crate) async fn run(self, settings: &Settings, next: &Next) -> Result<(), CommandError> {
        if !matches!(self, Self::Org(org::Org::Create { .. })) {
            require_data(settings)?;
        }
        let operator = match self {
            // Also where a signing key that cannot be used keeps everything else from opening.
            Self::SigningKey(_) => Operator::open_for_repair(settings).await?,
            _ => Operator::open(settings).await?,
        };
        let done = self.work(&operator, next).await;
        app::checkpoint_if_alone(operator.service.store()).await;
        done
    }

    async fn work(self, operator: &Operator, next: &Next) -> Result<(), CommandError> {
        match self {
            Self::Org(command) => command.run(operator, next).await,
            Self::Key(command) => command.run(operator, next).await,
            Self::Member(command) => command.run(operator, next).await,
            Self::User(command) => command.run(operator).await,
            Self::Subject(command) => command.run(operator, next).await,
            Self::Token(command) => command.run(operator).await,
            Self::EndAllAccess => {
                operator
                    .service
                    .operations()
                    .end_all_access(&operator.ctx, &signing_keys::operator(&operator.name))
                    .await?;
                Ok(output::line(
                    "Ended every session, access token, link and invitation. People sign in again; API keys work.",
                )?)
            }
            Self::SigningKey(command) => command.run(operator, next).await,
        }
    }
}

impl Operator {
    /// Opens the data as the server would.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, CommandError> {
        let ambient = Ambient::system();
        let store = app::open_store(settings).await?;
        let urls = urls(settings, &store).await?;
        let service = app::open_service(settings, store, &urls, &ambient).await?;
        Ok(Self { service, ctx: ambient.background("admin"), name: operating_system_user(), urls })
    }

    /// Opens the data without a look at the signing keys.
    async fn open_for_repair(settings: &Settings) -> Result<Self, CommandError> {
        let ambient = Ambient::system();
        let store = app::open_store(settings).await?;
        let urls = urls(settings, &store).await?;
        let policy = settings.policy(&urls)?;
        let key = master_key::find(settings, &store, &*ambient.entropy).await?;
        let service = Service::open_for_repair(store, key, policy, Arc::clone(&ambient.entropy)).await?;
        Ok(Self { service, ctx: ambient.background("admin"), name: operating_system_user(), urls })
    }

    /// The operator acting on an organisation.
    pub(crate) async fn principal(&self, organisation: &InOrganisation) -> Result<Principal, CommandError> {
        let organisation = self.service.organisations().find(&organisation.org).await?;
        Ok(Principal::operator(&self.name, &organisation))
    }
}

/// The settings' URLs; if they name none, those of the server that last ran on this data.
pub(crate) async fn urls(settings: &Settings, store: &store::Store) -> Result<Urls, CommandError> {
    if !Urls::are_set(settings)
        && let Some(urls) = remembered_urls(store).await?
    {
        return Ok(urls);
    }
    let listening = settings.listen.parse().unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    Urls::resolve(settings, listening)
}

/// Only the server and `org create` make new data: any other command would work on an empty copy somewhere else.
pub(crate) fn require_data(settings: &Settings) -> Result<(), CommandError> {
    let store::Location::Sqlite(path) = settings.store_options()?.location else { return Ok(()) };
    match master_key::among_the_data(settings) {
        _ if store::has_sqlite_data(&path) => Ok(()),
        Some(key) => {
            let what = format!("there are no data at {}", path.display());
            Err(app::MissingData::new(&what, Some(&key)).into())
        }
        None => Err(CommandError::new(format!(
            "there is no data at {}: name the right directory with --data-dir, or start with `duku admin org create`",
            path.display()
        ))),
    }
}

/// Who the audit log will name.
pub(crate) fn operating_system_user() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|variable| std::env::var(variable).ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "operator".to_owned())
}
