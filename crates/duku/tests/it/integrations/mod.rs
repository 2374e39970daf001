//! The parts of `integrations/` and the documentation's lines that platforms run, played against a server and a stand-in of the platform.

mod lines;

use crate::app::App;
use domain::workload::{Condition, Danger, Preset};
use jose::assertion::AssertionAlgorithm;
use serde_json::json;
use service::keys::identities::{GenerateSecretlessKey, NewConditions, NewIdentity, NewWorkload};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};
use testkit::{Engine, TestIssuer};
use yaml_rust2::{Yaml, YamlLoader};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations").canonicalize().unwrap()
}

fn documents(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// An organisation with a key that accepts what the platform's token says by default.
struct World {
    app: App,
    issuer: Arc<TestIssuer>,
    preset: Preset,
    client_id: String,
}

impl World {
    async fn new(preset: Preset, url: &str, pins: &[(&str, &str)], reference: &str) -> Self {
        let mut others = vec![("ref", reference)];
        if preset == Preset::GitLabCi {
            others.push(("ref_type", "branch"));
        }
        Self::with(preset, url, pins, &others).await
    }

    async fn with(preset: Preset, url: &str, pins: &[(&str, &str)], others: &[(&str, &str)]) -> Self {
        let app = App::start(Engine::Sqlite).await;
        let issuer = TestIssuer::new(url, AssertionAlgorithm::Es256);
        let condition = |(claim, value): &(&str, &str)| {
            Condition::equals(domain::workload::ClaimName::parse(claim).unwrap(), value).unwrap()
        };
        let conditions = NewConditions {
            pins: pins.iter().map(condition).collect(),
            others: others.iter().map(condition).collect(),
            accepted_dangers: [Danger::AnyWorkflow].into(),
        };
        let identity = NewIdentity::Workload(NewWorkload {
            preset,
            issuer: Some(url.to_owned()),
            audience: None,
            key_set: Some(issuer.jwks().to_string()),
            conditions: Some(conditions),
        });
        let new = GenerateSecretlessKey { label: "Pipeline".into(), expires_in_days: None, identity };
        let key = app.service.keys().generate_without_secret(&app.ctx(), &app.operator(), new).await.unwrap();
        Self { app, issuer: Arc::new(issuer), preset, client_id: key.id.to_string() }
    }

    fn server(&self) -> String {
        self.app.service.policy().issuer.split("/realms/").next().unwrap().to_owned()
    }

    fn token(&self, audience: &str, reference: &str) -> String {
        self.issuer.token(self.preset, audience, self.app.ctx().now, &json!({ "ref": reference }))
    }
}

async fn github(reference: &str) -> World {
    let pins = [("repository_id", "424242"), ("repository_owner_id", "2020")];
    World::new(Preset::GitHubActions, "https://token.actions.githubusercontent.com", &pins, reference).await
}

/// A shell that inherits nothing but where its programs are.
fn shell(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", program]).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    // A proxy of this machine must not be asked for this machine's own address.
    command.envs([("NO_PROXY", "*"), ("no_proxy", "*")]);
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Answers as GitHub's token service: a new token at each request, for the audience that is asked for.
struct TokenService {
    url: String,
    /// The tokens that it gave.
    given: Arc<Mutex<Vec<String>>>,
}

const BEARER: &str = "the-runners-own-token";

impl TokenService {
    fn start(world: &World, reference: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token?api-version=2.0", listener.local_addr().unwrap());
        let given = Arc::new(Mutex::new(Vec::new()));
        let (kept, issuer, now) = (Arc::clone(&given), Arc::clone(&world.issuer), world.app.ctx().now);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                let path = head[0].split(' ').nth(1).unwrap();
                let asked = url::Url::parse(&format!("http://localhost{path}")).unwrap();
                let audience = asked.query_pairs().find(|(name, _)| name == "audience");
                let is_runner = head
                    .iter()
                    .any(|line| line.eq_ignore_ascii_case(&format!("authorization: bearer {BEARER}")));
                let body = match audience {
                    Some((_, audience)) if is_runner => {
                        let token =
                            issuer.token(Preset::GitHubActions, &audience, now, &json!({ "ref": reference }));
                        kept.lock().unwrap().push(token.clone());
                        json!({ "value": token }).to_string()
                    }
                    _ => json!({ "message": "no" }).to_string(),
                };
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        Self { url, given }
    }
}

/// Runs the one step of a composite action as GitHub's runner does.
async fn act(action: &str, inputs: &[(&str, &str)], service: Option<&TokenService>, output: &Path) -> Output {
    let file = documents(action).remove(0);
    let steps = file["runs"]["steps"].as_vec().unwrap();
    let [step] = steps.as_slice() else { panic!("{action} has one step") };
    assert_eq!(step["shell"].as_str(), Some("bash"));
    let declared = file["inputs"].as_hash().unwrap();
    let mut command = shell("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().unwrap()]);
    for (variable, value) in step["env"].as_hash().unwrap() {
        let value = value.as_str().unwrap();
        let name = value.strip_prefix("${{ inputs.").unwrap().strip_suffix(" }}").unwrap();
        let input = &declared[&Yaml::String(name.to_owned())];
        let given = inputs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let value = given.or_else(|| input["default"].as_str()).unwrap_or_else(|| panic!("{name}"));
        command.env(variable.as_str().unwrap(), value);
    }
    if let Some(service) = service {
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", &service.url);
        command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER);
    }
    command.env("GITHUB_OUTPUT", output);
    run(command).await
}

/// No line shows a token but those by which the runner is told to mask it.
#[track_caller]
fn assert_masks(output: &Output, tokens: &[String]) {
    for line in said(output).lines().filter(|line| !line.starts_with("::add-mask::")) {
        assert!(!tokens.iter().any(|token| line.contains(token.as_str())), "{line}");
        assert!(!line.contains(BEARER) && !line.contains("eyJ"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_github_action_fetches_a_token_and_revokes_it() {
    let world = github("refs/heads/main").await;
    let service = TokenService::start(&world, "refs/heads/main");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("output");
    let server = world.server();
    let inputs = [("client-id", world.client_id.as_str()), ("server", server.as_str())];
    let output = act("github-action/action.yml", &inputs, Some(&service), &file).await;
    assert!(output.status.success(), "{}", said(&output));
    let written = fs::read_to_string(&file).unwrap();
    let token = written.strip_prefix("access-token=").unwrap().trim_end().to_owned();
    assert!(said(&output).contains(&format!("::add-mask::{token}\n")));
    let tokens = [service.given.lock().unwrap().clone(), vec![token.clone()]].concat();
    assert_masks(&output, &tokens);
    assert!(world.app.api.accepts(&token).await);

    let inputs = [inputs.as_slice(), &[("access-token", token.as_str())]].concat();
    let output = act("github-action/end/action.yml", &inputs, Some(&service), &file).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_masks(&output, &[service.given.lock().unwrap().clone(), vec![token.clone()]].concat());
    assert!(!world.app.api.accepts(&token).await, "it is revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_github_action_fails_with_what_is_wrong() {
    let world = github("refs/heads/main").await;
    let service = TokenService::start(&world, "refs/heads/dev");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("output");
    let server = world.server();
    let inputs = [("client-id", world.client_id.as_str()), ("server", server.as_str())];
    let attempts = [
        (inputs.to_vec(), Some(&service), "`ref` must be refs/heads/main; it is refs/heads/dev"),
        (inputs.to_vec(), None, "id-token: write"),
        (vec![("client-id", "key_x"), inputs[1]], Some(&service), "This token is not accepted"),
        (vec![inputs[0], inputs[1], ("realm", "none")], Some(&service), "names no issuer"),
        (vec![inputs[0], ("server", "http://127.0.0.1:1")], Some(&service), "cannot be reached"),
    ];
    for (inputs, service, why) in attempts {
        let output = act("github-action/action.yml", &inputs, service, &file).await;
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("::error title=Duku::") && text.contains(why), "{text}");
        assert_masks(&output, &[]);
        assert!(!file.exists());
    }
    let inputs = [inputs.as_slice(), &[("access-token", "")]].concat();
    let output = act("github-action/end/action.yml", &inputs, None, &file).await;
    assert!(output.status.success(), "nothing was fetched: {}", said(&output));
}

/// The lines of the component's job, with its inputs, and a script that shows how long the token is.
fn component(world: &World) -> String {
    let name = "gitlab-ci/templates/duku-token.yml";
    let issuer = &world.app.service.policy().issuer;
    let mut files = documents(name);
    let (spec, jobs) = (files.remove(0), files.remove(0));
    let inputs = spec["spec"]["inputs"].as_hash().unwrap();
    let given = [("client_id", &world.client_id), ("issuer", issuer)];
    assert_eq!(inputs.len(), given.len());
    let job = &jobs[".duku-token"];
    assert_eq!(job["id_tokens"]["DUKU_ASSERTION"]["aud"].as_str(), Some("$[[ inputs.issuer ]]"));
    let lines = job["before_script"].as_vec().unwrap().iter().map(|line| line.as_str().unwrap());
    let mut script = lines.collect::<Vec<_>>().join("\n");
    for (name, value) in given {
        assert!(inputs.contains_key(&Yaml::String(name.to_owned())));
        script = script.replace(&format!("$[[ inputs.{name} ]]"), value);
    }
    assert!(!script.contains("$[["), "{script}");
    script + "\nprintf '%s' \"$DUKU_TOKEN\" > token\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gitlab_component_has_a_token_or_says_why_not() {
    let pins = [("project_id", "20"), ("namespace_id", "72")];
    let world = World::new(Preset::GitLabCi, "https://gitlab.com", &pins, "main").await;
    let script = component(&world);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let audience = world.app.service.policy().issuer.clone();
    // GitLab's images have one or the other.
    for program in ["sh", "bash"] {
        let assertion = world.token(&audience, "main");
        let job = |assertion: Option<&str>| {
            let mut command = shell(program);
            command.args(["-e", "-c", &script]).current_dir(folder.path());
            command.envs(assertion.map(|assertion| ("DUKU_ASSERTION", assertion)));
            command
        };
        let output = run(job(Some(&assertion))).await;
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output), "");
        assert!(world.app.api.accepts(&fs::read_to_string(&file).unwrap()).await);
        fs::remove_file(&file).unwrap();

        let other = world.token(&audience, "dev");
        for (assertion, why) in [
            (Some(assertion.as_str()), "this token was exchanged before"),
            (Some(other.as_str()), "`ref` must be main; it is dev"),
            (None, "GitLab gave this job no token"),
        ] {
            let output = run(job(assertion)).await;
            let text = said(&output);
            assert_eq!(output.status.code(), Some(1), "{text}");
            assert!(text.starts_with("Duku: ") && text.contains(why) && !text.contains("eyJ"), "{text}");
            assert!(!file.exists());
        }
    }
}

#[test]
fn every_manifest_can_be_read_and_the_sidecar_runs_a_command_that_exists() {
    let kustomization = documents("kubernetes/kustomization.yaml").remove(0);
    for resource in kustomization["resources"].as_vec().unwrap() {
        assert_eq!(documents(&format!("kubernetes/{}", resource.as_str().unwrap())).len(), 1);
    }
    let account = documents("kubernetes/serviceaccount.yaml").remove(0);
    let deployment = documents("kubernetes/deployment.yaml").remove(0);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
    let (sidecar, app) = (&pod["initContainers"][0], &pod["containers"][0]);
    assert_eq!(sidecar["restartPolicy"].as_str(), Some("Always"));
    for container in [sidecar, app] {
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"].as_bool(), Some(true));
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"].as_bool(), Some(false));
        for mount in container["volumeMounts"].as_vec().unwrap() {
            let volumes = pod["volumes"].as_vec().unwrap();
            assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount:?}");
        }
    }
    assert_eq!(pod["volumes"][1]["emptyDir"]["medium"].as_str(), Some("Memory"));
    assert!(
        !app["volumeMounts"]
            .as_vec()
            .unwrap()
            .iter()
            .any(|mount| mount["name"].as_str() == Some("assertion"))
    );
    // What the command takes, it takes: it ends because nobody is at that address.
    let arguments: Vec<_> =
        sidecar["args"].as_vec().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let mut command = crate::server::duku(&arguments);
    for variable in sidecar["env"].as_vec().unwrap() {
        command.env(variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap());
    }
    command.env("DUKU_URL", "http://127.0.0.1:1").envs([("NO_PROXY", "*"), ("no_proxy", "*")]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("cannot reach"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sidecar_keeps_a_token_in_its_file() {
    const UUID: &str = "5a301f56-eaa7-4cce-9441-37810f7c8452";
    let pins = [
        ("/kubernetes.io/namespace", "shop"),
        ("/kubernetes.io/serviceaccount/name", "deploy"),
        ("/kubernetes.io/serviceaccount/uid", UUID),
    ];
    let issuer = "https://cluster.example";
    let world = World::with(Preset::Kubernetes, issuer, &pins, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (assertion, file) = (folder.path().join("assertion"), folder.path().join("token"));
    let token =
        world.issuer.token(world.preset, &world.app.service.policy().issuer, world.app.ctx().now, &json!({}));
    fs::write(&assertion, token).unwrap();
    let deployment = documents("kubernetes/deployment.yaml").remove(0);
    let sidecar = &deployment["spec"]["template"]["spec"]["initContainers"][0];
    let arguments = sidecar["args"].as_vec().unwrap().iter().map(|argument| {
        let argument = argument.as_str().unwrap();
        let argument = argument.replace("/var/run/duku/assertion", assertion.to_str().unwrap());
        argument.replace("/var/run/duku-token/token", file.to_str().unwrap())
    });
    let arguments: Vec<_> = arguments.collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut command = crate::server::duku(&arguments);
    command.env("DUKU_URL", world.server()).env("DUKU_CLIENT_ID", &world.client_id);
    command.envs([("NO_PROXY", "*"), ("no_proxy", "*")]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let started = std::time::Instant::now();
    while !file.exists() && started.elapsed().as_secs() < 20 && child.try_wait().unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let token = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", said(&output)));
    assert!(world.app.api.accepts(token.trim()).await);
    assert_eq!(said(&output), "", "it prints no token");
}
