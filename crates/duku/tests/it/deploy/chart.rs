//! The Helm chart: its values have a schema and name settings that exist, and it renders what `deploy/kubernetes` says by hand.

use super::{SECRETS, assert_runs_without_rights, deploy, has, read, yaml};
use duku::settings::VARIABLES;
use serde_json::Value;
use std::{fs, process::Command};
use yaml_rust2::{Yaml, YamlLoader};

/// The defaults, and the other values that the chart is tried with.
fn values() -> Vec<String> {
    let folder = deploy().join("helm/duku/ci");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<String> = names.map(|name| format!("helm/duku/ci/{name}")).collect();
    all.sort();
    all.insert(0, "helm/duku/values.yaml".to_owned());
    assert!(all.len() >= 4, "{all:?}");
    all
}

fn keys(mapping: &Yaml) -> Vec<String> {
    mapping.as_hash().unwrap().keys().map(|key| key.as_str().unwrap().to_owned()).collect()
}

fn schema() -> Value {
    serde_json::from_str(&read("helm/duku/values.schema.json")).unwrap()
}

#[test]
fn every_value_of_the_chart_has_a_schema_and_is_documented() {
    let defaults = yaml("helm/duku/values.yaml");
    let schema = schema();
    let documentation = read("helm/duku/README.md");
    for name in keys(&defaults) {
        let known = &schema["properties"][&name];
        assert!(known.is_object(), "{name} is not in the schema");
        assert!(documentation.contains(&format!("`{name}")), "{name} is not in the README");
        let reference = known["$ref"].as_str().and_then(|path| path.strip_prefix("#/definitions/"));
        let known = reference.map_or(known, |name| &schema["definitions"][name]);
        if known["additionalProperties"] == Value::Bool(false) {
            for inner in keys(&defaults[&*name]) {
                assert!(known["properties"][&inner].is_object(), "{name}.{inner} is not in the schema");
            }
        }
    }
}

#[test]
fn every_setting_that_the_chart_names_exists() {
    let exists = |name: &str| {
        let variable = format!("DUKU_{}", name.to_uppercase());
        VARIABLES.contains(&&*variable) || SECRETS.contains(&&*variable)
    };
    for file in values() {
        let settings = &yaml(&file)["settings"];
        for name in if settings.is_badvalue() { Vec::new() } else { keys(settings) } {
            assert!(exists(&name), "{file}: {name}");
        }
    }
    let forbidden = schema()["properties"]["settings"]["propertyNames"]["not"]["enum"].clone();
    for name in forbidden.as_array().unwrap() {
        assert!(exists(name.as_str().unwrap()), "{name}");
    }
}

/// What Helm makes of the chart with these values, by kind.
fn rendered(values: &str) -> Vec<(String, Yaml)> {
    let output = Command::new("helm")
        .args(["template", "duku", "helm/duku", "--namespace", "duku", "--kube-version", "1.34.0"])
        .args(["--values", values])
        .current_dir(deploy())
        .output()
        .unwrap();
    assert!(output.status.success(), "{values}: {}", String::from_utf8_lossy(&output.stderr));
    let documents = YamlLoader::load_from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let documents = documents.into_iter().filter(|document| document.as_hash().is_some());
    documents.map(|document| (document["kind"].as_str().unwrap().to_owned(), document)).collect()
}

fn one<'a>(all: &'a [(String, Yaml)], kind: &str) -> &'a Yaml {
    let mut found = all.iter().filter(|(known, _)| known == kind);
    let (Some((_, document)), None) = (found.next(), found.next()) else { panic!("not one {kind}: {all:?}") };
    document
}

#[test]
fn the_chart_renders_what_its_values_say() {
    if !has("helm", "version") {
        return;
    }
    for file in values() {
        let all = rendered(&file);
        let deployment = one(&all, "Deployment");
        assert_runs_without_rights(deployment);
        assert!(all.iter().all(|(kind, _)| kind != "Secret"), "{file}");
        let labels = &deployment["spec"]["selector"]["matchLabels"];
        assert_eq!(labels, &one(&all, "Service")["spec"]["selector"], "{file}");
    }
    // SQLite: one node, whose volume is its alone and stays.
    let all = rendered("helm/duku/values.yaml");
    assert_eq!(one(&all, "Deployment")["spec"]["replicas"].as_i64(), Some(1));
    assert_eq!(one(&all, "Deployment")["spec"]["strategy"]["type"].as_str(), Some("Recreate"));
    let claim = one(&all, "PersistentVolumeClaim");
    assert_eq!(claim["metadata"]["annotations"]["helm.sh/resource-policy"].as_str(), Some("keep"));
    let mut kinds: Vec<&str> = all.iter().map(|(kind, _)| kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Service"]);
}

#[test]
fn the_chart_with_several_nodes_is_the_example_for_kubernetes() {
    if !has("helm", "version") {
        return;
    }
    let all = rendered("helm/duku/ci/several-nodes.yaml");
    let (ours, example) = (one(&all, "Deployment"), yaml("kubernetes/deployment.yaml"));
    let (ours, example) = (&ours["spec"], &example["spec"]);
    assert_eq!(ours["replicas"], example["replicas"]);
    let (ours, example) = (&ours["template"]["spec"], &example["template"]["spec"]);
    for key in ["automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds"] {
        assert_eq!(ours[key], example[key], "{key}");
    }
    for key in keys(&example["securityContext"]) {
        assert_eq!(ours["securityContext"][&*key], example["securityContext"][&*key], "{key}");
    }
    let (ours, example) = (&ours["containers"][0], &example["containers"][0]);
    for key in
        ["ports", "envFrom", "env", "startupProbe", "livenessProbe", "readinessProbe", "securityContext"]
    {
        assert_eq!(ours[key], example[key], "{key}");
    }
    let (settings, example) =
        (&one(&all, "ConfigMap")["data"], &yaml("kubernetes/configuration.yaml")["data"]);
    assert_eq!(settings, example);
    let policy = yaml("kubernetes/network.yaml");
    assert_eq!(one(&all, "NetworkPolicy")["spec"]["ingress"], policy["spec"]["ingress"]);
    let budget = yaml("kubernetes/disruption.yaml");
    assert_eq!(one(&all, "PodDisruptionBudget")["spec"]["maxUnavailable"], budget["spec"]["maxUnavailable"]);
    assert_eq!(one(&all, "Ingress")["spec"]["rules"], yaml("kubernetes/ingress.yaml")["spec"]["rules"]);
}
