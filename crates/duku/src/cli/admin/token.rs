//! `duku admin token`: an access token of a person, on an operator's word.

use super::Operator;
use crate::{cli::output, command_error::CommandError};
use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  TOKEN=$(duku admin token --user ada@example.org)\n  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n    -d '{\"query\": \"{ apiKeys { label status } }\"}' http://127.0.0.1:8080/graphql"
)]
pub(crate) struct PersonToken {
    /// The person's e-mail address
    #[arg(long, value_name = "EMAIL")]
    user: String,
    /// The organisation's id or exact name, if the person belongs to several
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
}

impl PersonToken {
    pub(crate) async fn run(self, operator: &Operator) -> Result<(), CommandError> {
        let service = &operator.service;
        let organisation = match &self.org {
            Some(name) => Some(service.organisations().find(name).await?),
            None => None,
        };
        let token = service
            .tokens()
            .issue_for_user(&operator.ctx, &operator.name, &self.user, organisation.as_ref())
            .await?;
        Ok(output::line(&token)?)
    }
}
