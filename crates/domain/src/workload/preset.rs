//! What is known of each kind of issuer.

use super::{Claims, IssuerUrl, claims::scalar_at, known_claims::ValueForm};
use crate::Invalid;
use std::borrow::Cow;

words! {
    /// A kind of issuer.
    #[derive(PartialOrd, Ord, Hash)]
    pub enum Preset {
        /// GitHub Actions, on github.com, ghe.com and GitHub Enterprise Server.
        GitHubActions = "github_actions",
        /// GitLab CI/CD, on gitlab.com and other instances.
        GitLabCi = "gitlab_ci",
        /// Service accounts of a Kubernetes cluster.
        Kubernetes = "kubernetes",
        /// CircleCI.
        CircleCi = "circleci",
        /// Buildkite agents.
        Buildkite = "buildkite",
        /// Service accounts of Google Cloud.
        GoogleCloud = "google_cloud",
        /// IAM roles of an AWS account with outbound identity federation.
        Aws = "aws",
        /// Runs of HCP Terraform.
        HcpTerraform = "hcp_terraform",
        /// An issuer that is none of these.
        AnyOidc = "oidc",
    }
}

/// How the URL of a preset's issuer is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownIssuer {
    /// It is always this one.
    Fixed(&'static str),
    /// It is this one unless the Admin's installation has its own.
    Default(&'static str),
    /// It has this form, with the Admin's own id in it.
    Pattern(&'static str),
    /// The Admin gives it.
    Given,
}

/// The claims that describe a run, as names from the outermost in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunClaims {
    /// The repository, project or workspace.
    pub repository: Option<&'static [&'static str]>,
    /// The branch or tag.
    pub reference: Option<&'static [&'static str]>,
    /// The commit's hash.
    pub commit: Option<&'static [&'static str]>,
    /// Who started the run.
    pub actor: Option<&'static [&'static str]>,
    /// The workflow's file, step or phase.
    pub workflow: Option<&'static [&'static str]>,
    /// What started it.
    pub event: Option<&'static [&'static str]>,
    /// The run's number or id, as its platform shows it.
    pub run: Option<&'static [&'static str]>,
}

const HOUR: i64 = 3600;
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";
const BUILDKITE: &str = "https://agent.buildkite.com";
const GOOGLE: &str = "https://accounts.google.com";
const TERRAFORM: &str = "https://app.terraform.io";

impl Preset {
    /// Every preset, in the order in which they are offered.
    pub const ALL: [Self; 9] = [
        Self::GitHubActions,
        Self::GitLabCi,
        Self::Kubernetes,
        Self::CircleCi,
        Self::Buildkite,
        Self::GoogleCloud,
        Self::Aws,
        Self::HcpTerraform,
        Self::AnyOidc,
    ];

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GitHubActions => "GitHub Actions",
            Self::GitLabCi => "GitLab CI",
            Self::Kubernetes => "Kubernetes",
            Self::CircleCi => "CircleCI",
            Self::Buildkite => "Buildkite",
            Self::GoogleCloud => "Google Cloud",
            Self::Aws => "AWS",
            Self::HcpTerraform => "HCP Terraform",
            Self::AnyOidc => "Any OIDC issuer",
        }
    }

    /// How its issuer is known.
    pub const fn issuer(self) -> KnownIssuer {
        match self {
            Self::GitHubActions => KnownIssuer::Default(GITHUB),
            Self::GitLabCi => KnownIssuer::Default(GITLAB),
            Self::CircleCi => KnownIssuer::Pattern("https://oidc.circleci.com/org/ORGANIZATION_ID"),
            Self::Buildkite => KnownIssuer::Fixed(BUILDKITE),
            Self::GoogleCloud => KnownIssuer::Fixed(GOOGLE),
            Self::Aws => KnownIssuer::Pattern("https://ID.tokens.sts.global.api.aws"),
            Self::HcpTerraform => KnownIssuer::Fixed(TERRAFORM),
            Self::Kubernetes | Self::AnyOidc => KnownIssuer::Given,
        }
    }

    /// The longest life of a token that is accepted, in seconds.
    ///
    /// Tokens live 5 minutes at GitHub and, unless asked otherwise, at Buildkite; an hour at CircleCI and Google, and at most an hour at
    /// AWS. Those of GitLab last as long as the job may, those of HCP Terraform as long as the phase may, and those that a pod
    /// gets as long as it asks for, an hour by default: a day is allowed to these three.
    pub const fn longest_lifetime_seconds(self) -> i64 {
        match self {
            Self::GitLabCi | Self::Kubernetes | Self::HcpTerraform => 24 * HOUR,
            Self::GitHubActions
            | Self::CircleCi
            | Self::Buildkite
            | Self::GoogleCloud
            | Self::Aws
            | Self::AnyOidc => HOUR,
        }
    }

    /// Whether each of its tokens has a `jti`, which can be required and used up. Newer clusters of Kubernetes send one, too, but a
    /// pod reads the same token from its file until it is renewed.
    pub const fn has_token_id(self) -> bool {
        match self {
            Self::GitHubActions | Self::GitLabCi | Self::Buildkite | Self::Aws | Self::HcpTerraform => true,
            Self::Kubernetes | Self::CircleCi | Self::GoogleCloud | Self::AnyOidc => false,
        }
    }

    /// Whether its platform gives the same token to whoever asks again, so that none can be used up: a pod reads it from a file.
    pub const fn hands_out_tokens_again(self) -> bool {
        matches!(self, Self::Kubernetes)
    }

    /// The preset that `issuer` belongs to, by its host, or its path where hosts differ. Nothing for an issuer that could be
    /// anybody's: a GitLab instance or a cluster at its own name.
    pub fn of_issuer(issuer: &IssuerUrl) -> Option<Self> {
        let host = issuer.host();
        match host {
            "token.actions.githubusercontent.com" => Some(Self::GitHubActions),
            "gitlab.com" => Some(Self::GitLabCi),
            "oidc.circleci.com" => Some(Self::CircleCi),
            "agent.buildkite.com" => Some(Self::Buildkite),
            "accounts.google.com" => Some(Self::GoogleCloud),
            "app.terraform.io" => Some(Self::HcpTerraform),
            "container.googleapis.com" => Some(Self::Kubernetes),
            _ if host.ends_with(".ghe.com") || issuer.path().starts_with("/_services/token") => {
                Some(Self::GitHubActions)
            }
            _ if host.ends_with(".tokens.sts.global.api.aws") => Some(Self::Aws),
            _ if host.ends_with(".oic.prod-aks.azure.com")
                || (host.starts_with("oidc.eks.")
                    && [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|end| host.ends_with(end))) =>
            {
                Some(Self::Kubernetes)
            }
            _ => None,
        }
    }

    /// Checks that `issuer` is one of this preset's.
    ///
    /// # Errors
    /// It belongs to another preset, or is spelt otherwise than this preset's tokens have it.
    pub fn check_issuer(self, issuer: &IssuerUrl) -> Result<(), Invalid> {
        let reject = |message: String| Err(Invalid::new("issuer", message));
        if let Some(other) = Self::of_issuer(issuer).filter(|known| *known != self) {
            return reject(format!("this is the issuer of {}: choose that platform", other.name()));
        }
        let text = issuer.as_str();
        let expected = match self {
            Self::GitHubActions if !is_github(issuer) => {
                format!(
                    "{GITHUB} (or that with /ENTERPRISE), https://token.actions.SUBDOMAIN.ghe.com, or \
                     https://HOST/_services/token for GitHub Enterprise Server"
                )
            }
            Self::GitLabCi if text.ends_with('/') || (issuer.host() == "gitlab.com" && text != GITLAB) => {
                format!("the instance's URL without a slash at its end, like {GITLAB}")
            }
            Self::CircleCi if !is_circleci(issuer) => {
                "https://oidc.circleci.com/org/ and the organization's id as a UUID in lower case".to_owned()
            }
            Self::Aws if !is_aws(issuer) => {
                "the account's own issuer, like https://ID.tokens.sts.global.api.aws".to_owned()
            }
            Self::Buildkite if text != BUILDKITE => BUILDKITE.to_owned(),
            Self::GoogleCloud if text != GOOGLE => GOOGLE.to_owned(),
            Self::HcpTerraform if text != TERRAFORM => TERRAFORM.to_owned(),
            _ => return Ok(()),
        };
        reject(format!("tokens of {} do not have this issuer: write {expected}", self.name()))
    }

    /// Whom the workload with `claims` belongs to, by an id that others cannot take: attempts are counted by it. Empty if the claim is
    /// missing.
    pub fn owner(self, claims: &Claims) -> Cow<'_, str> {
        let names: &[&str] = match self {
            Self::GitHubActions => &["repository_owner_id"],
            Self::GitLabCi => &["namespace_id"],
            Self::CircleCi => &["oidc.circleci.com/project-id"],
            Self::Buildkite => &["organization_id"],
            Self::HcpTerraform => &["terraform_organization_id"],
            Self::Kubernetes => &["kubernetes.io", "namespace"],
            Self::GoogleCloud | Self::Aws | Self::AnyOidc => &["sub"],
        };
        scalar_at(claims, names).unwrap_or_default()
    }

    /// Which claims describe the run.
    pub const fn run_claims(self) -> RunClaims {
        const NONE: RunClaims = RunClaims {
            repository: None,
            reference: None,
            commit: None,
            actor: None,
            workflow: None,
            event: None,
            run: None,
        };
        match self {
            Self::GitHubActions => RunClaims {
                repository: Some(&["repository"]),
                reference: Some(&["ref"]),
                commit: Some(&["sha"]),
                actor: Some(&["actor"]),
                workflow: Some(&["workflow_ref"]),
                event: Some(&["event_name"]),
                run: Some(&["run_number"]),
            },
            Self::GitLabCi => RunClaims {
                repository: Some(&["project_path"]),
                reference: Some(&["ref"]),
                commit: Some(&["sha"]),
                actor: Some(&["user_login"]),
                workflow: Some(&["ci_config_ref_uri"]),
                event: Some(&["pipeline_source"]),
                run: Some(&["pipeline_id"]),
            },
            Self::Kubernetes => RunClaims { run: Some(&["kubernetes.io", "pod", "name"]), ..NONE },
            Self::CircleCi => RunClaims {
                repository: Some(&["oidc.circleci.com/vcs-origin"]),
                reference: Some(&["oidc.circleci.com/vcs-ref"]),
                commit: Some(&["oidc.circleci.com/vcs-sha"]),
                run: Some(&["oidc.circleci.com/pipeline-id"]),
                ..NONE
            },
            Self::Buildkite => RunClaims {
                reference: Some(&["build_branch"]),
                commit: Some(&["build_commit"]),
                workflow: Some(&["step_key"]),
                run: Some(&["build_number"]),
                ..NONE
            },
            Self::GoogleCloud => RunClaims { actor: Some(&["email"]), ..NONE },
            Self::HcpTerraform => RunClaims {
                workflow: Some(&["terraform_run_phase"]),
                run: Some(&["terraform_run_id"]),
                ..NONE
            },
            Self::Aws | Self::AnyOidc => NONE,
        }
    }
}

/// Letters, digits and hyphens in lower case, as in the names of enterprises and subdomains.
fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_github(issuer: &IssuerUrl) -> bool {
    let subdomain =
        issuer.authority().strip_prefix("token.actions.").and_then(|rest| rest.strip_suffix(".ghe.com"));
    if issuer.authority() == "token.actions.githubusercontent.com" || subdomain.is_some_and(is_slug) {
        return issuer.path().is_empty() || issuer.path().strip_prefix('/').is_some_and(is_slug);
    }
    issuer.path() == "/_services/token"
        && !issuer.host().ends_with(".ghe.com")
        && issuer.host() != "token.actions.githubusercontent.com"
}

fn is_circleci(issuer: &IssuerUrl) -> bool {
    issuer.authority() == "oidc.circleci.com"
        && issuer.path().strip_prefix("/org/").is_some_and(|id| ValueForm::Uuid.advice(id).is_none())
}

fn is_aws(issuer: &IssuerUrl) -> bool {
    issuer.path().is_empty()
        && issuer.authority().strip_suffix(".tokens.sts.global.api.aws").is_some_and(is_slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> IssuerUrl {
        IssuerUrl::parse(text).unwrap()
    }

    #[test]
    fn issuers_are_recognised_and_belong_to_one_preset() {
        use Preset::*;
        for (text, preset) in [
            (GITHUB, Some(GitHubActions)),
            ("https://token.actions.githubusercontent.com/acme-inc", Some(GitHubActions)),
            ("https://token.actions.octocorp.ghe.com", Some(GitHubActions)),
            ("https://token.actions.octocorp.ghe.com/octocorp", Some(GitHubActions)),
            ("https://github.acme.example/_services/token", Some(GitHubActions)),
            (GITLAB, Some(GitLabCi)),
            ("https://gitlab.acme.example:8443/gitlab", None),
            ("https://oidc.circleci.com/org/a64b0a19-f221-4291-b000-8d24bd842b72", Some(CircleCi)),
            (BUILDKITE, Some(Buildkite)),
            (GOOGLE, Some(GoogleCloud)),
            ("https://abc123-def456.tokens.sts.global.api.aws", Some(Aws)),
            (TERRAFORM, Some(HcpTerraform)),
            (
                "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
                Some(Kubernetes),
            ),
            ("https://container.googleapis.com/v1/projects/p/locations/l/clusters/c", Some(Kubernetes)),
            ("https://westeurope.oic.prod-aks.azure.com/aaaa/bbbb/", Some(Kubernetes)),
            ("https://kubernetes.default.svc.cluster.local", None),
        ] {
            let issuer = issuer(text);
            assert_eq!(Preset::of_issuer(&issuer), preset, "{text}");
            if let Some(preset) = preset {
                assert_eq!(preset.check_issuer(&issuer), Ok(()), "{text}");
                for other in Preset::ALL.into_iter().filter(|other| *other != preset) {
                    let rejection = other.check_issuer(&issuer).unwrap_err();
                    assert!(rejection.message.contains(preset.name()), "{other:?} {rejection}");
                }
            } else {
                for open in [GitLabCi, Kubernetes, AnyOidc] {
                    assert_eq!(open.check_issuer(&issuer), Ok(()), "{text}");
                }
                for closed in [GitHubActions, CircleCi, Buildkite, GoogleCloud, Aws, HcpTerraform] {
                    assert!(closed.check_issuer(&issuer).is_err(), "{text}");
                }
            }
        }
    }

    #[test]
    fn an_issuer_that_nearly_belongs_to_a_preset_is_rejected_everywhere() {
        for text in [
            "https://token.actions.githubusercontent.com/",
            "https://token.actions.githubusercontent.com:8443",
            "https://token.actions.githubusercontent.com/a/b",
            "https://token.actions.githubusercontent.com/Acme",
            "https://token.actions.githubusercontent.com/_services/token",
            "https://actions.octocorp.ghe.com",
            "https://octocorp.ghe.com/_services/token",
            "https://token.actions.a.b.ghe.com",
            "https://github.acme.example/_services/token/",
            "https://gitlab.com/",
            "https://gitlab.com/acme",
            "https://gitlab.com:443",
            "https://oidc.circleci.com",
            "https://oidc.circleci.com/org/acme",
            "https://oidc.circleci.com/org/A64B0A19-f221-4291-b000-8d24bd842b72",
            "https://oidc.circleci.com/org/a64b0a19-f221-4291-b000-8d24bd842b72/",
            "https://agent.buildkite.com/",
            "https://accounts.google.com/",
            "https://app.terraform.io/",
            "https://a.b.tokens.sts.global.api.aws",
            "https://abc.tokens.sts.global.api.aws/x",
        ] {
            for preset in Preset::ALL {
                assert!(preset.check_issuer(&issuer(text)).is_err(), "{preset:?} {text}");
            }
        }
    }

    #[test]
    fn a_host_that_only_looks_like_a_presets_is_not_taken_for_it() {
        for text in [
            "https://token.actions.githubusercontent.com.evil.example",
            "https://evil-gitlab.com",
            "https://gitlab.com.evil.example",
            "https://evilghe.com",
            "https://tokens.sts.global.api.aws.evil.example",
            "https://agent.buildkite.com.evil.example",
        ] {
            assert_eq!(Preset::of_issuer(&issuer(text)), None, "{text}");
        }
    }

    #[test]
    fn words_read_back_and_what_is_fixed_is_accepted() {
        for preset in Preset::ALL {
            assert_eq!(Preset::parse(preset.as_str()), Some(preset));
            if let KnownIssuer::Fixed(text) | KnownIssuer::Default(text) = preset.issuer() {
                assert_eq!(preset.check_issuer(&issuer(text)), Ok(()));
            }
            assert!((HOUR..=24 * HOUR).contains(&preset.longest_lifetime_seconds()));
        }
    }
}
