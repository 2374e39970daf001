//! What a release rests on: one version everywhere, a package whose files are there, and workflows that run pinned actions.

use super::{deploy, has, read, yaml};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use yaml_rust2::YamlLoader;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> PathBuf {
    deploy().parent().unwrap().to_owned()
}

fn check(tag: &str) -> Output {
    Command::new("python3").arg(deploy().join("release/release.py")).args(["check", tag]).output().unwrap()
}

#[test]
fn a_release_is_refused_unless_its_tag_is_the_version_and_the_changelog_tells_of_it() {
    let chart = yaml("helm/duku/Chart.yaml");
    assert_eq!(chart["version"].as_str(), Some(VERSION));
    assert_eq!(chart["appVersion"].as_str(), Some(VERSION));
    if !has("python3", "--version") {
        return;
    }
    let right = check(&format!("v{VERSION}"));
    assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stderr));
    assert!(!right.stdout.is_empty(), "the section of CHANGELOG.md is what the release says");
    for tag in ["v0.0.0", VERSION, "main"] {
        assert!(!check(tag).status.success(), "{tag}");
    }
}

#[test]
fn the_package_is_made_of_files_that_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table =
        toml::from_str(&fs::read_to_string(folder.join("Cargo.toml")).unwrap()).unwrap();
    let package = &manifest["package"]["metadata"]["deb"];
    let assets = package["assets"].as_array().unwrap();
    assert!(assets.len() > 10, "{assets:?}");
    // What the build and `release.py pack` write is not there yet.
    let sources = assets.iter().map(|asset| asset[0].as_str().unwrap());
    for source in sources.filter(|source| !source.contains("target/")) {
        assert!(folder.join(source).is_file(), "{source}");
    }
    assert!(folder.join(package["maintainer-scripts"].as_str().unwrap()).join("postinst").is_file());
}

#[test]
fn the_manual_page_names_every_command() {
    let output = Command::new(env!("CARGO_BIN_EXE_duku")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let commands = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let page = read("debian/duku.1");
    let mut named = 0;
    let lines =
        commands.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    for command in lines.filter_map(|line| line.split(' ').next()) {
        assert!(command == "help" || page.contains(&format!("\n.B {command}\n")), "{command}");
        named += 1;
    }
    assert!(named > 10, "{help}");
}

/// Every file of `.github`, with its text.
fn github() -> Vec<(PathBuf, String)> {
    let folders = ["workflows", "ISSUE_TEMPLATE"].map(|name| root().join(".github").join(name));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn workflows_run_pinned_actions_and_have_no_rights_to_begin_with() {
    let mut workflows = 0;
    for (path, text) in github() {
        let shown = path.display();
        let document =
            YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}")).remove(0);
        if document["jobs"].is_badvalue() {
            continue;
        }
        workflows += 1;
        let permissions = document["permissions"].as_hash().unwrap();
        assert!(permissions.values().all(|right| right.as_str() == Some("read")), "{shown}");
        for line in text.lines().map(|line| line.trim().trim_start_matches("- ")) {
            let Some(action) = line.strip_prefix("uses: ").filter(|action| !action.starts_with("./")) else {
                continue;
            };
            let (_, commit) = action.split_once('@').unwrap();
            let (commit, version) = commit.split_once(" # v").unwrap_or_else(|| panic!("{shown}: {action}"));
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{shown}: {action}");
            assert!(!version.is_empty(), "{shown}: {action}");
        }
    }
    assert!(workflows >= 2, "{workflows}");
}
