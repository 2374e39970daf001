//! `AuditEvent`: one entry of the audit log.

use super::organisation::int;
use crate::scalars::{date_time::DateTime, json::Json};
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use juniper::{ID, graphql_object};

pub(crate) struct AuditEvent(pub(crate) domain::audit::AuditEvent);

/// One entry of the audit log: who did what to which object, when and from where.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl AuditEvent {
    /// Its id, `evt_…`.
    fn id(&self) -> ID {
        ID::new(self.0.id.as_str())
    }

    /// When it happened.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Who did it: `person`, `api_key`, `operator` (someone on the server's host) or `system`.
    fn actor_kind(&self) -> &str {
        &self.0.actor_kind
    }

    /// The actor's id.
    fn actor_id(&self) -> &str {
        &self.0.actor_id
    }

    /// The actor's name: a person's e-mail address, a key's label, or a user of the server's host.
    fn actor(&self) -> &str {
        &self.0.actor_name
    }

    /// What happened, like `api_key.generated`.
    fn action(&self) -> &str {
        &self.0.action
    }

    /// The id of what it happened to.
    fn object_id(&self) -> &str {
        &self.0.object_id
    }

    /// The name of what it happened to.
    fn object(&self) -> &str {
        &self.0.object_name
    }

    /// Details of the action. Never a secret.
    fn details(&self) -> Json {
        let text = &self.0.details;
        Json::Value(serde_json::from_str(text).unwrap_or_else(|_| text.clone().into()))
    }

    /// The IP address of the request, if it came over the network.
    fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Its number: 1 for the organisation's first entry, then without a gap.
    fn sequence(&self) -> Outcome<i32> {
        int("the entry's number", self.0.sequence)
    }

    /// The SHA-256 over this entry and the hash of the one before, in hex: whoever keeps it can prove a later change.
    fn hash(&self) -> &str {
        &self.0.hash
    }
}
