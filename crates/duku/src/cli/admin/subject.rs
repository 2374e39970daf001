//! `duku admin subject`: products.

use super::{Format, InOrganisation, Operator};
use crate::{
    cli::next::{self, Next, quoted},
    command_error::CommandError,
};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// Add a product
    #[command(
        after_help = "Example:\n  duku admin subject create --org Acme --name Shop --base-url https://shop.example"
    )]
    Create {
        #[command(flatten)]
        organisation: InOrganisation,
        /// The product's name
        #[arg(long)]
        name: String,
        /// Where it runs
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
        /// Some sentences about it
        #[arg(long)]
        description: Option<String>,
        #[command(flatten)]
        format: Format,
    },
}

impl SubjectCommand {
    pub(crate) async fn run(self, operator: &Operator, next: &Next) -> Result<(), CommandError> {
        let Self::Create { organisation, name, base_url, description, format } = self;
        let principal = operator.principal(&organisation).await?;
        let made = operator
            .service
            .products()
            .create_subject(&operator.ctx, &principal, &name, description.as_deref(), base_url.as_deref())
            .await?;
        let value = json!({
            "id": made.id.as_str(),
            "name": made.details.name.as_str(),
            "description": made.details.description,
            "base_url": made.details.base_url,
            "created_at": made.created_at.to_string(),
        });
        format.show(&value, &format!("Made the product {} ({})", made.details.name, made.id))?;
        let org = quoted(&principal.organisation_name);
        let generate = next.on_data(&format!("admin key generate --org {org} --label 'GitHub Actions'"));
        next::hint(format, &format!("an API key for the pipeline that works on it:\n  {generate}"));
        Ok(())
    }
}
