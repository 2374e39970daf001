//! What keys are called: also those that are gone.

use super::{find, log, parse_id};
use crate::{Keys, Principal, RequestContext, Result};
use domain::{
    ApiKey, Capability, KeyOverview, Label,
    api_key::Retirement,
    audit::{Action, AuditFilter},
    authority::ManageKeys,
};
use serde_json::json;

impl Keys<'_> {
    /// Gives a key another label. Its secrets, tokens and expiry stay as they are.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, the label is none, or the store fails.
    pub async fn rename(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        label: &str,
    ) -> Result<KeyOverview> {
        principal.authorise(Capability::ManageKeys)?;
        let parsed = parse_id(id)?;
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        let before = find(&mut transaction, principal, &parsed).await?;
        let label = Label::parse(label)?;
        if label != before.label {
            let details = json!({ "before": before.label.as_str() });
            let key = ApiKey { label, ..before };
            transaction.rename_key(&key).await?;
            self.audit_key(&mut transaction, ctx, principal, Action::ApiKeyRenamed, &key, details).await?;
            transaction.commit().await?;
            log(&key, "renamed an API key");
        }
        self.get(principal, id).await
    }

    /// What a key of the organisation was called that is revoked; nothing if it is not, or never was the organisation's.
    ///
    /// # Errors
    /// The principal is no Admin, or the store fails.
    pub async fn find_revoked_label(self, principal: &Principal, id: &str) -> Result<Option<String>> {
        principal.authorise(Capability::ManageKeys)?;
        let Ok(id) = parse_id(id) else { return Ok(None) };
        let mut reader = self.0.store.reader().await?;
        let organisation = &principal.organisation_id;
        let retired = reader.retired_secrets(&id).await?;
        let is_own = retired
            .iter()
            .any(|one| one.cause == Retirement::Revoked && one.organisation_id == *organisation);
        // The label stands in the audit log alone, which is searched for the organisation's own keys only.
        if !is_own {
            return Ok(None);
        }
        let filter = AuditFilter {
            action: Some(Action::ApiKeyRevoked.as_str().to_owned()),
            object_id: Some(id.as_str().to_owned()),
            actor_id: None,
        };
        let found = reader.audit_events_before(organisation.as_str(), None, 1, &filter).await?;
        Ok(found.into_iter().next().map(|event| event.object_name))
    }
}
