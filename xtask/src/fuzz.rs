//! Untrusted input: runs the fuzz targets of `fuzz/`, keeps what is worth keeping small, and writes down what was run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

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
    let mut rows = Vec::new();
    for name in &chosen {
        println!("── {name}, for {} s", options.seconds);
        let (executions, edges) = fuzz(root, name, options.seconds)?;
        println!("   {executions} inputs, {edges} edges of the code");
        let seconds = options.seconds;
        rows.push(format!(
            "    {{ \"target\": \"{name}\", \"seconds\": {seconds}, \"executions\": {executions}, \"edges\": {edges} }}"
        ));
    }
    // Only a run over all targets is written down: figures of different days would stand side by side.
    if chosen.len() < targets.len() {
        return Ok(());
    }
    let what = "what libFuzzer ran without finding a fault, and how many edges of the code it reached";
    let text = format!("{{\n  \"what\": \"{what}\",\n  \"targets\": [\n{}\n  ]\n}}\n", rows.join(",\n"));
    fs::write(root.join("bench/results/fuzz.json"), text).map_err(|error| error.to_string())
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

/// How many inputs were run, and how many edges of the code they reached.
fn fuzz(root: &Path, name: &str, seconds: u32) -> Outcome<(u64, u64)> {
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
    let outcome = watch(&mut command);
    fs::remove_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    outcome.map_err(|reason| {
        format!("{reason}\nThe input that did it is in fuzz/artifacts/{name}: mend it, and keep the input in fuzz/corpus/{name}")
    })
}

/// Runs it in the open and reads along.
fn watch(command: &mut Command) -> Outcome<(u64, u64)> {
    let failed = |error: std::io::Error| format!("cargo fuzz: {error}");
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (mut executions, mut edges) = (0, 0);
    // The fuzzer quotes what it tries, which is no text.
    for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(|lines| lines.split(b'\n')) {
        let line = String::from_utf8_lossy(&line.map_err(failed)?).into_owned();
        eprintln!("{line}");
        executions = number_after(&line, "stat::number_of_executed_units:").unwrap_or(executions);
        edges = number_after(&line, " cov: ").unwrap_or(edges);
    }
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok((executions, edges)) } else { Err(format!("the fuzzer stopped ({status})")) }
}

fn number_after(line: &str, word: &str) -> Option<u64> {
    line.split_once(word)?.1.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_what_the_fuzzer_says() {
        let line =
            "#99\tNEW    cov: 131 ft: 352 corp: 10/1Kb lim: 4 exec/s: 9 rss: 46Mb L: 3/9 MS: 1 ChangeBit-";
        assert_eq!(number_after(line, " cov: "), Some(131));
        assert_eq!(number_after("stat::average_exec_per_sec:     7125", " cov: "), None);
    }

    #[test]
    fn every_target_has_its_dictionary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for target in targets(root).unwrap() {
            assert!(root.join(format!("fuzz/dictionaries/{target}.dict")).exists(), "{target}");
        }
    }
}
