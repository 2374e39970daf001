//! `duku admin member`.

use super::{Format, InOrganisation, Operator};
use crate::{
    cli::{
        next::{self, Next, quoted},
        output,
    },
    command_error::CommandError,
};
use clap::{
    Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use domain::{Member, Role};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Members {
    /// Add a person; a new person is a Member
    #[command(after_help = "Example:\n  duku admin member add --org Acme bob@example.org --role admin")]
    Add {
        #[command(flatten)]
        organisation: InOrganisation,
        /// The person's e-mail address
        email: String,
        /// The person's role
        #[arg(long, value_parser = role(), default_value = "member")]
        role: Role,
        #[command(flatten)]
        format: Format,
    },
    /// Show an organisation's people
    List {
        #[command(flatten)]
        organisation: InOrganisation,
        #[command(flatten)]
        format: Format,
    },
    /// Change a person's role
    SetRole {
        #[command(flatten)]
        organisation: InOrganisation,
        /// The person's e-mail address
        email: String,
        /// The new role
        #[arg(value_parser = role())]
        role: Role,
        #[command(flatten)]
        format: Format,
    },
    /// Remove a person; an organisation keeps at least one Admin
    Remove {
        #[command(flatten)]
        organisation: InOrganisation,
        /// The person's e-mail address
        email: String,
    },
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(["member", "admin"]).try_map(|name| Role::parse(&name).ok_or("no role"))
}

fn as_json(member: &Member) -> Value {
    json!({
        "id": member.id.as_str(),
        "email": member.email.as_str(),
        "role": member.role.as_str(),
        "since": member.since.to_string(),
    })
}

impl Members {
    pub(crate) async fn run(self, operator: &Operator, next: &Next) -> Result<(), CommandError> {
        let (service, ctx) = (&operator.service, &operator.ctx);
        match self {
            Self::Add { organisation, email, role, format } => {
                let principal = operator.principal(&organisation).await?;
                let member = service.users().add_member(ctx, &principal, &email, role).await?;
                show(&member, format)?;
                let reset =
                    next.on_data(&format!("admin user reset-password {}", quoted(member.email.as_str())));
                let text =
                    format!("a password, for who has none yet, by a link that this prints:\n  {reset}");
                next::hint(format, &text);
                Ok(())
            }
            Self::SetRole { organisation, email, role, format } => {
                let principal = operator.principal(&organisation).await?;
                show(&service.users().change_role(ctx, &principal, &email, role).await?, format)
            }
            Self::Remove { organisation, email } => {
                let principal = operator.principal(&organisation).await?;
                service.users().remove_member(ctx, &principal, &email).await?;
                Ok(output::line(&format!(
                    "{} is no member of {} any more",
                    email.trim(),
                    principal.organisation_name
                ))?)
            }
            Self::List { organisation, format } => {
                let principal = operator.principal(&organisation).await?;
                let members = service.users().list_members(&principal).await?;
                if format.json {
                    return Ok(output::json(&members.iter().map(as_json).collect())?);
                }
                let rows = members
                    .iter()
                    .map(|member| {
                        vec![member.email.to_string(), member.role.to_string(), member.since.to_string()]
                    })
                    .collect();
                Ok(output::table(&["EMAIL", "ROLE", "SINCE"], rows, "This organisation has no people.")?)
            }
        }
    }
}

fn show(member: &Member, format: Format) -> Result<(), CommandError> {
    Ok(format.show(&as_json(member), &format!("{} has the role {}", member.email, member.role))?)
}
