//! The lines for pipelines that the documentation and Viewport show, run as each platform runs them.
//!
//! The programs of a platform are small stand-ins: each takes the options that the platform documents, writes down for which audience it
//! was asked, and prints a token of the documented shape.

use super::{BEARER, TokenService, World, run, said, shell};
use domain::workload::Preset;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};
use tempfile::TempDir;
use yaml_rust2::YamlLoader;

const UUID: &str = "5a301f56-eaa7-4cce-9441-37810f7c8452";

/// What a platform's job is made of.
struct Platform {
    preset: Preset,
    issuer: &'static str,
    page: &'static str,
    pins: &'static [(&'static str, &'static str)],
    others: &'static [(&'static str, &'static str)],
    /// Its own program and what that does, as a shell script: `asked AUDIENCE` prints the token.
    program: Option<(&'static str, &'static str)>,
    /// A claim that makes its runs differ from what the key accepts.
    differs: (&'static str, &'static str),
}

const CIRCLECI: &str = r#"
[ "$1 $2 $3" = "run oidc get" ] && [ "$4" = --claims ] || exit 64
asked "$(printf %s "$5" | jq -er .aud)"
"#;
const BUILDKITE: &str = r#"
[ "$1 $2" = "redactor add" ] && exec cat > "$PLAYED/redacted"
[ "$1 $2" = "oidc request-token" ] || exit 64
shift 2
while [ $# -gt 0 ]; do
  case "$1" in
    --audience) audience=$2 ;;
    --claim) claims=$2 ;;
    *) exit 64 ;;
  esac
  shift 2
done
# Without being asked, an agent gets no ids.
[ "$claims" = organization_id,pipeline_id ] || exit 65
asked "$audience"
"#;
const AWS: &str = r#"
[ "$1 $2" = "sts get-web-identity-token" ] || exit 64
shift 2
while [ $# -gt 0 ]; do
  case "$1" in
    --audience) audience=$2 ;;
    --signing-algorithm) [ "$2" = ES384 ] || [ "$2" = RS256 ] || exit 64 ;;
    --query) [ "$2" = WebIdentityToken ] || exit 64 ;;
    --output) [ "$2" = text ] || exit 64 ;;
    *) exit 64 ;;
  esac
  shift 2
done
asked "$audience"
"#;
/// The metadata server is asked by `curl`; any other request goes to the real one.
const METADATA: &str = r#"
case "$*" in *metadata.google.internal*) ;; *) PATH=${PATH#*:} exec curl "$@" ;; esac
case " $* " in *" -H Metadata-Flavor: Google "*) ;; *) exit 65 ;; esac
for url; do :; done
case "$url" in
  "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?"*) ;;
  *) exit 66 ;;
esac
case "$url" in *"&format=full") ;; *) exit 67 ;; esac
audience=${url#*audience=}
asked "${audience%%&*}"
"#;

const PLATFORMS: [Platform; 9] = [
    Platform {
        preset: Preset::GitHubActions,
        issuer: "https://token.actions.githubusercontent.com",
        page: "github-actions",
        pins: &[("repository_id", "424242"), ("repository_owner_id", "2020")],
        others: &[("ref", "refs/heads/main")],
        program: None,
        differs: ("ref", "refs/heads/dev"),
    },
    Platform {
        preset: Preset::GitLabCi,
        issuer: "https://gitlab.com",
        page: "gitlab-ci",
        pins: &[("project_id", "20"), ("namespace_id", "72")],
        others: &[("ref", "main"), ("ref_type", "branch")],
        program: None,
        differs: ("ref", "dev"),
    },
    Platform {
        preset: Preset::Kubernetes,
        issuer: "https://cluster.example",
        page: "kubernetes",
        pins: &[
            ("/kubernetes.io/namespace", "shop"),
            ("/kubernetes.io/serviceaccount/name", "deploy"),
            ("/kubernetes.io/serviceaccount/uid", UUID),
        ],
        others: &[("/kubernetes.io/node/name", "node-1")],
        program: None,
        differs: ("/kubernetes.io/node/name", "node-2"),
    },
    Platform {
        preset: Preset::CircleCi,
        issuer: "https://oidc.circleci.com/org/5a301f56-eaa7-4cce-9441-37810f7c8452",
        page: "circleci",
        pins: &[("oidc.circleci.com/project-id", UUID)],
        others: &[
            ("oidc.circleci.com/vcs-origin", "github.com/acme/shop"),
            ("oidc.circleci.com/vcs-ref", "refs/heads/main"),
        ],
        program: Some(("circleci", CIRCLECI)),
        differs: ("oidc.circleci.com/vcs-ref", "refs/heads/dev"),
    },
    Platform {
        preset: Preset::Buildkite,
        issuer: "https://agent.buildkite.com",
        page: "buildkite",
        pins: &[("organization_id", UUID), ("pipeline_id", UUID)],
        others: &[("build_branch", "main")],
        program: Some(("buildkite-agent", BUILDKITE)),
        differs: ("build_branch", "dev"),
    },
    Platform {
        preset: Preset::GoogleCloud,
        issuer: "https://accounts.google.com",
        page: "google-cloud",
        pins: &[("sub", "107517467455664443765")],
        others: &[("email", "deploy@acme.iam.gserviceaccount.com")],
        program: Some(("curl", METADATA)),
        differs: ("email", "other@acme.iam.gserviceaccount.com"),
    },
    Platform {
        preset: Preset::Aws,
        issuer: "https://5a301f56.tokens.sts.global.api.aws",
        page: "aws",
        pins: &[("sub", "arn:aws:iam::123456789012:role/Deploy")],
        others: &[("/https:~1~1sts.amazonaws.com~1/source_region", "eu-central-1")],
        program: Some(("aws", AWS)),
        differs: ("/https:~1~1sts.amazonaws.com~1/source_region", "us-east-1"),
    },
    Platform {
        preset: Preset::HcpTerraform,
        issuer: "https://app.terraform.io",
        page: "hcp-terraform",
        pins: &[
            ("terraform_organization_id", "org-GRNbCjYNpBB6NEBH"),
            ("terraform_workspace_id", "ws-mbsd5E3Ktt5Rg2Xm"),
        ],
        others: &[("terraform_run_phase", "apply")],
        program: None,
        differs: ("terraform_run_phase", "plan"),
    },
    Platform {
        preset: Preset::AnyOidc,
        issuer: "https://issuer.example",
        page: "any-oidc",
        pins: &[("sub", "workload-1")],
        others: &[("team", "shop")],
        program: None,
        differs: ("team", "other"),
    },
];

impl Platform {
    /// The blocks of its page, without their fences.
    fn blocks(&self, language: &str) -> Vec<String> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/integrations/workload-identity");
        let page = fs::read_to_string(docs.join(format!("{}.md", self.page))).unwrap();
        let fence = format!("```{language}\n");
        let blocks = page.split(&fence).skip(1);
        blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
    }

    /// The script that its page shows.
    fn script(&self) -> String {
        let yaml = || YamlLoader::load_from_str(&self.blocks("yaml")[0]).unwrap().remove(0);
        let text = |found: Option<&str>| found.unwrap().to_owned();
        match self.preset {
            Preset::GitHubActions => {
                let yaml = yaml();
                assert_eq!(yaml["permissions"]["id-token"].as_str(), Some("write"));
                text(yaml["steps"][0]["run"].as_str())
            }
            Preset::GitLabCi => text(yaml()["duku"]["script"][0].as_str()),
            Preset::CircleCi => text(yaml()["steps"][0]["run"]["command"].as_str()),
            _ => self.blocks("sh norun").remove(0),
        }
    }

    /// The audience for which the platform is told to make a token beside the script.
    fn declared_audience(&self) -> Option<String> {
        let yaml = || YamlLoader::load_from_str(&self.blocks("yaml")[0]).unwrap().remove(0);
        let found = match self.preset {
            Preset::GitLabCi => {
                yaml()["duku"]["id_tokens"]["DUKU_ASSERTION"]["aud"].as_str().map(str::to_owned)
            }
            Preset::Kubernetes => {
                let source = &yaml()["spec"]["volumes"][0]["projected"]["sources"][0];
                source["serviceAccountToken"]["audience"].as_str().map(str::to_owned)
            }
            _ => return None,
        };
        Some(found.unwrap())
    }

    /// The claims of a run, as its documentation has them; those of `changes` are other ones.
    fn token(&self, world: &World, changes: &[(&str, &str)]) -> String {
        let issuer = &world.app.service.policy().issuer;
        let mut claims = world.issuer.claims(self.preset, issuer, world.app.ctx().now);
        if self.preset == Preset::AnyOidc {
            claims["team"] = json!("shop");
        }
        for (claim, value) in changes {
            let place =
                if claim.starts_with('/') { claims.pointer_mut(claim) } else { claims.get_mut(*claim) };
            *place.unwrap_or_else(|| panic!("{:?} has no {claim}", self.preset)) = Value::from(*value);
        }
        world.issuer.sign(&claims)
    }
}

/// A machine of a platform: its programs, and a folder for what they write.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new(platform: &Platform, token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Self { folder };
        fs::write(machine.file("assertion"), token).unwrap();
        if let Some((name, does)) = platform.program {
            let programs = machine.file("bin");
            fs::create_dir(&programs).unwrap();
            let program = format!(
                "#!/bin/sh\nasked() {{ printf %s \"$1\" > \"$PLAYED/asked\"; cat \"$PLAYED/assertion\"; }}\n{does}"
            );
            fs::write(programs.join(name), program).unwrap();
            fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Runs the lines of a page against `server`, on the branch `reference` where the platform makes the token by itself.
    async fn runs(
        &self,
        platform: &Platform,
        world: &World,
        server: &str,
        reference: &'static str,
    ) -> Output {
        let script = platform.script().replace("https://auth.example.org", server);
        let script = script.replace("<your_client_id>", &world.client_id);
        let script = script.replace("/var/run/duku/assertion", self.file("assertion").to_str().unwrap());
        assert!(!script.contains('<') && !script.contains("example.org"), "{script}");
        let script = format!("{script}\nprintf %s \"$TOKEN\" > \"$PLAYED/token\"\n");
        // GitHub and CircleCI have bash; the images of the others may have nothing but sh.
        let has_bash = matches!(platform.preset, Preset::GitHubActions | Preset::CircleCi);
        let mut command = shell(if has_bash { "bash" } else { "sh" });
        command.args(["-e", "-c", &script]).env("PLAYED", self.folder.path());
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.file("bin").display()));
        for (variable, file) in [("GITHUB_ENV", "environment"), ("BASH_ENV", "environment")] {
            if has_bash {
                fs::write(self.file(file), "").unwrap();
                command.env(variable, self.file(file));
            }
        }
        for variable in ["DUKU_ASSERTION", "TFC_WORKLOAD_IDENTITY_TOKEN", "ASSERTION"] {
            command.env(variable, self.read("assertion"));
        }
        if platform.preset == Preset::GitHubActions {
            let service = TokenService::start(world, reference);
            command.env("ACTIONS_ID_TOKEN_REQUEST_URL", &service.url);
            command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER);
        }
        run(command).await
    }
}

async fn plays(platform: &Platform) {
    let world = World::with(platform.preset, platform.issuer, platform.pins, platform.others).await;
    let (issuer, server) = (world.app.service.policy().issuer.clone(), world.server());
    if let Some(audience) = platform.declared_audience() {
        assert_eq!(audience.replace("https://auth.example.org", &server), issuer);
    }

    let token = platform.token(&world, &[]);
    let machine = Machine::new(platform, &token);
    let output = machine.runs(platform, &world, &server, "refs/heads/main").await;
    assert!(output.status.success(), "{:?}: {}", platform.preset, said(&output));
    let access_token = machine.read("token");
    assert!(world.app.api.accepts(&access_token).await, "{:?}: {access_token}", platform.preset);
    if platform.program.is_some() {
        assert_eq!(machine.read("asked"), issuer, "{:?}", platform.preset);
    }
    match platform.preset {
        Preset::GitHubActions => {
            assert!(said(&output).contains(&format!("::add-mask::{access_token}\n")));
            assert_eq!(machine.read("environment"), format!("DUKU_TOKEN={access_token}\n"));
        }
        Preset::CircleCi => {
            assert_eq!(machine.read("environment"), format!("export DUKU_TOKEN={access_token}\n"));
        }
        Preset::Buildkite => assert_eq!(machine.read("redacted").trim_end(), access_token),
        _ => {}
    }

    // Another run: the lines end with the reason.
    let (claim, value) = platform.differs;
    let token = platform.token(&world, &[platform.differs]);
    let machine = Machine::new(platform, &token);
    let output = machine.runs(platform, &world, &server, "refs/heads/dev").await;
    let text = said(&output);
    assert!(!output.status.success(), "{:?}: {text}", platform.preset);
    assert!(
        text.contains(&format!("`{claim}` must be")) && text.contains(value),
        "{:?}: {text}",
        platform.preset
    );
    assert_eq!(machine.read("token"), "");

    // Nobody answers: the lines do not go on with an empty token.
    let token = platform.token(&world, &[]);
    let machine = Machine::new(platform, &token);
    let output = machine.runs(platform, &world, "http://127.0.0.1:1", "refs/heads/main").await;
    assert!(!output.status.success(), "{:?}: {}", platform.preset, said(&output));
    assert_eq!(machine.read("environment"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_every_platform_fetch_a_token_or_say_why_not() {
    assert_eq!(PLATFORMS.map(|platform| platform.preset), Preset::ALL);
    for platform in &PLATFORMS {
        plays(platform).await;
    }
}
