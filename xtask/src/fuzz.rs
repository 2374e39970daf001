//! Untrusted input: runs the fuzz targets of `fuzz/`, and keeps what is worth keeping small.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{self, Outcome, cargo, target, works};

/// What was asked for on the command line.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// This target alone
    target: Option<String>,
    /// For each target
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// Fuzzes one target, or all one after the other. Stable Rust does: libFuzzer's coverage needs no sanitizer.
pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    let targets = targets(root)?;
    let is_chosen = |name: &&String| options.target.as_ref().is_none_or(|wanted| *name == wanted);
    let chosen: Vec<&String> = targets.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        return Err(format!("there is no such target; there are: {}", targets.join(", ")));
    }
    if !works("cargo", &["fuzz", "--version"]) {
        return Err("cargo-fuzz is missing: `cargo install --locked cargo-fuzz`, then run again".to_owned());
    }
    process::run(&mut fuzzer(root, "build"))?;
    chosen.into_iter().try_for_each(|name| {
        println!("── {name}, for {} s", options.seconds);
        fuzz(root, name, options.seconds)
    })
}

/// The fuzzer wants a nightly compiler only because its flags are not promised; this one takes them all the same.
fn fuzzer(root: &Path, command: &str) -> Command {
    let mut fuzzer = cargo(&root.join("fuzz"), &["fuzz", command, "-s", "none", "--target-dir"]);
    fuzzer.arg(target(root).join("fuzz")).env("RUSTC_BOOTSTRAP", "1");
    fuzzer
}

fn targets(root: &Path) -> Outcome<Vec<String>> {
    let place = root.join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// Runs one target.
fn fuzz(root: &Path, name: &str, seconds: u32) -> Outcome {
    // What the fuzzer collects stays in the output folder; the committed corpus is only read. The product's own data, too,
    // are made there: a fuzzer that ends does not clean up.
    let (folder, output) = (root.join("fuzz"), target(root).join("fuzz"));
    let (collected, scratch) = (output.join("corpus").join(name), output.join("scratch"));
    for place in [&collected, &scratch] {
        fs::create_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    let mut command = fuzzer(root, "run");
    command.arg(name).arg(&collected).arg(folder.join("corpus").join(name)).env("TMPDIR", &scratch).arg("--");
    command.arg(format!("-dict={}", folder.join("dictionaries").join(format!("{name}.dict")).display()));
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-max_len=4096", "-timeout=600", "-rss_limit_mb=1500", "-print_final_stats=1"]);
    let outcome = process::run(&mut command);
    fs::remove_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    outcome.map_err(|reason| {
        format!("{reason}\nThe input that did it is in fuzz/artifacts/{name}: mend it, and keep the input in fuzz/corpus/{name}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_dictionary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for target in targets(root).unwrap() {
            assert!(root.join(format!("fuzz/dictionaries/{target}.dict")).exists(), "{target}");
        }
    }
}
