//! A document that says "this test holds that" must name a test that exists: otherwise the promise has outlived
//! its proof and nobody noticed.
//!
//! Read are the table under `## Invariants` in `ARCHITECTURE.md` and the one under `## Promises` in
//! `SECURITY.md`; the last column of each names tests as `` `crate::module::test_name` ``.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::read;
use crate::markdown;
use crate::process::Outcome;

const DOCUMENTS: [(&str, &str); 2] = [("ARCHITECTURE.md", "Invariants"), ("SECURITY.md", "Promises")];

/// Every row without a test, and every named test that is not there or is never run.
pub(crate) fn faults(root: &Path) -> Outcome<Vec<String>> {
    let mut sources = Sources::new(root);
    let mut faults = Vec::new();
    for (document, heading) in DOCUMENTS {
        let text = match read(&root.join(document)) {
            Ok(text) => text,
            Err(reason) => {
                faults.push(reason);
                continue;
            }
        };
        let Some(rows) = markdown::table_under(&text, heading) else {
            faults.push(format!("{document}: no table under a heading `{heading}`"));
            continue;
        };
        for row in rows {
            let promise = row.first().map_or("an empty row", String::as_str);
            let named = named_tests(&row);
            if named.is_empty() {
                faults.push(format!("{document}: no test in the last column of “{promise}”"));
            }
            for test in named {
                if let Some(fault) = sources.fault(test)? {
                    faults.push(format!("{document}: `{test}` {fault}"));
                }
            }
        }
    }
    Ok(faults)
}

/// The tests that the last cell names.
fn named_tests(row: &[String]) -> Vec<&str> {
    let last = row.last().map_or("", String::as_str);
    markdown::code_spans(last).into_iter().filter(|span| span.contains("::")).collect()
}

/// The functions of each crate that was asked for, and whether they are ignored tests.
struct Sources<'a> {
    root: &'a Path,
    crates: HashMap<String, HashMap<String, bool>>,
}

impl<'a> Sources<'a> {
    fn new(root: &'a Path) -> Self {
        Self { root, crates: HashMap::new() }
    }

    /// What is wrong with a test's path, if anything is.
    fn fault(&mut self, path: &str) -> Outcome<Option<String>> {
        let package = path.split("::").next().unwrap_or_default().to_owned();
        let name = path.rsplit("::").next().unwrap_or_default();
        let functions = match self.crates.entry(package.clone()) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(functions_of(self.root, &package)?)
            }
        };
        Ok(match functions.get(name) {
            None => Some(format!("is named as a test, but {package} has no `fn {name}`")),
            Some(true) => Some("is ignored, so it proves nothing".to_owned()),
            Some(false) => None,
        })
    }
}

fn functions_of(root: &Path, package: &str) -> Outcome<HashMap<String, bool>> {
    let folder = match package {
        "torture" | "xtask" => root.join(package),
        in_crates => root.join("crates").join(in_crates),
    };
    let mut files = Vec::new();
    for part in ["src", "tests"] {
        rust_files(&folder.join(part), &mut files);
    }
    let mut functions = HashMap::new();
    for file in files {
        functions.extend(functions_in(&read(&file)?));
    }
    Ok(functions)
}

/// A folder that is not there has no files; the missing test is the complaint, not the missing folder.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names that stand behind `fn`, each with whether `#[ignore]` stands above it.
fn functions_in(source: &str) -> HashMap<String, bool> {
    let mut functions = HashMap::new();
    let mut ignored = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("//") || line.is_empty() {
            continue;
        }
        if line.starts_with("#[") && !line.contains("fn ") {
            ignored |= line.starts_with("#[ignore");
            continue;
        }
        if let Some(name) = function_name(line) {
            functions.insert(name.to_owned(), ignored);
        }
        ignored = false;
    }
    functions
}

fn function_name(line: &str) -> Option<&str> {
    let declaration = line.strip_prefix("fn ").or_else(|| line.split_once(" fn ").map(|(_, rest)| rest))?;
    let end = declaration.find(|character: char| !character.is_alphanumeric() && character != '_')?;
    declaration.get(..end).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_names_the_tests() {
        let row =
            ["a promise", "`not::this`", "`store::it::keys::one`, `auth::two` and `code`"].map(str::to_owned);
        assert_eq!(named_tests(&row), ["store::it::keys::one", "auth::two"]);
        assert!(named_tests(&["words only".to_owned()]).is_empty());
    }

    #[test]
    fn functions_are_found_however_they_are_declared() {
        let source = "#[test]\nfn plain() {}\n#[tokio::test]\nasync fn later() {}\n    pub(crate) fn deep<T>() {}\n#[ignore = \"slow\"]\n#[test]\nfn never() {}\nfn after() {}\n";
        let functions = functions_in(source);
        for (name, ignored) in
            [("plain", false), ("later", false), ("deep", false), ("never", true), ("after", false)]
        {
            assert_eq!(functions.get(name), Some(&ignored), "{name}");
        }
        assert_eq!(functions.len(), 5);
    }

    #[test]
    fn a_named_test_that_is_not_there_is_a_fault() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut sources = Sources::new(root);
        let own = "xtask::promises::tests::a_named_test_that_is_not_there_is_a_fault";
        assert_eq!(sources.fault(own).unwrap(), None);
        assert!(
            sources.fault("xtask::promises::no_such_test").unwrap().unwrap().contains("no `fn no_such_test`")
        );
        assert!(sources.fault("cellar::no_such_crate").unwrap().is_some());
    }
}
