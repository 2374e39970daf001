//! `duku admin org`.

use super::{Format, InOrganisation, Operator};
use crate::{
    cli::{
        next::{self, Next, quoted},
        output, secrets,
    },
    command_error::CommandError,
};
use clap::Subcommand;
use domain::{Email, Organisation};
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, Subcommand)]
pub(crate) enum Org {
    /// Make an organisation with its first Admin
    #[command(after_help = "Example:\n  duku admin org create Acme --admin-email ada@example.org")]
    Create {
        /// The organisation's name
        name: String,
        /// The first Admin's e-mail address
        #[arg(long, value_name = "EMAIL")]
        admin_email: String,
        /// Read the Admin's password from standard input
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show every organisation
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Rename an organisation
    Rename {
        #[command(flatten)]
        organisation: InOrganisation,
        /// The new name
        name: String,
    },
    /// Set how long an organisation's keys live
    KeyPolicy {
        #[command(flatten)]
        organisation: InOrganisation,
        /// What a key gets if the Admin picks nothing, in days
        #[arg(long, value_name = "DAYS")]
        default_days: i64,
        /// The longest lifetime that an Admin may pick, in days
        #[arg(long, value_name = "DAYS")]
        maximum_days: i64,
    },
}

fn as_json(organisation: &Organisation) -> Value {
    json!({
        "id": organisation.id.as_str(),
        "name": organisation.name.as_str(),
        "created_at": organisation.created_at.to_string(),
        "default_key_lifetime_days": organisation.key_policy.default.days(),
        "maximum_key_lifetime_days": organisation.key_policy.maximum.days(),
    })
}

impl Org {
    pub(crate) async fn run(self, operator: &Operator, next: &Next) -> Result<(), CommandError> {
        match self {
            Self::Create { name, admin_email, password_stdin, format } => {
                let password = password_stdin.then(|| secrets::read(Path::new("-"))).transpose()?;
                let password = password.as_ref().map(|password| password.as_str());
                let made = create(operator, &name, &admin_email, password, format).await?;
                sign_in_hint(operator, next, &made, &admin_email, format).await
            }
            Self::List { format } => list(operator, format).await,
            Self::Rename { organisation, name } => {
                let principal = operator.principal(&organisation).await?;
                operator.service.organisations().rename(&operator.ctx, &principal, &name).await?;
                Ok(output::line(&format!("{} is now called {}", principal.organisation_id, name.trim()))?)
            }
            Self::KeyPolicy { organisation, default_days, maximum_days } => {
                let principal = operator.principal(&organisation).await?;
                operator
                    .service
                    .organisations()
                    .set_key_policy(&operator.ctx, &principal, default_days, maximum_days)
                    .await?;
                Ok(output::line(&format!(
                    "New and rotated keys of {} live {default_days} days by default and {maximum_days} at most",
                    principal.organisation_name
                ))?)
            }
        }
    }
}

async fn create(
    operator: &Operator,
    name: &str,
    admin_email: &str,
    password: Option<&str>,
    format: Format,
) -> Result<Organisation, CommandError> {
    let made = operator
        .service
        .organisations()
        .create(&operator.ctx, &operator.name, name, admin_email, password)
        .await?;
    let text =
        format!("Made the organisation {} ({}) with the Admin {}", made.name, made.id, admin_email.trim());
    format.show(&as_json(&made), &text)?;
    Ok(made)
}

/// How the Admin signs in.
async fn sign_in_hint(
    operator: &Operator,
    next: &Next,
    made: &Organisation,
    admin_email: &str,
    format: Format,
) -> Result<(), CommandError> {
    let email = Email::parse(admin_email).map_err(service::Error::from)?;
    let admin = operator.service.store().reader().await?.find_user(&email).await?;
    let sign_in = format!("signs in to Viewport at {}/", operator.urls.viewport);
    let sign_in = if admin.is_some_and(|admin| admin.password_hash.is_some()) {
        format!("{email} {sign_in}")
    } else {
        let reset = next.on_data(&format!("admin user reset-password {}", quoted(email.as_str())));
        format!("a password for the Admin, by a link that this prints:\n  {reset}\nThen {email} {sign_in}")
    };
    let org = quoted(made.name.as_str());
    let generate = next.on_data(&format!("admin key generate --org {org} --label 'GitHub Actions'"));
    next::hint(format, &format!("{sign_in}\nAn API key is made there, or here:\n  {generate}"));
    Ok(())
}

async fn list(operator: &Operator, format: Format) -> Result<(), CommandError> {
    let mut organisations: Vec<Organisation> = Vec::new();
    loop {
        let after = organisations.last().map(|organisation| organisation.id.clone());
        let page = operator.service.organisations().list(after.as_ref()).await?;
        if page.is_empty() {
            break;
        }
        organisations.extend(page);
    }
    if format.json {
        return Ok(output::json(&organisations.iter().map(as_json).collect())?);
    }
    let rows = organisations
        .iter()
        .map(|organisation| {
            vec![
                organisation.name.to_string(),
                organisation.id.to_string(),
                organisation.created_at.to_string(),
            ]
        })
        .collect();
    Ok(output::table(&["NAME", "ID", "CREATED"], rows, "There is no organisation yet.")?)
}
