//! What a key's page says of what it is authenticated with.

use super::pipeline::{self, Endpoints, Pipeline};
use domain::{
    KeyOverview, Timestamp,
    workload::{Accepts, Condition, Conditions, Identity},
};
use pages::Time;

/// What opens a key that has no secret.
pub(crate) struct IdentityView {
    /// As a person says it.
    pub(crate) method: &'static str,
    /// The kind of issuer; empty for public keys.
    pub(crate) preset: &'static str,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) has_key_set: bool,
    /// Whether no workload is allowed yet.
    pub(crate) is_waiting: bool,
    /// Until when those that ask are shown.
    pub(crate) waiting_until: Option<Time>,
    pub(crate) pins: Vec<(String, String)>,
    pub(crate) conditions: Vec<(String, String)>,
    /// What an Admin accepted.
    pub(crate) dangers: Vec<&'static str>,
    pub(crate) key_ids: Vec<String>,
    /// The lines for the pipeline; none for public keys.
    pub(crate) pipeline: Option<Pipeline>,
}

impl IdentityView {
    pub(crate) fn of(
        overview: &KeyOverview,
        issuer: &str,
        (token_url, graphql_url): (&str, &str),
        now: Timestamp,
    ) -> Option<Self> {
        let identity = &overview.identity.as_ref()?.identity;
        Some(match identity {
            Identity::PrivateKeyJwt(keys) => Self {
                method: "Public keys (private_key_jwt)",
                preset: "",
                issuer: match keys {
                    domain::workload::ClientKeys::Url(url) => url.as_str().to_owned(),
                    domain::workload::ClientKeys::KeySet(_) => String::new(),
                },
                audience: issuer.to_owned(),
                has_key_set: false,
                is_waiting: false,
                waiting_until: None,
                pins: Vec::new(),
                conditions: Vec::new(),
                dangers: Vec::new(),
                key_ids: keys.key_ids(),
                pipeline: None,
            },
            Identity::WorkloadIdentity(workload) => {
                let audience = workload.audience.as_deref().unwrap_or(issuer);
                let list = |of: fn(&Conditions) -> &[Condition]| {
                    workload
                        .conditions()
                        .map_or_else(Vec::new, |all| of(all).iter().flat_map(lines).collect())
                };
                let dangers = workload.accepted_dangers();
                Self {
                    method: "Workload identity, no secret",
                    preset: workload.preset.name(),
                    issuer: workload.issuer.as_str().to_owned(),
                    audience: audience.to_owned(),
                    has_key_set: workload.key_set.is_some(),
                    is_waiting: matches!(workload.accepts, Accepts::Waiting { .. }),
                    waiting_until: workload.waits_until(now).map(|until| pages::moment(&until)),
                    pins: list(Conditions::pins),
                    conditions: list(Conditions::others),
                    dangers: dangers.iter().map(|danger| danger.describe()).collect(),
                    key_ids: Vec::new(),
                    pipeline: Some(pipeline::lines(
                        workload.preset,
                        overview.key.id.as_str(),
                        &Endpoints { audience, token_url, graphql_url },
                    )),
                }
            }
        })
    }
}

/// A line for each value and pattern.
fn lines(condition: &Condition) -> Vec<(String, String)> {
    condition.texts().map(|text| (condition.claim().to_string(), text.to_owned())).collect()
}
