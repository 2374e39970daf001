//! The lines that an Admin pastes into a pipeline: they get the platform's token and exchange it.

use domain::workload::Preset;

/// What the lines need to know.
pub(super) struct Endpoints<'a> {
    /// Whom the platform's token is made for.
    pub(super) audience: &'a str,
    pub(super) token_url: &'a str,
    pub(super) graphql_url: &'a str,
}

/// What an Admin pastes into a pipeline.
pub(crate) struct Pipeline {
    /// What to know about it.
    pub(crate) hint: &'static str,
    /// Blocks of lines, each with its title.
    pub(crate) blocks: Vec<(&'static str, String)>,
}

/// Each line as far to the right as the first one of the place where `lines` are put.
fn indented(spaces: usize, lines: &str) -> String {
    lines.replace('\n', &format!("\n{}", " ".repeat(spaces)))
}

/// Exchanges what the shell calls `assertion`, and puts the access token into `TOKEN`. Without an answer it fails.
fn exchange(client_id: &str, token_url: &str, assertion: &str) -> String {
    format!(
        "TOKEN=$(curl -sS -X POST {token_url} \\\n  -d \"grant_type=client_credentials\" \\\n  -d \"client_id={client_id}\" \\\n  \
         -d \"client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\" \\\n  \
         --data-urlencode \"client_assertion={assertion}\" |\n  \
         jq -nr 'input | .access_token // error(.error_description)')"
    )
}

/// Asks for the products with the access token that the shell calls `token`.
fn query(graphql_url: &str, token: &str) -> String {
    format!(
        "curl -sS -X POST {graphql_url} \\\n  -H \"Authorization: Bearer {token}\" \\\n  -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"query\": \"{{ subjects {{ id name }} }}\"}}' |\n  \
         jq -ne 'input | if .errors then error(.errors[0].message) else .data.subjects end'"
    )
}

/// What to know about the lines of `preset`.
const fn hint(preset: Preset) -> &'static str {
    match preset {
        Preset::GitHubActions => {
            "Save this as .github/workflows/duku.yml, or put the permissions and the two steps into a job that you have."
        }
        Preset::GitLabCi => {
            "Put the job into .gitlab-ci.yml. GitLab gives a job one token: it can be exchanged once, unless you accept that it is used \
             again. Later lines of the script can use $TOKEN."
        }
        Preset::Kubernetes => {
            "Add the volume and its mount to the pod, which needs a service account of its own. The file is renewed by the kubelet."
        }
        Preset::CircleCi => "Put the step into a job. Later steps find the access token in DUKU_TOKEN.",
        Preset::Buildkite => {
            "Put the lines into a script that a step runs. In the pipeline's YAML itself, write $$ for each $."
        }
        Preset::GoogleCloud => {
            "Run the lines where the service account is attached: Compute Engine, Cloud Run, GKE with workload identity."
        }
        Preset::Aws => {
            "Turn outbound identity federation on for the account first; the role needs sts:GetWebIdentityToken."
        }
        Preset::HcpTerraform => {
            "Set the workspace's environment variable TFC_WORKLOAD_IDENTITY_AUDIENCE to the first block's value. A run gets the token in \
             TFC_WORKLOAD_IDENTITY_TOKEN."
        }
        Preset::AnyOidc => {
            "Put your workload's token into ASSERTION. It must be made for the audience of the first block."
        }
    }
}

/// A whole workflow of GitHub that fetches a token and sends a first query.
fn workflow(audience: &str, exchange: &str, graphql_url: &str) -> String {
    format!(
        "name: Query Duku\non:\n  push:\n    branches: [main]\n  workflow_dispatch:\njobs:\n  query:\n    \
                     runs-on: ubuntu-latest\n    permissions:\n      contents: read\n      id-token: write\n    steps:\n      \
                     - name: Fetch a Duku access token\n        run: |\n          \
                     : \"${{ACTIONS_ID_TOKEN_REQUEST_URL:?this job needs the permission id-token: write}}\"\n          \
                     ASSERTION=$(curl -sS -H \"Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN\" \\\n            \
                     \"$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}\" | jq -r .value)\n          {}\n          \
                     echo \"::add-mask::$TOKEN\"\n          echo \"DUKU_TOKEN=$TOKEN\" >> \"$GITHUB_ENV\"\n      \
                     - name: Query the products\n        run: |\n          {}",
        indented(10, exchange),
        indented(10, &query(graphql_url, "$DUKU_TOKEN")),
    )
}

/// The lines for a pipeline of `preset`.
pub(super) fn lines(preset: Preset, client_id: &str, endpoints: &Endpoints<'_>) -> Pipeline {
    let Endpoints { audience, token_url, graphql_url } = endpoints;
    let exchange = |assertion: &str| exchange(client_id, token_url, assertion);
    let first_query = |token: &str| ("A first query", query(graphql_url, token));
    let blocks = match preset {
        Preset::GitHubActions => vec![("Workflow", workflow(audience, &exchange("$ASSERTION"), graphql_url))],
        Preset::GitLabCi => vec![
            (
                "Job",
                format!(
                    "duku:\n  image: alpine:3\n  id_tokens:\n    DUKU_ASSERTION:\n      aud: {audience}\n  before_script:\n    \
                         - apk add --no-cache curl jq\n  script:\n    - |\n      {}\n      echo \"An access token of ${{#TOKEN}} characters\"",
                    indented(6, &exchange("$DUKU_ASSERTION"))
                ),
            ),
            first_query("$TOKEN"),
        ],
        Preset::Kubernetes => vec![
            (
                "Pod",
                format!(
                    "spec:\n  serviceAccountName: deploy\n  volumes:\n    - name: duku\n      projected:\n        sources:\n          \
                         - serviceAccountToken:\n              path: assertion\n              audience: {audience}\n              \
                         expirationSeconds: 3600\n  containers:\n    - name: app\n      volumeMounts:\n        - name: duku\n          \
                         mountPath: /var/run/duku\n          readOnly: true"
                ),
            ),
            ("In the container", exchange("$(cat /var/run/duku/assertion)")),
            first_query("$TOKEN"),
        ],
        Preset::CircleCi => vec![
            (
                "Step",
                format!(
                    "- run:\n    name: Fetch a Duku access token\n    command: |\n      \
                         ASSERTION=$(circleci run oidc get --claims '{{\"aud\": \"{audience}\"}}')\n      {}\n      \
                         echo \"export DUKU_TOKEN=$TOKEN\" >> \"$BASH_ENV\"",
                    indented(6, &exchange("$ASSERTION"))
                ),
            ),
            first_query("$DUKU_TOKEN"),
        ],
        Preset::Buildkite => vec![
            (
                "Script",
                format!(
                    "ASSERTION=$(buildkite-agent oidc request-token --audience {audience} \\\n  --claim organization_id,pipeline_id)\n{}\n\
                         echo \"$TOKEN\" | buildkite-agent redactor add",
                    exchange("$ASSERTION")
                ),
            ),
            first_query("$TOKEN"),
        ],
        Preset::GoogleCloud => vec![
            (
                "Script",
                format!(
                    "ASSERTION=$(curl -sS -H \"Metadata-Flavor: Google\" \\\n  \"http://metadata.google.internal/computeMetadata/v1/instance/\
                         service-accounts/default/identity?audience={audience}&format=full\")\n{}",
                    exchange("$ASSERTION")
                ),
            ),
            first_query("$TOKEN"),
        ],
        Preset::Aws => vec![
            (
                "Script",
                format!(
                    "ASSERTION=$(aws sts get-web-identity-token --audience {audience} --signing-algorithm ES384 \\\n  \
                         --query WebIdentityToken --output text)\n{}",
                    exchange("$ASSERTION")
                ),
            ),
            first_query("$TOKEN"),
        ],
        Preset::HcpTerraform => vec![
            ("TFC_WORKLOAD_IDENTITY_AUDIENCE", (*audience).to_owned()),
            ("Script", exchange("$TFC_WORKLOAD_IDENTITY_TOKEN")),
            first_query("$TOKEN"),
        ],
        Preset::AnyOidc => vec![
            ("Audience", (*audience).to_owned()),
            ("Script", exchange("$ASSERTION")),
            first_query("$TOKEN"),
        ],
    };
    Pipeline { hint: hint(preset), blocks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_lines_with_the_keys_values_and_no_secret() {
        for preset in Preset::ALL {
            let endpoints = Endpoints {
                audience: "https://auth.example/realms/duku",
                token_url: "https://auth.example/token",
                graphql_url: "https://platform.example/graphql",
            };
            let Pipeline { hint, blocks } = lines(preset, "key_1", &endpoints);
            let text: String = blocks.iter().map(|(_, lines)| lines.as_str()).collect();
            for needed in
                ["key_1", endpoints.audience, endpoints.token_url, endpoints.graphql_url, "client_assertion="]
            {
                assert!(text.contains(needed), "{preset:?} lacks {needed}:\n{text}");
            }
            assert!(hint.ends_with('.') && !text.contains("secret"), "{preset:?}");
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
            let endpoints = Endpoints {
                audience: "https://auth.example.org/realms/duku",
                token_url: "https://auth.example.org/realms/duku/protocol/openid-connect/token",
                graphql_url: "https://platform.example.org/graphql",
            };
            let shown: Vec<_> = page.lines().map(str::trim).collect();
            let blocks = lines(preset, "<your_client_id>", &endpoints).blocks;
            // How to query is on a page of its own; an audience stands in the text.
            for (title, block) in blocks.iter().filter(|(title, _)| *title != "A first query") {
                for line in block.lines().map(str::trim).filter(|line| *line != endpoints.audience) {
                    assert!(shown.contains(&line), "{preset:?}, {title}: {line}");
                }
            }
        }
    }
}
