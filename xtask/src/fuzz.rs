//! Untrusted input: runs the fuzz targets of `fuzz/`, keeps what is worth keeping small, and writes down what was run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{self, Outcome, works};
use crate::steps::Workshop;

/// What was asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    target: Option<String>,
    seconds: u32,
}

impl Options {
    /// Reads `[TARGET] [--seconds N]`.
    pub(crate) fn parse(words: &[&str]) -> Outcome<Self> {
        let mut options = Self { target: None, seconds: 60 };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "--seconds" => {
                    let seconds =
                        words.next().and_then(|number| number.parse().ok()).filter(|seconds| *seconds > 0);
                    options.seconds = seconds.ok_or("`--seconds` needs a number")?;
                }
                name if options.target.is_none() && !name.starts_with('-') => {
                    options.target = Some(name.to_owned());
                }
                other => return Err(format!("`fuzz` does not know `{other}`")),
            }
        }
        Ok(options)
    }
}

/// Fuzzes one target, or all one after the other. Stable Rust does: libFuzzer's coverage needs no sanitizer.
pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    let folder = root.join("fuzz");
    let targets = targets(&folder)?;
    let chosen: Vec<&String> = match &options.target {
        None => targets.iter().collect(),
        Some(name) => vec![
            targets
                .iter()
                .find(|target| *target == name)
                .ok_or_else(|| format!("`{name}` is no target; there are: {}", targets.join(", ")))?,
        ],
    };
    if !works("cargo", &["fuzz", "--version"]) {
        return Err(
            "cargo-fuzz is not installed: `cargo install --locked cargo-fuzz`, then run again".to_owned()
        );
    }
    let workshop = Workshop::new(root, &[]);
    let output = workshop.output("fuzz");
    process::run(
        in_folder(&mut workshop.cargo(&["fuzz", "build", "-s", "none", "--target-dir"]), &folder)
            .arg(&output),
    )?;
    let mut rows = Vec::new();
    for target in &chosen {
        println!("── {target}, for {} s", options.seconds);
        let figures = fuzz(&workshop, &folder, &output, target, options.seconds)?;
        println!("   {} inputs, {} edges of the code", figures.executions, figures.edges);
        rows.push(figures.row(target, options.seconds));
    }
    if chosen.len() == targets.len() {
        write_down(root, &rows)?;
    }
    Ok(())
}

/// What libFuzzer says of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    executions: u64,
    edges: u64,
}

impl Figures {
    fn read(&mut self, line: &str) {
        let after = |word: &str| {
            line.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
        };
        self.executions = after("stat::number_of_executed_units:").unwrap_or(self.executions);
        self.edges = after(" cov: ").unwrap_or(self.edges);
    }

    fn row(&self, target: &str, seconds: u32) -> String {
        let Self { executions, edges } = self;
        format!(
            "    {{ \"target\": \"{target}\", \"seconds\": {seconds}, \"executions\": {executions}, \"edges\": {edges} }}"
        )
    }
}

/// Only a run over all targets is written down: figures of different days would stand side by side.
fn write_down(root: &Path, rows: &[String]) -> Outcome {
    let file = root.join("bench/results/fuzz.json");
    let what = "what libFuzzer ran without finding a fault, and how many edges of the code it reached";
    let text = format!("{{\n  \"what\": \"{what}\",\n  \"targets\": [\n{}\n  ]\n}}\n", rows.join(",\n"));
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("figures: {}", file.display());
    Ok(())
}

/// The fuzzer wants a nightly compiler only because its flags are not promised; this one takes them all the same.
fn in_folder<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command.current_dir(folder).env("RUSTC_BOOTSTRAP", "1")
}

fn targets(folder: &Path) -> Outcome<Vec<String>> {
    let place = folder.join("fuzz_targets");
    let entries = fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn fuzz(workshop: &Workshop, folder: &Path, output: &Path, target: &str, seconds: u32) -> Outcome<Figures> {
    // What the fuzzer collects stays in the output folder; the committed corpus is only read. The product's own data, too,
    // are made there: a fuzzer that ends does not clean up.
    let (collected, scratch) = (output.join("corpus").join(target), output.join("scratch"));
    for place in [&collected, &scratch] {
        fs::create_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    let mut command = workshop.cargo(&["fuzz", "run", "-s", "none", "--target-dir"]);
    in_folder(&mut command, folder)
        .arg(output)
        .arg(target)
        .arg(&collected)
        .arg(folder.join("corpus").join(target));
    command.env("TMPDIR", &scratch).arg("--");
    command.arg(format!("-dict={}", folder.join("dictionaries").join(format!("{target}.dict")).display()));
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-max_len=4096", "-timeout=600", "-rss_limit_mb=1500", "-print_final_stats=1"]);
    let outcome = watched(&mut command);
    fs::remove_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    outcome.map_err(|reason| {
        format!("{reason}\nThe input that did it is in fuzz/artifacts/{target}: mend it, and keep the input in fuzz/corpus/{target}")
    })
}

/// Runs it in the open and reads along.
fn watched(command: &mut Command) -> Outcome<Figures> {
    let refusal = |error: std::io::Error| format!("cargo fuzz: {error}");
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(refusal)?;
    let mut figures = Figures::default();
    // The fuzzer quotes what it tries, which is no text.
    for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(|lines| lines.split(b'\n')) {
        let line = line.map_err(refusal)?;
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        figures.read(&line);
    }
    let status = child.wait().map_err(refusal)?;
    if status.success() { Ok(figures) } else { Err(format!("the fuzzer stopped ({status})")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let all = Options::parse(&[]).unwrap();
        assert_eq!((all.target, all.seconds), (None, 60));
        let one = Options::parse(&["graphql", "--seconds", "600"]).unwrap();
        assert_eq!((one.target.as_deref(), one.seconds), (Some("graphql"), 600));
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["a", "b"], &["--fast"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn figures_are_read_from_what_the_fuzzer_says() {
        let mut figures = Figures::default();
        for line in [
            "#2\tINITED cov: 120 ft: 340 corp: 9/1Kb exec/s: 0 rss: 45Mb",
            "#99\tNEW    cov: 131 ft: 352 corp: 10/1Kb lim: 4 exec/s: 9 rss: 46Mb L: 3/9 MS: 1 ChangeBit-",
            "stat::number_of_executed_units: 35628",
            "stat::average_exec_per_sec:     7125",
        ] {
            figures.read(line);
        }
        assert_eq!(figures, Figures { executions: 35_628, edges: 131 });
        assert!(figures.row("graphql", 60).contains("\"executions\": 35628"));
    }

    #[test]
    fn the_targets_are_those_of_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let found = targets(&root.join("fuzz")).unwrap();
        assert_eq!(found, ["access_token", "cookies", "graphql", "settings", "token_request"]);
        for target in found {
            assert!(root.join(format!("fuzz/dictionaries/{target}.dict")).exists(), "{target}");
        }
    }
}
