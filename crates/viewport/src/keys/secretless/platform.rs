//! What a form says of the platform that vouches for a workload.

use domain::workload::{KnownIssuer, Preset};

/// The platforms that most keys are for; the others are a click away.
pub(crate) const USUAL: [Preset; 5] =
    [Preset::GitHubActions, Preset::GitLabCi, Preset::Kubernetes, Preset::Aws, Preset::GoogleCloud];

/// What the first run shows, so that nobody enters it.
pub(super) const fn workload(preset: Preset) -> &'static str {
    match preset {
        Preset::GitHubActions => "repository",
        Preset::GitLabCi | Preset::CircleCi => "project",
        Preset::Kubernetes | Preset::GoogleCloud => "service account",
        Preset::Buildkite => "pipeline",
        Preset::Aws => "role",
        Preset::HcpTerraform => "workspace",
        Preset::AnyOidc => "subject",
    }
}

/// Whether its issuer must be entered.
pub(super) const fn needs_issuer(preset: Preset) -> bool {
    matches!(preset.issuer(), KnownIssuer::Pattern(_) | KnownIssuer::Given)
}

/// What to enter as its issuer; nothing where it is always the same.
pub(super) const fn issuer_hint(preset: Preset) -> &'static str {
    match preset {
        Preset::GitHubActions => {
            "Empty for github.com. GitHub Enterprise has its own, like https://HOST/_services/token or \
             https://token.actions.SUBDOMAIN.ghe.com."
        }
        Preset::GitLabCi => {
            "Empty for gitlab.com. An instance of your own has its URL, without a slash at its end."
        }
        Preset::Kubernetes => {
            "The cluster's, as kubectl get --raw /.well-known/openid-configuration shows it under issuer."
        }
        Preset::CircleCi => "https://oidc.circleci.com/org/ and your organization's id.",
        Preset::Aws => "Your account's own, like https://ID.tokens.sts.global.api.aws.",
        Preset::AnyOidc => "The https address that its tokens have in iss.",
        Preset::Buildkite | Preset::GoogleCloud | Preset::HcpTerraform => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_can_be_entered_has_a_hint() {
        for preset in Preset::ALL {
            let is_fixed = matches!(preset.issuer(), KnownIssuer::Fixed(_));
            assert_eq!(issuer_hint(preset).is_empty(), is_fixed, "{preset:?}");
            assert!(!(is_fixed && needs_issuer(preset)), "{preset:?}");
        }
    }
}
