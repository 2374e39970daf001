//! `cargo xtask test`: all checks in order, the tests last, stopping at the first that fails.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::install;
use crate::process::Outcome;
use crate::steps::{STEPS, Step, Workshop};

/// What was asked for on the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    only: Option<String>,
    list: bool,
    filter: Vec<String>,
}

impl Options {
    /// Reads `[--only STEP] [--list] [-- FILTER…]`.
    pub(crate) fn parse(words: &[&str]) -> Outcome<Self> {
        let mut options = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "--list" => options.list = true,
                "--only" => {
                    let name = words.next().ok_or("`--only` needs the name of a step")?;
                    if !STEPS.iter().any(|step| step.name == name) {
                        return Err(format!("`{name}` is no step; there are: {}", names()));
                    }
                    options.only = Some(name.to_owned());
                }
                "--" => options.filter.extend(words.by_ref().map(str::to_owned)),
                other => return Err(format!("`test` does not know `{other}`; a filter goes behind `--`")),
            }
        }
        Ok(options)
    }

    fn chosen(&self) -> Vec<&'static Step> {
        STEPS.iter().filter(|step| self.only.as_ref().is_none_or(|name| name == step.name)).collect()
    }
}

fn names() -> String {
    STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ")
}

/// Installs what the chosen steps need, then runs them.
///
/// Nothing is printed after the last step: the test runner's own summary closes the run.
pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    let steps = options.chosen();
    if options.list {
        for step in steps {
            println!("{:13} {}", step.name, step.what);
        }
        return Ok(());
    }
    install::ensure(steps.iter().flat_map(|step| step.needs).copied())?;
    let workshop = Workshop::new(root, &options.filter);
    let count = steps.len();
    for (index, step) in steps.into_iter().enumerate() {
        let number = index + 1;
        println!("── [{number}/{count}] {}: {}", step.name, step.what);
        let start = Instant::now();
        let outcome = (step.run)(&workshop);
        let took = shown(start.elapsed());
        match outcome {
            Ok(()) if number == count => {}
            Ok(()) => println!("   {} done in {took}", step.name),
            Err(reason) => return Err(format!("the step `{}` failed after {took}: {reason}", step.name)),
        }
    }
    Ok(())
}

fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(Options::parse(&[]).unwrap().chosen().len(), STEPS.len());
        let options = Options::parse(&["--only", "tests", "--", "keys", "--no-capture"]).unwrap();
        assert_eq!(options.chosen().iter().map(|step| step.name).collect::<Vec<_>>(), ["tests"]);
        assert_eq!(options.filter, ["keys", "--no-capture"]);
    }

    #[test]
    fn wrong_options_say_what_is_right() {
        assert!(Options::parse(&["--only", "nothing"]).unwrap_err().contains("architecture"));
        assert!(Options::parse(&["--only"]).unwrap_err().contains("name of a step"));
        assert!(Options::parse(&["keys"]).unwrap_err().contains("behind `--`"));
    }

    #[test]
    fn the_tests_come_last_so_that_their_summary_closes_the_run() {
        assert_eq!(STEPS.last().map(|step| step.name), Some("tests"));
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(shown(Duration::from_millis(1240)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 5 s");
    }
}
