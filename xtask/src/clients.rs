//! Installs the clients that others wrote into `target/clients`, exactly as their lock files say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Outcome, read, read_file, target};

/// The oldest versions that the clients run on; Debian 12 has them. Of Go 1.19 it is the 19.
const OLDEST_NODE: u32 = 18;
const OLDEST_GO: u32 = 19;
const OLDEST_JAVA: u32 = 17;
/// Holds what an installation was made from; written last, so half an installation does not pass for a whole one.
const STAMP: &str = "installed-from";

/// Installs the set of each language, or finds it installed.
pub(crate) fn install(root: &Path) -> Outcome {
    let (sources, clients) = (root.join("crates/duku/tests/clients"), target(root).join("clients"));
    python(&sources.join("python"), &clients.join("python"))?;
    node(&sources.join("node"), &clients.join("node"))?;
    go(&sources.join("go"), &clients.join("go"))?;
    java(&sources.join("java"), &clients.join("java"))
}

fn python(source: &Path, folder: &Path) -> Outcome {
    let requirements = source.join("requirements.txt");
    let version = read(Command::new("python3").arg("--version"))?;
    let wanted = format!("{version}{}", read_file(&requirements)?);
    if is_current(folder, &wanted) {
        println!("   python: up to date");
        return Ok(());
    }
    println!("   python: installing {}", requirements.display());
    start_anew(folder)?;
    read(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let pip = || {
        let mut command = Command::new(folder.join("bin/python"));
        command.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
        command
    };
    // Without their own dependencies: the file names every package, and `check` would tell of a gap.
    read(pip().args(["install", "--no-deps", "--requirement"]).arg(&requirements))?;
    read(pip().arg("check"))?;
    finish(folder, &wanted)
}

fn node(source: &Path, folder: &Path) -> Outcome {
    let version = read(Command::new("node").arg("--version"))?;
    if number(&version, "v").is_none_or(|major| major < OLDEST_NODE) {
        return Err(too_old("JavaScript", &format!("Node.js {OLDEST_NODE}"), &version));
    }
    let files = ["package.json", "package-lock.json"];
    let wanted = made_from(version, source, files)?;
    if is_current(folder, &wanted) {
        println!("   node: up to date");
        return Ok(());
    }
    println!("   node: installing {}", source.join("package-lock.json").display());
    start_anew(folder)?;
    for file in files {
        fs::copy(source.join(file), folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    // Nothing of others runs while it is being installed.
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    read(Command::new("npm").current_dir(folder).args(arguments))?;
    finish(folder, &wanted)
}

/// Builds each program. The toolchain is the machine's own, and go.sum decides what is built in.
fn go(source: &Path, folder: &Path) -> Outcome {
    let version = read(Command::new("go").arg("version").env("GOTOOLCHAIN", "local"))?;
    if number(&version, "go1.").is_none_or(|minor| minor < OLDEST_GO) {
        return Err(too_old("Go", &format!("Go 1.{OLDEST_GO}"), &version));
    }
    let programs = files_with(source, "go")?;
    let files = ["go.mod", "go.sum"].into_iter().chain(programs.iter().map(String::as_str));
    let wanted = made_from(version, source, files)?;
    if is_current(folder, &wanted) {
        println!("   go: up to date");
        return Ok(());
    }
    println!("   go: building with {}", source.join("go.sum").display());
    start_anew(folder)?;
    for program in &programs {
        let mut command = Command::new("go");
        // Without C, so that no compiler is needed for it.
        command.envs([("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=readonly"), ("CGO_ENABLED", "0")]);
        command.envs([("GO111MODULE", "on"), ("GOWORK", "off")]).current_dir(source);
        command
            .args(["build", "-trimpath", "-buildvcs=false", "-o"])
            .arg(folder.join("bin").join(stem(program)));
        read(command.arg(program))?;
    }
    finish(folder, &wanted)
}

/// Compiles the programs with what Maven brings, once that is exactly what the digests say.
fn java(source: &Path, folder: &Path) -> Outcome {
    let version = read(Command::new("javac").arg("--version"))?;
    if number(&version, "javac ").is_none_or(|major| major < OLDEST_JAVA) {
        return Err(too_old("Java", &format!("a JDK {OLDEST_JAVA}"), &version));
    }
    let programs = files_with(source, "java")?;
    let (project, digests) = ("pom.xml", "dependencies.sha256");
    let files = [project, digests].into_iter().chain(programs.iter().map(String::as_str));
    let wanted = made_from(version, source, files)?;
    if is_current(folder, &wanted) {
        println!("   java: up to date");
        return Ok(());
    }
    println!("   java: installing {}", source.join(digests).display());
    start_anew(folder)?;
    fs::copy(source.join(project), folder.join(project)).map_err(|error| format!("{project}: {error}"))?;
    let maven = ["--batch-mode", "--quiet", "--strict-checksums", "dependency:copy-dependencies"];
    read(Command::new("mvn").current_dir(folder).args(maven))?;
    let libraries = folder.join("lib");
    let found = read(Command::new("sha256sum").current_dir(&libraries).args(files_with(&libraries, "jar")?))?;
    if let Some(difference) = difference(&read_file(&source.join(digests))?, &found) {
        return Err(format!("Maven brought something else than {digests} says:{difference}"));
    }
    let mut compiler = Command::new("javac");
    compiler.current_dir(source).args(["--release", &OLDEST_JAVA.to_string(), "-encoding", "UTF-8"]);
    compiler.arg("-classpath").arg(libraries.join("*")).arg("-d").arg(folder.join("classes"));
    read(compiler.args(programs))?;
    finish(folder, &wanted)
}

/// What the files of digests do not have in common, one a line; in which order they stand does not matter.
fn difference(locked: &str, found: &str) -> Option<String> {
    let (locked, found): (BTreeSet<_>, BTreeSet<_>) = (locked.lines().collect(), found.lines().collect());
    let missing = locked.difference(&found).map(|line| format!("\n- {line}"));
    let lines: String = missing.chain(found.difference(&locked).map(|line| format!("\n+ {line}"))).collect();
    (!lines.is_empty()).then_some(lines)
}

/// The number after this word: after the `v` in `v20.20.2` it is 20.
fn number(version: &str, after: &str) -> Option<u32> {
    let (_, rest) = version.split_once(after)?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

fn too_old(language: &str, needed: &str, found: &str) -> String {
    let found = found.trim();
    format!("the {language} clients need {needed} or newer; on this machine it is {found}")
}

/// What the stamp holds: who installs, and the files that say what.
fn made_from<'a>(
    version: String,
    source: &Path,
    files: impl IntoIterator<Item = &'a str>,
) -> Outcome<String> {
    let mut wanted = version;
    for file in files {
        wanted.push_str(&read_file(&source.join(file))?);
    }
    Ok(wanted)
}

/// The names of the folder's files with this extension, in order.
fn files_with(folder: &Path, extension: &str) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|name| Path::new(name).extension().is_some_and(|found| found == extension)).collect();
    names.sort();
    Ok(names)
}

fn stem(file: &str) -> &str {
    file.split('.').next().unwrap_or(file)
}

fn is_current(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp(folder)).is_ok_and(|found| found == wanted)
}

fn start_anew(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn finish(folder: &Path, made_from: &str) -> Outcome {
    fs::write(stamp(folder), made_from).map_err(|error| format!("{}: {error}", folder.display()))
}

fn stamp(folder: &Path) -> PathBuf {
    folder.join(STAMP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(number("v20.20.2\n", "v"), Some(20));
        assert_eq!(number("go version go1.26.8 linux/amd64\n", "go1."), Some(26));
        assert_eq!(number("javac 17.0.15\n", "javac "), Some(17));
        assert_eq!(number("unknown", "v"), None);
        assert_eq!(number("version", "v"), None);
    }

    #[test]
    fn whatever_is_missing_new_or_changed_among_digests_is_told() {
        let locked = "11  a.jar\n22  b.jar\n";
        assert_eq!(difference(locked, "22  b.jar\n11  a.jar\n"), None);
        assert_eq!(difference(locked, "11  a.jar\n").unwrap(), "\n- 22  b.jar");
        assert_eq!(difference(locked, "11  a.jar\n22  b.jar\n33  c.jar\n").unwrap(), "\n+ 33  c.jar");
        assert_eq!(difference(locked, "11  a.jar\n23  b.jar\n").unwrap(), "\n- 22  b.jar\n+ 23  b.jar");
    }

    #[test]
    fn only_a_finished_and_equal_installation_is_current() {
        let folder = std::env::temp_dir().join(format!("duku-clients-{}", std::process::id()));
        start_anew(&folder).unwrap();
        assert!(!is_current(&folder, "one"));
        finish(&folder, "one").unwrap();
        assert!(is_current(&folder, "one") && !is_current(&folder, "two"));
        start_anew(&folder).unwrap();
        assert!(!is_current(&folder, "one"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
