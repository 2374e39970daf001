//! Which run a token was made for, as the audit log and "last used" say it.

use super::{Claims, IssuerUrl, Preset, claims::scalar_at};
use crate::text::reported_name;
use serde::{Deserialize, Serialize};

/// The longest text of a part, in characters.
const PART: usize = 200;
/// The longest title, in characters.
const TITLE: usize = 400;

/// What the claims of a token say of the run that it was made for. All texts are bounded and free of what nobody can see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// What it is, as a person says it: `run 4711 of acme/shop on main`.
    pub title: String,
    /// Its page on its platform, an `https` URL. Only where the issuer tells the host, and every part of the path has the form that
    /// the platform gives it.
    pub url: Option<String>,
    /// The repository, project or workspace.
    pub repository: Option<String>,
    /// The branch or tag, as the token has it.
    pub reference: Option<String>,
    /// The commit's hash.
    pub commit: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// The workflow's file, step or phase.
    pub workflow: Option<String>,
    /// What started it, as its platform calls it: `push`.
    pub event: Option<String>,
}

/// A run, as "last used" says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLink {
    /// What it is, as a person says it.
    pub title: String,
    /// Its page on its platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Run {
    /// Reads the claims of a verified token of `issuer`, which is one of `preset`.
    pub fn of(preset: Preset, issuer: &IssuerUrl, claims: &Claims) -> Self {
        let names = preset.run_claims();
        let part = |names: Option<&[&str]>| reported_name(&scalar_at(claims, names?)?, PART);
        let run = Self {
            title: String::new(),
            url: page(preset, issuer, claims),
            repository: part(names.repository).or_else(|| composed_repository(preset, claims)),
            reference: part(names.reference),
            commit: part(names.commit),
            actor: part(names.actor),
            workflow: part(names.workflow),
            event: part(names.event),
        };
        let title = run.title(preset, claims, part(names.run));
        let title = reported_name(&title.unwrap_or_else(|| format!("a run of {}", preset.name())), TITLE);
        Self { title: title.unwrap_or_default(), ..run }
    }

    fn title(&self, preset: Preset, claims: &Claims, run: Option<String>) -> Option<String> {
        let part = |names: &[&str]| reported_name(&scalar_at(claims, names)?, PART);
        let subject = || part(&["sub"]);
        match preset {
            Preset::GitHubActions => self.title_of("run", run.or_else(|| part(&["run_id"]))),
            Preset::GitLabCi | Preset::CircleCi => self.title_of("pipeline", run),
            Preset::Buildkite => self.title_of("build", run),
            Preset::Kubernetes => {
                let account = part(&["kubernetes.io", "serviceaccount", "name"])?;
                let namespace = part(&["kubernetes.io", "namespace"])?;
                let pod = run.map(|pod| format!(", pod {pod}")).unwrap_or_default();
                Some(format!("service account {account} in {namespace}{pod}"))
            }
            Preset::GoogleCloud => {
                self.actor.clone().or_else(subject).map(|account| format!("service account {account}"))
            }
            Preset::Aws => subject().map(|arn| match arn.split_once(":role/") {
                Some((account, role)) => {
                    format!("role {role} of account {}", account.rsplit(':').next().unwrap_or_default())
                }
                None => arn,
            }),
            Preset::HcpTerraform => {
                let phase = self.workflow.as_deref().unwrap_or("run");
                let run = run.map(|run| format!(", {run}")).unwrap_or_default();
                Some(format!("{phase} of {}{run}", self.repository.as_deref()?))
            }
            Preset::AnyOidc => subject(),
        }
    }

    /// The workflow's file, the event and who started it, as far as they are known: `deploy.yml, push, by ada`.
    pub fn about(&self) -> String {
        let file = self.workflow.as_deref().map(|workflow| {
            let path = workflow.split_once('@').map_or(workflow, |(path, _)| path);
            path.rsplit('/').next().unwrap_or(path).to_owned()
        });
        let actor = self.actor.as_deref().map(|actor| format!("by {actor}"));
        [file, self.event.clone(), actor].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// `run 4711 of acme/shop on main`, without what is not known.
    fn title_of(&self, noun: &str, run: Option<String>) -> Option<String> {
        let repository = self.repository.as_deref()?;
        let run = run.map_or_else(|| format!("a {noun}"), |run| format!("{noun} {run}"));
        let reference = self.reference.as_deref().map(|reference| format!(" on {}", short(reference)));
        Some(format!("{run} of {repository}{}", reference.unwrap_or_default()))
    }
}

/// A reference as people say it: `main` for `refs/heads/main`.
fn short(reference: &str) -> &str {
    ["refs/heads/", "refs/tags/", "refs/"]
        .iter()
        .find_map(|beginning| reference.strip_prefix(beginning))
        .unwrap_or(reference)
}

/// The name of what runs where the token has it in two claims.
fn composed_repository(preset: Preset, claims: &Claims) -> Option<String> {
    let (outer, inner) = match preset {
        Preset::Buildkite => ("organization_slug", "pipeline_slug"),
        Preset::HcpTerraform => ("terraform_organization_name", "terraform_workspace_name"),
        _ => return None,
    };
    reported_name(&format!("{}/{}", scalar_at(claims, &[outer])?, scalar_at(claims, &[inner])?), PART)
}

/// The run's page. A part that does not have its platform's form gives none: nothing of a claim is encoded or left out.
fn page(preset: Preset, issuer: &IssuerUrl, claims: &Claims) -> Option<String> {
    let name = |claim: &str| scalar_at(claims, &[claim]).filter(|text| is_path_part(text));
    let number = |claim: &str| scalar_at(claims, &[claim]).filter(|text| is_number(text));
    let path = |claim: &str, parts: std::ops::RangeInclusive<usize>| {
        scalar_at(claims, &[claim]).filter(|text| {
            text.len() <= PART
                && parts.contains(&text.split('/').count())
                && text.split('/').all(is_path_part)
        })
    };
    match preset {
        Preset::GitHubActions => {
            let host = match issuer.authority() {
                "token.actions.githubusercontent.com" => "github.com",
                host => host
                    .strip_prefix("token.actions.")
                    .filter(|rest| rest.ends_with(".ghe.com"))
                    .unwrap_or(host),
            };
            Some(format!("https://{host}/{}/actions/runs/{}", path("repository", 2..=2)?, number("run_id")?))
        }
        // GitLab's groups lie in one another, up to twenty deep.
        Preset::GitLabCi => {
            Some(format!("{issuer}/{}/-/pipelines/{}", path("project_path", 2..=22)?, number("pipeline_id")?))
        }
        Preset::Buildkite => Some(format!(
            "https://buildkite.com/{}/{}/builds/{}",
            name("organization_slug")?,
            name("pipeline_slug")?,
            number("build_number")?
        )),
        Preset::HcpTerraform => Some(format!(
            "{issuer}/app/{}/workspaces/{}/runs/{}",
            name("terraform_organization_name")?,
            name("terraform_workspace_name")?,
            name("terraform_run_id")?
        )),
        Preset::Kubernetes | Preset::CircleCi | Preset::GoogleCloud | Preset::Aws | Preset::AnyOidc => None,
    }
}

/// Letters, digits, `.`, `_` and `-`: what needs no encoding and means nothing else in a path.
fn is_path_part(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    fn run(preset: Preset, issuer: &str, claims: Value) -> Run {
        let Value::Object(claims) = claims else { panic!("no object") };
        Run::of(preset, &IssuerUrl::parse(issuer).unwrap(), &claims)
    }

    fn github(repository: &str, run_id: &str) -> Value {
        json!({
            "repository": repository, "run_id": run_id, "run_number": "4711", "ref": "refs/heads/main", "sha": "c9ed89c",
            "actor": "ada", "workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
        })
    }

    #[test]
    fn runs_are_told_as_people_say_it() {
        let run_of_github = run(Preset::GitHubActions, GITHUB, github("acme/shop", "22259804324"));
        assert_eq!(run_of_github.title, "run 4711 of acme/shop on main");
        assert_eq!(
            run_of_github.url.as_deref(),
            Some("https://github.com/acme/shop/actions/runs/22259804324")
        );
        assert_eq!(run_of_github.actor.as_deref(), Some("ada"));
        assert_eq!(run_of_github.commit.as_deref(), Some("c9ed89c"));
        for (preset, issuer, claims, title, url) in [
            (
                Preset::GitLabCi,
                "https://gitlab.acme.example:8443/gitlab",
                json!({ "project_path": "org/sub/repo", "pipeline_id": "15", "ref": "main" }),
                "pipeline 15 of org/sub/repo on main",
                Some("https://gitlab.acme.example:8443/gitlab/org/sub/repo/-/pipelines/15"),
            ),
            (
                Preset::Buildkite,
                "https://agent.buildkite.com",
                json!({ "organization_slug": "acme", "pipeline_slug": "shop", "build_number": 5, "build_branch": "main" }),
                "build 5 of acme/shop on main",
                Some("https://buildkite.com/acme/shop/builds/5"),
            ),
            (
                Preset::CircleCi,
                "https://oidc.circleci.com/org/a64b0a19-f221-4291-b000-8d24bd842b72",
                json!({ "oidc.circleci.com/vcs-origin": "github.com/acme/shop", "oidc.circleci.com/vcs-ref": "refs/tags/v1" }),
                "a pipeline of github.com/acme/shop on v1",
                None,
            ),
            (
                Preset::Kubernetes,
                "https://kubernetes.default.svc",
                json!({ "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "deploy" }, "pod": { "name": "p-1" } } }),
                "service account deploy in shop, pod p-1",
                None,
            ),
            (
                Preset::GoogleCloud,
                "https://accounts.google.com",
                json!({ "sub": "112233445566778899000" }),
                "service account 112233445566778899000",
                None,
            ),
            (
                Preset::Aws,
                "https://abc.tokens.sts.global.api.aws",
                json!({ "sub": "arn:aws:iam::123456789012:role/deploy" }),
                "role deploy of account 123456789012",
                None,
            ),
            (
                Preset::HcpTerraform,
                "https://app.terraform.io",
                json!({
                    "terraform_organization_name": "acme", "terraform_workspace_name": "prod",
                    "terraform_run_phase": "apply", "terraform_run_id": "run-X3n1AUXNGWbfECsJ",
                }),
                "apply of acme/prod, run-X3n1AUXNGWbfECsJ",
                Some("https://app.terraform.io/app/acme/workspaces/prod/runs/run-X3n1AUXNGWbfECsJ"),
            ),
            (Preset::AnyOidc, "https://issuer.example", json!({ "sub": "robot" }), "robot", None),
            (Preset::AnyOidc, "https://issuer.example", json!({}), "a run of Any OIDC issuer", None),
        ] {
            let run = run(preset, issuer, claims);
            assert_eq!((run.title.as_str(), run.url.as_deref()), (title, url));
        }
    }

    #[test]
    fn a_page_lies_on_the_host_that_the_issuer_tells() {
        for (issuer, host) in [
            ("https://token.actions.githubusercontent.com/acme-inc", "github.com"),
            ("https://token.actions.octocorp.ghe.com/octocorp", "octocorp.ghe.com"),
            ("https://github.acme.example:8443/_services/token", "github.acme.example:8443"),
        ] {
            let run = run(Preset::GitHubActions, issuer, github("acme/shop", "1"));
            assert_eq!(run.url.unwrap(), format!("https://{host}/acme/shop/actions/runs/1"));
        }
    }

    #[test]
    fn claims_that_are_no_names_make_no_page() {
        for (repository, run_id) in [
            ("acme/shop", "1/../../evil"),
            ("acme/shop", "1?x"),
            ("acme/shop", ""),
            ("acme/shop", "-1"),
            ("acme/../evil", "1"),
            ("acme/..", "1"),
            ("../evil", "1"),
            ("acme", "1"),
            ("acme/shop/x", "1"),
            ("/acme/shop", "1"),
            ("acme/sh op", "1"),
            ("acme/shop#", "1"),
            ("acme/%2e%2e", "1"),
            ("@evil.example/x", "1"),
            ("acme\\evil/x", "1"),
            ("acme/sh\u{43E}p", "1"),
        ] {
            assert_eq!(
                run(Preset::GitHubActions, GITHUB, github(repository, run_id)).url,
                None,
                "{repository} {run_id}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_claims_say_a_run_is_bounded_and_visible(text in ".{0,300}", number in any::<i64>()) {
            let claims = json!({
                "repository": text, "run_id": number, "run_number": text, "ref": text, "sha": text, "actor": text,
                "workflow_ref": text, "sub": text, "project_path": text, "pipeline_id": number,
            });
            for (preset, issuer) in [(Preset::GitHubActions, GITHUB), (Preset::GitLabCi, "https://gitlab.com"), (Preset::AnyOidc, GITHUB)] {
                let run = run(preset, issuer, claims.clone());
                prop_assert!((1..=TITLE).contains(&run.title.chars().count()));
                for part in [Some(&run.title), run.repository.as_ref(), run.reference.as_ref(), run.actor.as_ref()].into_iter().flatten() {
                    prop_assert_eq!(&crate::text::shown(part, TITLE), part);
                }
                if let Some(url) = run.url {
                    let parsed = url::Url::parse(&url).unwrap();
                    prop_assert_eq!(parsed.as_str(), url);
                }
            }
        }
    }
}
