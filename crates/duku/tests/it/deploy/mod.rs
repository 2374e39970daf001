//! The examples of `deploy/`: they can be read, name what there is, and watch what the server shows.

mod chart;
mod release;

use crate::server::{Database, Server};
use duku::settings::{GivenSettings, VARIABLES};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use testkit::{Answer, Pair};
use yaml_rust2::{Yaml, YamlLoader};

/// What the program reads from its environment and is no setting.
const SECRETS: [&str; 3] = ["DUKU_CONFIG", "DUKU_MASTER_KEY", "DUKU_SMTP_PASSWORD"];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").canonicalize().unwrap()
}

/// Every file, with its text.
fn files() -> Vec<(PathBuf, String)> {
    let mut folders = vec![deploy()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(files.len() > 20, "{files:?}");
    files
}

/// Whether it becomes a manifest only when Helm has filled it in.
fn is_template(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with("helm/duku/templates"))
}

fn read(name: &str) -> String {
    fs::read_to_string(deploy().join(name)).unwrap()
}

fn yaml(name: &str) -> Yaml {
    YamlLoader::load_from_str(&read(name)).unwrap().remove(0)
}

/// Whether it is there and answers a harmless question; what cannot be checked without it is said and left out.
pub(crate) fn has(program: &str, question: &str) -> bool {
    let there = Command::new(program).arg(question).output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("left out: {program} is not installed");
    }
    there
}

#[test]
fn every_file_can_be_read() {
    for (path, text) in files() {
        let shown = path.display();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") if !is_template(&path) => {
                let documents =
                    YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
                assert!(documents.iter().all(|document| document.as_hash().is_some()), "{shown}");
            }
            Some("json") => assert!(serde_json::from_str::<Value>(&text).is_ok(), "{shown}"),
            Some("toml") => {
                let given: GivenSettings =
                    toml::from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
                given.resolve(None).unwrap_or_else(|error| panic!("{shown}: {error}"));
                let commented = text.replace("\n# ", "\n");
                let body = commented.split_once('\n').unwrap().1;
                toml::from_str::<GivenSettings>(body).unwrap_or_else(|error| panic!("{shown}: {error}"));
            }
            _ => assert!(!text.is_empty(), "{shown}"),
        }
    }
}

/// Words of capitals that begin with `prefix`.
fn words(text: &str, is_part: impl Fn(char) -> bool, prefix: &str) -> BTreeSet<String> {
    let words =
        text.split(|c| !is_part(c)).filter(|word| word.starts_with(prefix) && word.len() > prefix.len());
    words.map(ToOwned::to_owned).collect()
}

#[test]
fn every_setting_that_is_named_exists() {
    let mut named = BTreeSet::new();
    for (path, text) in files() {
        for word in words(&text, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_', "DUKU_") {
            assert!(VARIABLES.contains(&&*word) || SECRETS.contains(&&*word), "{}: {word}", path.display());
            named.insert(word);
        }
    }
    assert!(named.len() >= 10, "{named:?}");
}

/// The container of a Deployment is probed where there is something, and its pod has no rights.
#[track_caller]
fn assert_runs_without_rights(deployment: &Yaml) {
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"]["path"].as_str(), Some(path));
        let port = container[probe]["httpGet"]["port"].as_str();
        let ports = container["ports"].as_vec().unwrap();
        assert!(ports.iter().any(|known| known["name"].as_str() == port), "{probe}");
    }
    assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"].as_bool(), Some(false));
}

#[test]
fn the_manifests_probe_what_there_is_and_run_without_rights() {
    let deployment = yaml("kubernetes/deployment.yaml");
    assert_runs_without_rights(&deployment);
    let labels = &deployment["spec"]["selector"]["matchLabels"];
    assert_eq!(labels, &yaml("kubernetes/disruption.yaml")["spec"]["selector"]["matchLabels"]);
    assert_eq!(labels, &yaml("kubernetes/network.yaml")["spec"]["podSelector"]["matchLabels"]);
    assert_eq!(labels, &yaml("kubernetes/service.yaml")["spec"]["selector"]);
    let resources = yaml("kubernetes/kustomization.yaml");
    for resource in resources["resources"].as_vec().unwrap() {
        assert!(deploy().join("kubernetes").join(resource.as_str().unwrap()).exists(), "{resource:?}");
    }
    let compose = yaml("compose/compose.yaml");
    let containerfile = compose["services"]["duku"]["build"]["dockerfile"].as_str().unwrap();
    assert!(deploy().parent().unwrap().join(containerfile).exists());
    assert!(read("container/Containerfile").contains("\nUSER 65532:65532\n"));
}

/// The names that `/metrics` shows, each with the values of its labels.
fn shown(metrics: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap(), ""));
        let values = labels.split('"').skip(1).step_by(2).map(ToOwned::to_owned);
        names.entry(name.to_owned()).or_default().extend(values);
    }
    names
}

/// The selectors of an expression: each metric of ours, with what stands in its braces.
fn selectors(expression: &str) -> Vec<(String, String)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = words(expression, is_part, "duku_");
    let mut found = Vec::new();
    for name in names {
        for (at, _) in expression.match_indices(&name) {
            let rest = &expression[at + name.len()..];
            if rest.starts_with(is_part) {
                continue;
            }
            let braces =
                rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inner, _)| inner);
            found.push((name.clone(), braces.to_owned()));
        }
    }
    found
}

fn expressions() -> Vec<String> {
    let rules = yaml("prometheus/alerts.yml");
    let groups = rules["groups"].as_vec().unwrap();
    let alerts = groups.iter().flat_map(|group| group["rules"].as_vec().unwrap().clone());
    let mut all: Vec<String> = alerts.map(|alert| alert["expr"].as_str().unwrap().to_owned()).collect();
    let dashboard: Value = serde_json::from_str(&read("grafana/duku.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    all.extend(targets.map(|target| target["expr"].as_str().unwrap().to_owned()));
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    all.extend(variables.iter().map(|variable| variable["query"].as_str().unwrap().to_owned()));
    assert!(all.len() > 25, "{all:?}");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_that_is_watched_is_one_that_a_server_shows() {
    let mut server = Server::start(Database::Sqlite);
    server.make_acme();
    let file = server.data_dir.join("backup.db");
    assert!(server.output(&["backup", file.to_str().unwrap()]).status.success());
    assert!(server.stop(), "the gauge of the last backup is set at the start");
    server.run();
    let pair = server.generate("CI");
    let token = server.api().token(&pair).await;
    assert!(server.api().accepts(&token).await);
    let wrong = Pair { client_secret: "wrong".to_owned(), ..pair };
    server.api().exchange(&wrong).await;
    let started = std::time::Instant::now();
    let metrics = loop {
        let metrics = Answer::of(server.api().client().get(server.metrics_url())).await.text;
        if metrics.contains("duku_last_backup_timestamp_seconds") || started.elapsed().as_secs() > 20 {
            break metrics;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let shown = shown(&metrics);
    let mut watched = 0;
    for expression in expressions() {
        for (name, labels) in selectors(&expression) {
            let values = shown.get(&name).unwrap_or_else(|| panic!("{name} is not shown: {expression}"));
            for label in labels
                .split(", ")
                .filter(|label| label.starts_with("outcome") || label.starts_with("operation"))
            {
                for value in label.split('"').nth(1).unwrap().split('|') {
                    assert!(values.contains(value), "{name} has no {value}: {values:?}");
                }
            }
            watched += 1;
        }
    }
    assert!(watched > 25, "{watched}");
    let routes = &shown["duku_http_request_seconds_count"];
    assert!(
        routes.iter().any(|route| route.ends_with("/token")) && routes.contains("/graphql"),
        "{routes:?}"
    );
}

#[test]
fn the_rules_are_sound_and_fire_when_they_should() {
    let rules = read("prometheus/alerts.yml");
    let tests = read("prometheus/alerts_test.yml");
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let tested = tests.contains(&format!("alertname: {alert},"))
            && tests.contains(&format!("alertname=\"{alert}\""));
        assert!(tested, "{alert} needs a silent and a firing row in alerts_test.yml");
    }
    if !has("promtool", "--version") {
        return;
    }
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(deploy().join("prometheus"))
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}

#[test]
fn systemd_takes_the_units_and_finds_them_shut() {
    let units = ["duku.service", "duku-backup.service", "duku-backup.timer"];
    let dir = tempfile::tempdir().unwrap();
    for unit in units {
        let text = read(&format!("systemd/{unit}"));
        // The program is looked for, and is not installed where this is tested.
        let ours = format!("ExecStart={} ", env!("CARGO_BIN_EXE_duku"));
        fs::write(dir.path().join(unit), text.replace("ExecStart=duku ", &ours)).unwrap();
    }
    if !has("systemd-analyze", "--version") {
        return;
    }
    let analyze = |arguments: &[&str]| {
        let output =
            Command::new("systemd-analyze").args(arguments).current_dir(dir.path()).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    let said = analyze(&[&["verify"], &units[..]].concat());
    assert!(!said.contains("duku"), "{said}");
    // From 0, shut, to 100, open.
    analyze(&["security", "--offline=true", "--threshold=15", "duku.service"]);
}
