//! `ApiKey`: the credential of one integration.

use super::{
    authentication::{AuthenticationMethod, PublicKeys, WorkloadIdentity, WorkloadRun},
    organisation::int,
};
use crate::scalars::date_time::DateTime;
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use domain::{KeyOverview, workload::Identity};
use juniper::{GraphQLEnum, GraphQLInputObject, ID, graphql_object};
use service::keys::{GenerateKey, GeneratedKey, RotateKey};

/// The states of an API key.
#[derive(Debug, Clone, Copy, GraphQLEnum)]
#[graphql(scalar = ApiScalar)]
pub(crate) enum ApiKeyStatus {
    /// It can be exchanged for access tokens and counts towards the limit.
    Active,
    /// Its expiry has passed; a rotation makes it Active again.
    Expired,
}

pub(crate) struct ApiKey(pub(crate) KeyOverview);

/// An API key: the credential of one integration. Its secret is shown once, when it is generated or rotated.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl ApiKey {
    /// Its id, `key_…`.
    fn id(&self) -> ID {
        ID::new(self.0.key.id.as_str())
    }

    /// The `client_id` of the exchange; the same as the id.
    fn client_id(&self) -> ID {
        self.id()
    }

    /// The label that an Admin gave it.
    fn label(&self) -> &str {
        self.0.key.label.as_str()
    }

    /// Whether it is Active or Expired.
    fn status(&self, context: &GraphqlContext) -> ApiKeyStatus {
        if self.0.key.is_active(context.ctx.now) { ApiKeyStatus::Active } else { ApiKeyStatus::Expired }
    }

    /// When it was generated.
    fn created_at(&self) -> DateTime {
        self.0.key.created_at.into()
    }

    /// Who generated it.
    fn created_by(&self) -> &str {
        &self.0.key.created_by
    }

    /// When it expires: from then on the key and its access tokens are rejected.
    fn expires_at(&self) -> DateTime {
        self.0.key.expires_at.into()
    }

    /// Its lifetime: by how many days a rotation renews the expiry.
    fn lifetime_days(&self) -> Outcome<i32> {
        int("the lifetime", self.0.key.lifetime.days())
    }

    /// When its secret was last replaced.
    fn rotated_at(&self) -> Option<DateTime> {
        self.0.key.rotated_at.map(Into::into)
    }

    /// Until when the previous secret works on; null if no grace runs.
    fn grace_until(&self, context: &GraphqlContext) -> Option<DateTime> {
        self.0.key.running_grace(context.ctx.now).map(|grace| grace.until.into())
    }

    /// When it, or an access token issued to it, was last used.
    fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(Into::into)
    }

    /// The address it was last used from.
    fn last_used_from(&self) -> Option<&str> {
        self.0.last_used_from.as_deref()
    }

    /// When its current secret last fetched an access token; null until it is used for the first time. After a rotation it says
    /// whether the new secret has arrived.
    fn secret_used_at(&self) -> Option<DateTime> {
        self.0.secret_used_at.map(Into::into)
    }

    /// The last four characters of its secret, to recognise it by; empty if it has none.
    fn secret_hint(&self) -> &str {
        &self.0.key.secret.hint
    }

    /// How it is authenticated at the token endpoint.
    fn authentication_method(&self) -> AuthenticationMethod {
        AuthenticationMethod::of(self.0.identity.as_ref())
    }

    /// Which workloads' tokens it accepts; null if it has another authentication method.
    fn workload_identity(&self) -> Option<WorkloadIdentity> {
        self.0.identity.as_ref()?.identity.workload().cloned().map(WorkloadIdentity)
    }

    /// The public keys that verify its client's own assertions; null if it has another authentication method.
    fn public_keys(&self) -> Option<PublicKeys> {
        match &self.0.identity.as_ref()?.identity {
            Identity::PrivateKeyJwt(keys) => Some(keys.into()),
            Identity::WorkloadIdentity(_) => None,
        }
    }

    /// The run that last fetched an access token, where its platform vouched for it.
    fn last_run(&self) -> Option<WorkloadRun> {
        self.0.last_run.as_ref().map(Into::into)
    }

    /// How often a former secret was presented after a rotation: the sign of a leak or of a forgotten pipeline.
    fn dead_secret_uses(&self) -> Outcome<i32> {
        int("the number of uses", self.0.dead_secret_uses)
    }

    /// When a former secret was last presented.
    fn dead_secret_seen_at(&self) -> Option<DateTime> {
        self.0.dead_secret_seen_at.map(Into::into)
    }
}

pub(crate) struct GeneratedApiKey {
    overview: KeyOverview,
    generated: GeneratedKey,
}

impl GeneratedApiKey {
    /// A key that nobody has used yet.
    pub(crate) fn unused(generated: GeneratedKey) -> Self {
        let overview = KeyOverview {
            key: generated.key.clone(),
            last_used_at: None,
            last_used_from: None,
            secret_used_at: None,
            secret_used_from: None,
            last_run: None,
            identity: None,
            dead_secret_uses: 0,
            dead_secret_seen_at: None,
        };
        Self { overview, generated }
    }

    /// A rotated key. Its use is worth a read, but never the secret: whatever that read says, the answer holds the secret.
    pub(crate) async fn rotated(context: &GraphqlContext, generated: GeneratedKey) -> Self {
        let overview = context.service.keys().get(&context.principal, generated.key.id.as_str()).await;
        match overview {
            Ok(overview) => Self { overview, generated },
            Err(error) => {
                tracing::warn!(request_id = %context.ctx.request_id, %error, "a rotated key is shown without its use");
                Self::unused(generated)
            }
        }
    }
}

/// An API key with its secret. This answer is the only one that ever holds the secret: store it now.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl GeneratedApiKey {
    /// The key.
    fn api_key(&self) -> ApiKey {
        ApiKey(KeyOverview {
            key: self.overview.key.clone(),
            last_used_from: self.overview.last_used_from.clone(),
            secret_used_from: self.overview.secret_used_from.clone(),
            last_run: self.overview.last_run.clone(),
            identity: self.overview.identity.clone(),
            ..self.overview
        })
    }

    /// The `client_id` of the exchange.
    fn client_id(&self) -> ID {
        ID::new(self.generated.key.id.as_str())
    }

    /// The `client_secret` of the exchange, `dks_…`. It is shown only here: Duku stores its SHA-256 only.
    fn client_secret(&self) -> &str {
        self.generated.secret.expose()
    }

    /// Both as one value, for CI actions with a single `api-key` input: base64 of `client_id:client_secret`.
    fn combined_key(&self) -> String {
        self.generated.combined()
    }
}

/// A new API key.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct GenerateApiKeyInput {
    /// What it is for: 1 to 64 visible characters.
    label: String,
    /// For how many days it works, 1 to 365 or what the organisation allows; left out, the organisation's default.
    expires_in_days: Option<i32>,
}

impl From<GenerateApiKeyInput> for GenerateKey {
    fn from(input: GenerateApiKeyInput) -> Self {
        Self { label: input.label, expires_in_days: input.expires_in_days.map(i64::from) }
    }
}

/// What to call an API key.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct RenameApiKeyInput {
    /// The key's id.
    pub(crate) id: ID,
    /// What it is for: 1 to 64 visible characters.
    pub(crate) label: String,
}

/// How to rotate an API key.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct RotateApiKeyInput {
    /// The key's id.
    pub(crate) id: ID,
    /// For how many seconds the previous secret works on, at most 604800 (7 days); 0 ends it at once.
    #[graphql(default = 0)]
    grace_seconds: Option<i32>,
    /// Whether access tokens that were issued before are rejected at once: the choice after a leak.
    #[graphql(default = false)]
    end_issued_tokens: Option<bool>,
}

impl RotateApiKeyInput {
    pub(crate) fn choices(&self) -> RotateKey {
        RotateKey {
            grace_seconds: self.grace_seconds.map_or(0, i64::from),
            end_issued_tokens: self.end_issued_tokens.unwrap_or(false),
        }
    }
}
