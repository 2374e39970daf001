//! What keys are called: also those that are gone.

use crate::{Keys, Principal, Result, keys::parse_id};
use domain::{
    Capability, KeyId, OrganisationId,
    api_key::Retirement,
    audit::{Action, AuditFilter},
};
use store::Reader;

impl Keys<'_> {
    /// What a key of the organisation was called that is revoked; nothing if it is not, or never was the organisation's.
    ///
    /// # Errors
    /// The principal is no Admin, or the store fails.
    pub async fn find_revoked_label(self, principal: &Principal, id: &str) -> Result<Option<String>> {
        principal.authorise(Capability::ManageKeys)?;
        let Ok(id) = parse_id(id) else { return Ok(None) };
        let mut reader = self.0.store.reader().await?;
        revoked_label(&mut reader, &principal.organisation_id, &id).await
    }
}

/// The label stands in the audit log alone, which is searched for keys with a tombstone only.
pub(super) async fn revoked_label(
    reader: &mut Reader,
    organisation: &OrganisationId,
    id: &KeyId,
) -> Result<Option<String>> {
    let retired = reader.retired_secrets(id).await?;
    let is_own =
        retired.iter().any(|one| one.cause == Retirement::Revoked && one.organisation_id == *organisation);
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
