//! What an API key is authenticated with where it has no secret: its types, inputs and the runs that were rejected.

use super::organisation::int;
use crate::{
    scalars::{ApiScalar, date_time::DateTime},
    schema::context::{GraphqlContext, Outcome},
};
use domain::{
    Invalid,
    workload::{
        Accepts, Attempt, ClaimName, ClientKeys, Condition, Identity, KeyIdentity, Preset,
        WorkloadIdentity as Workload,
    },
};
use juniper::{GraphQLEnum, GraphQLInputObject, GraphQLObject, ID, graphql_object};
use service::{
    Rejection,
    keys::identities::{NewConditions, NewIdentity, NewPublicKeys, NewWorkload},
    tokens::assertion::{TokenCheck as Check, TokenReport as Report},
};
use std::collections::BTreeSet;

/// How whoever uses an API key proves at the token endpoint that it is theirs.
#[derive(Debug, Clone, Copy, GraphQLEnum)]
#[graphql(scalar = ApiScalar)]
pub(crate) enum AuthenticationMethod {
    /// A secret (RFC 6749 §2.3.1).
    ClientSecret,
    /// An assertion signed with a key of the client's own (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// A token that the workload's platform signed.
    WorkloadIdentity,
}

impl AuthenticationMethod {
    pub(crate) fn of(identity: Option<&KeyIdentity>) -> Self {
        match identity.map(|identity| &identity.identity) {
            None => Self::ClientSecret,
            Some(Identity::PrivateKeyJwt(_)) => Self::PrivateKeyJwt,
            Some(Identity::WorkloadIdentity(_)) => Self::WorkloadIdentity,
        }
    }
}

/// A kind of issuer.
#[derive(Debug, Clone, Copy, GraphQLEnum)]
#[graphql(scalar = ApiScalar)]
pub(crate) enum WorkloadPreset {
    /// GitHub Actions, on github.com, ghe.com and GitHub Enterprise Server.
    GithubActions,
    /// GitLab CI/CD, on gitlab.com and other instances.
    GitlabCi,
    /// Service accounts of a Kubernetes cluster.
    Kubernetes,
    /// CircleCI.
    Circleci,
    /// Buildkite agents.
    Buildkite,
    /// Service accounts of Google Cloud.
    GoogleCloud,
    /// IAM roles of an AWS account with outbound identity federation.
    Aws,
    /// Runs of HCP Terraform.
    HcpTerraform,
    /// An issuer that is none of these.
    Oidc,
}

impl From<Preset> for WorkloadPreset {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::GitHubActions => Self::GithubActions,
            Preset::GitLabCi => Self::GitlabCi,
            Preset::Kubernetes => Self::Kubernetes,
            Preset::CircleCi => Self::Circleci,
            Preset::Buildkite => Self::Buildkite,
            Preset::GoogleCloud => Self::GoogleCloud,
            Preset::Aws => Self::Aws,
            Preset::HcpTerraform => Self::HcpTerraform,
            Preset::AnyOidc => Self::Oidc,
        }
    }
}

impl From<WorkloadPreset> for Preset {
    fn from(preset: WorkloadPreset) -> Self {
        match preset {
            WorkloadPreset::GithubActions => Self::GitHubActions,
            WorkloadPreset::GitlabCi => Self::GitLabCi,
            WorkloadPreset::Kubernetes => Self::Kubernetes,
            WorkloadPreset::Circleci => Self::CircleCi,
            WorkloadPreset::Buildkite => Self::Buildkite,
            WorkloadPreset::GoogleCloud => Self::GoogleCloud,
            WorkloadPreset::Aws => Self::Aws,
            WorkloadPreset::HcpTerraform => Self::HcpTerraform,
            WorkloadPreset::Oidc => Self::AnyOidc,
        }
    }
}

/// Something that lets more people use a key than one may think of. It is accepted by name, or not at all.
#[derive(Debug, Clone, Copy, GraphQLEnum)]
#[graphql(scalar = ApiScalar)]
pub(crate) enum Danger {
    /// No condition names the branches, tags or environments.
    AnyBranch,
    /// No condition names the workflow's file.
    AnyWorkflow,
    /// Pull requests, whose code nobody may have reviewed yet.
    PullRequests,
    /// Events that run in the repository's name on the word of a stranger.
    UntrustedCode,
    /// A token may be exchanged more than once while it lives.
    ReusedTokens,
}

impl From<domain::workload::Danger> for Danger {
    fn from(danger: domain::workload::Danger) -> Self {
        use domain::workload::Danger as Of;
        match danger {
            Of::AnyBranch => Self::AnyBranch,
            Of::AnyWorkflow => Self::AnyWorkflow,
            Of::PullRequests => Self::PullRequests,
            Of::UntrustedCode => Self::UntrustedCode,
            Of::ReusedTokens => Self::ReusedTokens,
        }
    }
}

impl From<Danger> for domain::workload::Danger {
    fn from(danger: Danger) -> Self {
        match danger {
            Danger::AnyBranch => Self::AnyBranch,
            Danger::AnyWorkflow => Self::AnyWorkflow,
            Danger::PullRequests => Self::PullRequests,
            Danger::UntrustedCode => Self::UntrustedCode,
            Danger::ReusedTokens => Self::ReusedTokens,
        }
    }
}

pub(crate) fn dangers(list: Option<Vec<Danger>>) -> BTreeSet<domain::workload::Danger> {
    list.unwrap_or_default().into_iter().map(Into::into).collect()
}

/// What one claim of a workload's token must be.
#[derive(Debug, GraphQLObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct ClaimCondition {
    /// The claim's name, or a JSON Pointer (RFC 6901) to it.
    claim: String,
    /// The values of which it may be any.
    equals: Vec<String>,
    /// The patterns of which it may match any; `*` stands for at least one character other than `:` and `/`.
    patterns: Vec<String>,
}

impl From<&Condition> for ClaimCondition {
    fn from(condition: &Condition) -> Self {
        let patterns = condition.patterns().iter().map(|pattern| pattern.as_str().to_owned());
        Self {
            claim: condition.claim().to_string(),
            equals: condition.values().to_vec(),
            patterns: patterns.collect(),
        }
    }
}

pub(crate) struct WorkloadIdentity(pub(crate) Workload);

/// Which tokens of which issuer an API key accepts instead of a secret.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl WorkloadIdentity {
    /// The kind of issuer.
    fn preset(&self) -> WorkloadPreset {
        self.0.preset.into()
    }

    /// The issuer's URL, as its tokens have it in `iss`.
    fn issuer(&self) -> &str {
        self.0.issuer.as_str()
    }

    /// What `aud` of a token must contain.
    fn audience(&self, context: &GraphqlContext) -> String {
        self.0.audience.clone().unwrap_or_else(|| context.service.policy().issuer.clone())
    }

    /// Whether the issuer's public keys were given instead of being fetched.
    fn has_key_set(&self) -> bool {
        self.0.key_set.is_some()
    }

    /// Until when the runs that ask are shown, while the key waits for its first run; otherwise null.
    fn waiting_until(&self) -> Option<DateTime> {
        match self.0.accepts {
            Accepts::Waiting { until_ms } => Some(domain::Timestamp::from_ms(until_ms).into()),
            Accepts::Workloads { .. } => None,
        }
    }

    /// What names the workload; empty while the key waits.
    fn pins(&self) -> Vec<ClaimCondition> {
        self.0.conditions().map_or_else(Vec::new, |all| all.pins().iter().map(Into::into).collect())
    }

    /// When and how the workload may run.
    fn conditions(&self) -> Vec<ClaimCondition> {
        self.0.conditions().map_or_else(Vec::new, |all| all.others().iter().map(Into::into).collect())
    }

    /// What an Admin accepted by name.
    fn accepted_dangers(&self) -> Vec<Danger> {
        self.0.accepted_dangers().into_iter().map(Into::into).collect()
    }
}

/// The public keys of a client that signs its own assertions: given, or published by the client.
#[derive(Debug, GraphQLObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct PublicKeys {
    /// The `kid` of each; empty if they are fetched.
    key_ids: Vec<String>,
    /// Where the client publishes its JWKS; null if they were given.
    url: Option<String>,
}

impl From<&ClientKeys> for PublicKeys {
    fn from(keys: &ClientKeys) -> Self {
        let url = match keys {
            ClientKeys::Url(url) => Some(url.as_str().to_owned()),
            ClientKeys::KeySet(_) => None,
        };
        Self { key_ids: keys.key_ids(), url }
    }
}

/// A run of a workload, as its platform vouched for it.
#[derive(Debug, GraphQLObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct WorkloadRun {
    /// What it is, as a person says it: `run 4711 of acme/shop on main`.
    title: String,
    /// Its page on its platform.
    url: Option<String>,
}

impl From<&domain::workload::RunLink> for WorkloadRun {
    fn from(run: &domain::workload::RunLink) -> Self {
        Self { title: run.title.clone(), url: run.url.clone() }
    }
}

pub(crate) struct ApiKeyAttempt(pub(crate) Attempt);

/// A run that presented a validly signed token for an API key and was rejected.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl ApiKeyAttempt {
    /// Its id among the key's attempts.
    fn id(&self) -> ID {
        ID::new(self.0.id.as_str())
    }

    /// When it was last made.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// How often it was made.
    fn times(&self) -> Outcome<i32> {
        int("the number of attempts", self.0.times)
    }

    /// Which check failed.
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What was expected and what came.
    fn message(&self) -> &str {
        &self.0.message
    }

    /// The token's claims, as JSON.
    fn claims(&self) -> &str {
        &self.0.claims
    }

    /// The address that it came from.
    fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }
}

/// One check of a token.
#[derive(Debug, GraphQLObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct TokenCheck {
    /// What is checked: a claim's name, or what is looked at.
    name: String,
    /// What was expected.
    expected: String,
    /// What came.
    got: String,
    /// Whether that is enough.
    passed: bool,
}

impl From<Check> for TokenCheck {
    fn from(check: Check) -> Self {
        let Check { name, expected, got, is_passed } = check;
        Self { name, expected, got, passed: is_passed }
    }
}

/// What a token would come to, check by check. Nothing was issued, and the token was not used up.
#[derive(Debug, GraphQLObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct TokenReport {
    /// Whether an exchange would be granted.
    accepted: bool,
    /// The checks, in their order; after one that fails before the signature was verified, none follows.
    checks: Vec<TokenCheck>,
    /// The run that the token was made for; null unless its signature is right.
    run: Option<String>,
}

impl From<Report> for TokenReport {
    fn from(report: Report) -> Self {
        Self {
            accepted: report.is_accepted(),
            run: report.run.map(|run| run.run),
            checks: report.checks.into_iter().map(Into::into).collect(),
        }
    }
}

/// What one claim must be: one of `equals`, or like one of `patterns`.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct ClaimConditionInput {
    /// The claim's name, or a JSON Pointer (RFC 6901) to it.
    claim: String,
    /// The values of which it may be any.
    equals: Option<Vec<String>>,
    /// The patterns of which it may match any; `*` stands for at least one character other than `:` and `/`.
    patterns: Option<Vec<String>>,
}

impl ClaimConditionInput {
    fn into_condition(self) -> Result<Condition, Invalid> {
        let claim = ClaimName::parse(&self.claim)?;
        Condition::new(claim, &self.equals.unwrap_or_default(), &self.patterns.unwrap_or_default())
    }
}

/// Which tokens of which issuer an API key accepts.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct WorkloadIdentityInput {
    /// The kind of issuer.
    preset: WorkloadPreset,
    /// The issuer's URL, as its tokens have it in `iss`; may be left out where the preset knows it.
    issuer: Option<String>,
    /// What `aud` must contain; left out, this server's own issuer URL.
    audience: Option<String>,
    /// The issuer's public keys as a JWKS, if it cannot be reached from here.
    key_set: Option<String>,
    /// What names the workload. Leave it out to wait for the first run and allow that.
    pins: Option<Vec<ClaimConditionInput>>,
    /// When and how the workload may run.
    conditions: Option<Vec<ClaimConditionInput>>,
    /// What is accepted by name.
    accepted_dangers: Option<Vec<Danger>>,
}

/// The public keys of a client that signs its own assertions: either `keys` or `url`.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct PublicKeysInput {
    /// A JWK, a JWKS or PEM with up to 5 public keys.
    keys: Option<String>,
    /// Where the client publishes its JWKS.
    url: Option<String>,
}

/// What an API key is authenticated with instead of a secret: one of the two.
pub(crate) fn new_identity(
    workload: Option<WorkloadIdentityInput>,
    public_keys: Option<PublicKeysInput>,
) -> Result<NewIdentity, Rejection> {
    let invalid = |field, message: &str| Rejection::Invalid(Invalid::new(field, message));
    match (workload, public_keys) {
        (Some(input), None) => new_workload(input).map(NewIdentity::Workload).map_err(Rejection::Invalid),
        (None, Some(PublicKeysInput { keys: Some(keys), url: None })) => {
            Ok(NewIdentity::PublicKeys(NewPublicKeys::Pasted(keys)))
        }
        (None, Some(PublicKeysInput { keys: None, url: Some(url) })) => {
            Ok(NewIdentity::PublicKeys(NewPublicKeys::Url(url)))
        }
        (None, Some(_)) => Err(invalid("publicKeys", "give either `keys` or `url`")),
        _ => Err(invalid("workloadIdentity", "give either `workloadIdentity` or `publicKeys`")),
    }
}

fn new_workload(input: WorkloadIdentityInput) -> Result<NewWorkload, Invalid> {
    let list = |conditions: Option<Vec<ClaimConditionInput>>| {
        let made = conditions.unwrap_or_default().into_iter().map(ClaimConditionInput::into_condition);
        made.collect::<Result<Vec<_>, _>>()
    };
    let conditions = if input.pins.is_none() && input.conditions.is_none() {
        None
    } else {
        Some(NewConditions {
            pins: list(input.pins)?,
            others: list(input.conditions)?,
            accepted_dangers: dangers(input.accepted_dangers),
        })
    };
    let (issuer, audience, key_set) = (input.issuer, input.audience, input.key_set);
    Ok(NewWorkload { preset: input.preset.into(), issuer, audience, key_set, conditions })
}

/// A new API key without a secret.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct GenerateSecretlessApiKeyInput {
    /// What it is for: 1 to 64 visible characters.
    pub(crate) label: String,
    /// For how many days it works, 1 to 365 or what the organisation allows; left out, the organisation's default.
    pub(crate) expires_in_days: Option<i32>,
    /// Which workloads' tokens it accepts.
    pub(crate) workload_identity: Option<WorkloadIdentityInput>,
    /// Whose own assertions it accepts.
    pub(crate) public_keys: Option<PublicKeysInput>,
}

/// What an API key without a secret is to be authenticated with from now on.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct ChangeApiKeyAuthenticationInput {
    /// The key's id.
    pub(crate) id: ID,
    /// Which workloads' tokens it accepts.
    pub(crate) workload_identity: Option<WorkloadIdentityInput>,
    /// Whose own assertions it accepts.
    pub(crate) public_keys: Option<PublicKeysInput>,
    /// Whether access tokens that were issued before are rejected at once.
    #[graphql(default = false)]
    pub(crate) end_issued_tokens: Option<bool>,
}

/// What an API key is to be authenticated with instead of its secret.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct ReplaceApiKeySecretInput {
    /// The key's id.
    pub(crate) id: ID,
    /// Which workloads' tokens it accepts.
    pub(crate) workload_identity: Option<WorkloadIdentityInput>,
    /// Whose own assertions it accepts.
    pub(crate) public_keys: Option<PublicKeysInput>,
    /// For how many seconds the secret works on, at most 604800 (7 days); 0 ends it at once.
    #[graphql(default = 0)]
    pub(crate) grace_seconds: Option<i32>,
}

/// Which attempt is allowed to use the key from now on.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct AllowWorkloadInput {
    /// The key's id.
    pub(crate) id: ID,
    /// The attempt's id.
    pub(crate) attempt_id: ID,
    /// What is accepted by name.
    pub(crate) accepted_dangers: Option<Vec<Danger>>,
}

/// How to renew an API key that has no secret.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct RenewApiKeyInput {
    /// The key's id.
    pub(crate) id: ID,
    /// Whether access tokens that were issued before are rejected at once.
    #[graphql(default = false)]
    pub(crate) end_issued_tokens: Option<bool>,
}

/// A token to be checked against an API key.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct CheckTokenInput {
    /// The key's id.
    pub(crate) id: ID,
    /// The token of a workload, or a client's own assertion.
    pub(crate) token: String,
}
