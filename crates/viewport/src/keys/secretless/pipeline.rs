//! The lines that an Admin pastes into a pipeline: they get the platform's token and exchange it.

use domain::workload::Preset;

/// What to know about the lines of `preset`, and the lines.
pub(super) fn lines(
    preset: Preset,
    client_id: &str,
    audience: &str,
    token_url: &str,
) -> (&'static str, String) {
    let exchange = |indent: usize, assertion: &str| {
        let line = format!("\n{}", " ".repeat(indent));
        [
            format!("TOKEN=$(curl -sS -X POST {token_url} \\"),
            "  -d \"grant_type=client_credentials\" \\".to_owned(),
            format!("  -d \"client_id={client_id}\" \\"),
            "  -d \"client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\" \\"
                .to_owned(),
            format!("  --data-urlencode \"client_assertion={assertion}\" |"),
            "  jq -nr 'input | .access_token // error(.error_description)')".to_owned(),
        ]
        .join(&line)
    };
    match preset {
        Preset::GitHubActions => (
            "Put the permission and the step into a job of your workflow. Later steps find the access token in DUKU_TOKEN.",
            format!(
                "permissions:\n  contents: read\n  id-token: write\nsteps:\n  - name: Fetch a Duku access token\n    run: |\n      \
                 ASSERTION=$(curl -sS -H \"Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN\" \\\n        \
                 \"$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}\" | jq -r .value)\n      {}\n      \
                 echo \"::add-mask::$TOKEN\"\n      echo \"DUKU_TOKEN=$TOKEN\" >> \"$GITHUB_ENV\"",
                exchange(6, "$ASSERTION")
            ),
        ),
        Preset::GitLabCi => (
            "Put the job into .gitlab-ci.yml. GitLab gives a job one token: it can be exchanged once, unless you accept that it is used again.",
            format!(
                "duku:\n  image: alpine:3\n  id_tokens:\n    DUKU_ASSERTION:\n      aud: {audience}\n  before_script:\n    \
                 - apk add --no-cache curl jq\n  script:\n    - |\n      {}\n      echo \"An access token of ${{#TOKEN}} characters\"",
                exchange(6, "$DUKU_ASSERTION")
            ),
        ),
        Preset::Kubernetes => (
            "Add the volume and its mount to the pod, which needs a service account of its own. The file is renewed by the kubelet.",
            format!(
                "spec:\n  serviceAccountName: deploy\n  volumes:\n    - name: duku\n      projected:\n        sources:\n          \
                 - serviceAccountToken:\n              path: assertion\n              audience: {audience}\n              \
                 expirationSeconds: 3600\n  containers:\n    - name: app\n      volumeMounts:\n        - name: duku\n          \
                 mountPath: /var/run/duku\n          readOnly: true\n# In the container:\n#   {}",
                exchange(2, "$(cat /var/run/duku/assertion)").replace('\n', "\n# ")
            ),
        ),
        Preset::CircleCi => (
            "Put the step into a job that uses a context, because only those get a token.",
            format!(
                "- run:\n    name: Fetch a Duku access token\n    command: |\n      \
                 ASSERTION=$(circleci run oidc get --claims '{{\"aud\": \"{audience}\"}}')\n      {}\n      \
                 echo \"export DUKU_TOKEN=$TOKEN\" >> \"$BASH_ENV\"",
                exchange(6, "$ASSERTION")
            ),
        ),
        Preset::Buildkite => (
            "Put the lines into a step's command.",
            format!(
                "ASSERTION=$(buildkite-agent oidc request-token --audience {audience} \\\n  --claim organization_id,pipeline_id)\n{}\n\
                 echo \"$TOKEN\" | buildkite-agent redactor add",
                exchange(0, "$ASSERTION")
            ),
        ),
        Preset::GoogleCloud => (
            "Run the lines where the service account is attached: Compute Engine, Cloud Run, GKE with workload identity.",
            format!(
                "ASSERTION=$(curl -sS -H \"Metadata-Flavor: Google\" \\\n  \"http://metadata.google.internal/computeMetadata/v1/instance/\
                 service-accounts/default/identity?audience={audience}&format=full\")\n{}",
                exchange(0, "$ASSERTION")
            ),
        ),
        Preset::Aws => (
            "Turn outbound identity federation on for the account first; the role needs sts:GetWebIdentityToken.",
            format!(
                "ASSERTION=$(aws sts get-web-identity-token --audience {audience} --signing-algorithm ES384 \\\n  --query WebIdentityToken \
                 --output text)\n{}",
                exchange(0, "$ASSERTION")
            ),
        ),
        Preset::HcpTerraform => (
            "Set the workspace's environment variable TFC_WORKLOAD_IDENTITY_AUDIENCE to the first line's value. A run gets the token in \
             TFC_WORKLOAD_IDENTITY_TOKEN.",
            format!(
                "# TFC_WORKLOAD_IDENTITY_AUDIENCE={audience}\n{}",
                exchange(0, "$TFC_WORKLOAD_IDENTITY_TOKEN")
            ),
        ),
        Preset::AnyOidc => (
            "Put your workload's token, made for the audience below, into ASSERTION.",
            format!("# aud: {audience}\n{}", exchange(0, "$ASSERTION")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_lines_with_the_keys_values_and_no_secret() {
        for preset in Preset::ALL {
            let (hint, lines) =
                lines(preset, "key_1", "https://auth.example/realms/duku", "https://auth.example/token");
            for needed in [
                "key_1",
                "https://auth.example/realms/duku",
                "https://auth.example/token",
                "client_assertion=",
            ] {
                assert!(lines.contains(needed), "{preset:?} lacks {needed}:\n{lines}");
            }
            assert!(hint.ends_with('.') && !lines.contains("secret"), "{preset:?}");
        }
    }

    /// The documentation's page of a platform.
    macro_rules! page {
        ($name:literal) => {
            include_str!(concat!("../../../../../docs/integrations/workload-identity/", $name, ".md"))
        };
    }

    #[test]
    fn the_documentation_shows_the_same_lines() {
        for preset in Preset::ALL {
            let page = match preset {
                Preset::GitHubActions => page!("github-actions"),
                Preset::GitLabCi => page!("gitlab-ci"),
                Preset::Kubernetes => page!("kubernetes"),
                Preset::CircleCi => page!("circleci"),
                Preset::Buildkite => page!("buildkite"),
                Preset::GoogleCloud => page!("google-cloud"),
                Preset::Aws => page!("aws"),
                Preset::HcpTerraform => page!("hcp-terraform"),
                Preset::AnyOidc => page!("any-oidc"),
            };
            let issuer = "https://auth.example.org/realms/duku";
            let token_url = format!("{issuer}/protocol/openid-connect/token");
            let (_, lines) = lines(preset, "<your_client_id>", issuer, &token_url);
            let shown: Vec<_> = page.lines().map(str::trim).collect();
            // What is a comment there is text or a block of its own on the page.
            let code = lines.lines().map(|line| line.trim_start_matches(['#', ' ']).trim());
            for line in code.filter(|line| !line.ends_with(issuer) && *line != "In the container:") {
                assert!(shown.contains(&line), "{preset:?}: {line}");
            }
        }
    }
}
