//! `torture BINARY RESULTS [--short] [--list] [NAME…]`: called by `cargo xtask torture`, which builds the release first.

use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};
use torture::{Bench, Outcome, Report, SCENARIOS, Scale, Scenario};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Outcome {
    let (options, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    if options.iter().any(|option| *option == "--list") {
        for scenario in SCENARIOS {
            println!("{:18} {}", scenario.name, scenario.promise);
        }
        return Ok(());
    }
    let mut names = names.into_iter();
    let (Some(binary), Some(results)) = (names.next(), names.next()) else {
        return Err("call it by `cargo xtask torture`".to_owned());
    };
    let scale = if options.iter().any(|option| *option == "--short") { Scale::Short } else { Scale::Full };
    let bench = Bench { binary: PathBuf::from(binary), scale };
    let chosen = chosen(names.map(String::as_str).collect())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let mut broken = Vec::new();
    for scenario in chosen {
        if !runtime.block_on(one(scenario, &bench, Path::new(results)))? {
            broken.push(scenario.name);
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("broken promises: {}", broken.join(", "))) }
}

fn chosen(names: Vec<&str>) -> Outcome<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &str| {
        let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
        found.ok_or_else(|| format!("`{name}` is no scenario: see `cargo xtask torture --list`"))
    };
    names.into_iter().map(find).collect()
}

/// Runs one scenario; false if it found a broken promise.
async fn one(scenario: &Scenario, bench: &Bench, results: &Path) -> Outcome<bool> {
    println!("── {}: {}", scenario.name, scenario.promise);
    let start = Instant::now();
    let found = (scenario.run)(bench).await;
    let seconds = start.elapsed().as_secs_f64();
    match &found {
        Ok(figures) => println!("{}   held, in {seconds:.1} s", figures.lines()),
        Err(why) => println!("   BROKEN after {seconds:.1} s: {why}"),
    }
    let report = Report {
        name: scenario.name,
        promise: scenario.promise,
        found: found.as_ref().map_err(String::as_str),
        seconds,
        circumstances: circumstances(bench.scale),
    };
    report.record(results)?;
    Ok(found.is_ok())
}

fn circumstances(scale: Scale) -> Value {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.map_or_else(
            |_| "?".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("?");
    let machine = format!("{} × {}", said("nproc", &[]), processor.trim_start_matches([' ', '\t', ':']));
    json!({
        "machine": machine,
        "system": said("uname", &["-sr"]),
        "date": said("date", &["-u", "+%Y-%m-%d %H:%M"]),
        "commit": said("git", &["rev-parse", "--short", "HEAD"]),
        "scale": if scale == Scale::Short { "short" } else { "full" },
    })
}
