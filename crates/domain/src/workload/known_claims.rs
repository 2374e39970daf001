//! What is known of the claims of each preset: which are pins, which are offered for conditions, and what their values look like.

use super::{ClaimName, Claims, Conditions, Preset, claims::scalar};
use ValueForm::{
    Digits, Id, OneOf, Origin, Reference, Repository, RoleArn, ShortReference, Text, Uuid, WorkflowReference,
};
use std::borrow::Cow;

/// A claim of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownClaim {
    /// The names that lead to it, from the outermost in.
    pub names: &'static [&'static str],
    /// What its values look like.
    pub form: ValueForm,
    /// Whether "Allow exactly this" makes a condition of it. Pins always become one.
    pub is_preselected: bool,
}

impl KnownClaim {
    /// Its name.
    pub fn name(&self) -> ClaimName {
        ClaimName::of(self.names)
    }
}

/// What the values of a claim look like. A condition that none of them meets would reject everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueForm {
    /// Any text.
    Text,
    /// Digits alone.
    Digits,
    /// A UUID in lower case (RFC 9562 §4).
    Uuid,
    /// This beginning, then letters and digits.
    Id(&'static str),
    /// The ARN of an IAM role.
    RoleArn,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole Git reference: `refs/heads/main`.
    Reference,
    /// The name of a branch or tag without `refs/heads/`.
    ShortReference,
    /// `owner/name`.
    Repository,
    /// A workflow file and its reference: `acme/shop/.github/workflows/deploy.yml@refs/heads/main`.
    WorkflowReference,
    /// A repository's URL without its scheme: `github.com/acme/shop`.
    Origin,
}

impl ValueForm {
    /// What to write instead of `text` if no value can match it. In `text`, `*` stands for at least one character but `:` and `/`.
    pub(super) fn advice(self, text: &str) -> Option<String> {
        let slashes = text.matches('/').count();
        let is_pattern = text.contains('*');
        let fits = match self {
            Self::Text => true,
            Self::Digits => text.bytes().all(|b| b.is_ascii_digit() || b == b'*'),
            Self::Uuid => is_uuid(text),
            Self::Id(prefix) => text.strip_prefix(prefix).is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'*')
            }),
            Self::RoleArn => is_role_arn(text),
            Self::OneOf(words) => is_pattern || words.contains(&text),
            Self::Reference => slashes >= 2 && may_begin_with(text, "refs/"),
            Self::ShortReference => !text.starts_with("refs/"),
            Self::Repository => slashes == 1,
            Self::WorkflowReference => slashes >= 6 && (is_pattern || text.contains('@')),
            Self::Origin => !text.contains("://"),
        };
        (!fits).then(|| self.describe())
    }

    /// What values look like, as the end of "write …".
    fn describe(self) -> String {
        match self {
            Self::Text => "any text".to_owned(),
            Self::Digits => "the number, in digits alone".to_owned(),
            Self::Uuid => {
                "the id as a UUID in lower case, like 5a301f56-eaa7-4cce-9441-37810f7c8452".to_owned()
            }
            Self::Id(prefix) => format!("the id, which begins with {prefix}"),
            Self::RoleArn => "the role's ARN, like arn:aws:iam::123456789012:role/deploy".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Reference => {
                "the whole reference, like refs/heads/main or refs/tags/v*; `*` stands for no slash"
                    .to_owned()
            }
            Self::ShortReference => "the branch or tag without refs/heads/, like main".to_owned(),
            Self::Repository => {
                "owner and name, like acme/shop or acme/*; `*` stands for no slash".to_owned()
            }
            Self::WorkflowReference => "the file and its reference, like \
                 acme/shop/.github/workflows/deploy.yml@refs/heads/main; `*` stands for no slash"
                .to_owned(),
            Self::Origin => "the repository without https://, like github.com/acme/shop".to_owned(),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(position, b)| match position {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || matches!(b, b'a'..=b'f'),
        })
}

/// `arn:PARTITION:iam::ACCOUNT:role/PATH` (IAM identifiers in the AWS documentation).
fn is_role_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account, resource) =
        (next(), next(), next(), next(), next(), next());
    arn == "arn"
        && partition.starts_with("aws")
        && (service, region) == ("iam", "")
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty() && !name.ends_with('/'))
}

/// Whether a value that matches `pattern` can begin with `beginning`.
fn may_begin_with(pattern: &str, beginning: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.starts_with(beginning),
        Some((fixed, _)) => beginning.starts_with(fixed) || fixed.starts_with(beginning),
    }
}

const fn pin(names: &'static [&'static str], form: ValueForm) -> KnownClaim {
    KnownClaim { names, form, is_preselected: true }
}

const fn offer(names: &'static [&'static str], form: ValueForm, is_preselected: bool) -> KnownClaim {
    KnownClaim { names, form, is_preselected }
}

const GITHUB_PINS: [KnownClaim; 2] = [pin(&["repository_id"], Digits), pin(&["repository_owner_id"], Digits)];
const GITHUB_OFFERS: [KnownClaim; 9] = [
    offer(&["ref"], Reference, true),
    offer(&["environment"], Text, true),
    offer(&["event_name"], Text, false),
    offer(&["workflow_ref"], WorkflowReference, true),
    offer(&["job_workflow_ref"], WorkflowReference, false),
    offer(&["runner_environment"], OneOf(&["github-hosted", "self-hosted"]), true),
    offer(&["repository"], Repository, false),
    offer(&["ref_type"], OneOf(&["branch", "tag"]), false),
    offer(&["ref_protected"], OneOf(&["true", "false"]), false),
];
const GITLAB_PINS: [KnownClaim; 2] = [pin(&["project_id"], Digits), pin(&["namespace_id"], Digits)];
const GITLAB_OFFERS: [KnownClaim; 9] = [
    offer(&["ref"], ShortReference, true),
    offer(&["ref_type"], OneOf(&["branch", "tag"]), true),
    offer(&["ref_protected"], OneOf(&["true", "false"]), true),
    offer(&["environment"], Text, true),
    offer(&["ci_config_ref_uri"], Text, false),
    offer(&["pipeline_source"], Text, false),
    offer(&["ref_path"], Reference, false),
    offer(&["environment_protected"], OneOf(&["true", "false"]), false),
    offer(&["runner_environment"], OneOf(&["gitlab-hosted", "self-hosted"]), false),
];
const KUBERNETES_PINS: [KnownClaim; 3] = [
    pin(&["kubernetes.io", "namespace"], Text),
    pin(&["kubernetes.io", "serviceaccount", "name"], Text),
    pin(&["kubernetes.io", "serviceaccount", "uid"], Text),
];
const KUBERNETES_OFFERS: [KnownClaim; 2] = [
    offer(&["kubernetes.io", "pod", "name"], Text, false),
    offer(&["kubernetes.io", "node", "name"], Text, false),
];
const CIRCLECI_PINS: [KnownClaim; 1] = [pin(&["oidc.circleci.com/project-id"], Uuid)];
/// `context-ids` is a list, which no condition matches.
const CIRCLECI_OFFERS: [KnownClaim; 3] = [
    offer(&["oidc.circleci.com/vcs-origin"], Origin, true),
    offer(&["oidc.circleci.com/vcs-ref"], Reference, true),
    offer(&["oidc.circleci.com/ssh-rerun"], OneOf(&["true", "false"]), true),
];
/// A job asks for both: `buildkite-agent oidc request-token --claim organization_id --claim pipeline_id`.
const BUILDKITE_PINS: [KnownClaim; 2] = [pin(&["organization_id"], Uuid), pin(&["pipeline_id"], Uuid)];
const BUILDKITE_OFFERS: [KnownClaim; 3] = [
    offer(&["build_branch"], ShortReference, true),
    offer(&["build_tag"], Text, true),
    offer(&["step_key"], Text, true),
];
const GOOGLE_PINS: [KnownClaim; 1] = [pin(&["sub"], Digits)];
/// The metadata server puts it into tokens with `format=full` alone.
const GOOGLE_OFFERS: [KnownClaim; 1] = [offer(&["email"], Text, false)];
const AWS_PINS: [KnownClaim; 1] = [pin(&["sub"], RoleArn)];
/// The tags of principals, sessions and requests are named by the Admin, below `principal_tags` and `request_tags`.
const AWS_OFFERS: [KnownClaim; 3] = [
    offer(&["https://sts.amazonaws.com/", "aws_account"], Digits, false),
    offer(&["https://sts.amazonaws.com/", "org_id"], Text, false),
    offer(&["https://sts.amazonaws.com/", "source_region"], Text, false),
];
const TERRAFORM_PINS: [KnownClaim; 2] =
    [pin(&["terraform_organization_id"], Id("org-")), pin(&["terraform_workspace_id"], Id("ws-"))];
const TERRAFORM_OFFERS: [KnownClaim; 1] = [offer(&["terraform_run_phase"], OneOf(&["plan", "apply"]), true)];

impl Preset {
    /// The claims that must be pinned: they name the workload and never change hands. [`Self::AnyOidc`] has none of its own: there
    /// the Admin names at least one.
    pub const fn pins(self) -> &'static [KnownClaim] {
        match self {
            Self::GitHubActions => &GITHUB_PINS,
            Self::GitLabCi => &GITLAB_PINS,
            Self::Kubernetes => &KUBERNETES_PINS,
            Self::CircleCi => &CIRCLECI_PINS,
            Self::Buildkite => &BUILDKITE_PINS,
            Self::GoogleCloud => &GOOGLE_PINS,
            Self::Aws => &AWS_PINS,
            Self::HcpTerraform => &TERRAFORM_PINS,
            Self::AnyOidc => &[],
        }
    }

    /// The claims that are offered for further conditions, as the issuers' documentation describes them. Others can be named too.
    pub const fn offered(self) -> &'static [KnownClaim] {
        match self {
            Self::GitHubActions => &GITHUB_OFFERS,
            Self::GitLabCi => &GITLAB_OFFERS,
            Self::Kubernetes => &KUBERNETES_OFFERS,
            Self::CircleCi => &CIRCLECI_OFFERS,
            Self::Buildkite => &BUILDKITE_OFFERS,
            Self::GoogleCloud => &GOOGLE_OFFERS,
            Self::Aws => &AWS_OFFERS,
            Self::HcpTerraform => &TERRAFORM_OFFERS,
            Self::AnyOidc => &[],
        }
    }

    /// The claims by which a person tells the runs of a workload apart, in the order in which they are read: names first, then pins,
    /// then what conditions are made of. Of an unknown issuer's token these are all claims but times and its id. `conditions` adds those
    /// that a key's own conditions name.
    ///
    /// Two tokens that agree in them are the same to whoever allows a run.
    pub fn distinguishing_claims(
        self,
        claims: &Claims,
        conditions: Option<&Conditions>,
    ) -> Vec<(ClaimName, String)> {
        let run = self.run_claims();
        let first = [run.repository, run.reference, run.workflow, run.event, run.actor];
        let known = self.pins().iter().chain(self.offered()).map(|known| known.names);
        let names = first.into_iter().flatten().chain(known).chain([&["sub"][..]]).map(ClaimName::of);
        let of_key =
            conditions.into_iter().flat_map(Conditions::all).map(|condition| condition.claim().clone());
        let others = claims.keys().filter(|name| {
            self == Self::AnyOidc && !["iss", "aud", "exp", "nbf", "iat", "jti"].contains(&name.as_str())
        });
        let mut found: Vec<(ClaimName, String)> = Vec::new();
        for name in names.chain(of_key).chain(others.map(|name| ClaimName::of(&[name]))) {
            let value = name.value(claims).and_then(scalar).filter(|value| !value.is_empty());
            if let Some(value) = value
                && !found.iter().any(|(known, _)| *known == name)
            {
                found.push((name, value.into_owned()));
            }
        }
        found
    }

    /// What is known of `claim`.
    pub(super) fn known_claim(self, claim: &ClaimName) -> Option<&'static KnownClaim> {
        self.pins().iter().chain(self.offered()).find(|known| claim.is(known.names))
    }

    /// `text` as it is compared. GitHub does not tell names of owners and repositories apart by the case of ASCII letters, so
    /// `repository`, `repository_owner` and the beginning of a workflow's reference are compared in lower case.
    pub(super) fn comparable<'t>(self, claim: &ClaimName, text: &'t str) -> Cow<'t, str> {
        let Self::GitHubActions = self else { return Cow::Borrowed(text) };
        let names_end = if claim.is(&["repository"]) || claim.is(&["repository_owner"]) {
            text.len()
        } else if claim.is(&["workflow_ref"]) || claim.is(&["job_workflow_ref"]) {
            text.match_indices('/').nth(1).map_or(0, |(position, _)| position)
        } else {
            0
        };
        let (names, rest) = text.split_at(names_end);
        if names.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(names.to_ascii_lowercase() + rest)
        } else {
            Cow::Borrowed(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_an_issuer_never_sends_get_advice() {
        for (form, fits, does_not) in [
            (Digits, &["0", "123"][..], &["acme", "1a", "-1", "１２"][..]),
            (
                Uuid,
                &["5a301f56-eaa7-4cce-9441-37810f7c8452"],
                &["5A301F56-eaa7-4cce-9441-37810f7c8452", "5a301f56eaa74cce944137810f7c8452", "x"],
            ),
            (Id("org-"), &["org-GRNbCjYNpBB6NEH9"], &["org-", "acme", "ws-1"]),
            (
                RoleArn,
                &["arn:aws:iam::123456789012:role/deploy", "arn:aws-cn:iam::123456789012:role/a/b"],
                &[
                    "deploy",
                    "arn:aws:iam::123456789012:user/ada",
                    "arn:aws:iam::1:role/x",
                    "arn:aws:sts::123456789012:assumed-role/x/y",
                    "arn:aws:iam::123456789012:role/",
                ],
            ),
            (OneOf(&["plan", "apply"]), &["plan", "*"], &["Plan", ""]),
            (
                Reference,
                &["refs/heads/main", "refs/*/main", "*/heads/main", "ref*/heads/x"],
                &["main", "refs/*", "x*/a/b"],
            ),
            (ShortReference, &["main", "release/*"], &["refs/heads/main"]),
            (
                Repository,
                &["acme/shop", "acme/*", "*/shop"],
                &["shop", "*", "acme/*/x", "https://github.com/acme/shop"],
            ),
            (
                WorkflowReference,
                &[
                    "acme/shop/.github/workflows/a.yml@refs/heads/main",
                    "acme/shop/.github/workflows/*/heads/main",
                    "acme/shop/.github/workflows/a.yml@refs/tags/*",
                ],
                &["a.yml", "acme/shop/.github/workflows/*", "acme/shop/.github/workflows/a.yml@*"],
            ),
            (Origin, &["github.com/acme/shop"], &["https://github.com/acme/shop"]),
            (Text, &["", "x"], &[]),
        ] {
            for text in fits {
                assert_eq!(form.advice(text), None, "{form:?} {text}");
            }
            for text in does_not {
                assert!(form.advice(text).is_some(), "{form:?} {text}");
            }
        }
    }

    #[test]
    fn no_claim_of_a_preset_is_listed_twice() {
        for preset in Preset::ALL {
            let mut names: Vec<_> =
                preset.pins().iter().chain(preset.offered()).map(KnownClaim::name).collect();
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{preset:?}");
        }
    }
}
