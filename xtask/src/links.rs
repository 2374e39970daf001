//! Every relative link and anchor in the repository's Markdown files leads somewhere. Links to other hosts are
//! not followed: a check that needs the network fails for reasons that are not ours.

use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::read;
use crate::markdown;
use crate::process::Outcome;

/// Checks all pages; the reason names every dead link.
pub(crate) fn check(root: &Path) -> Outcome {
    let mut pages = Vec::new();
    markdown_files(root, &mut pages);
    pages.sort();
    let mut faults = Vec::new();
    for page in &pages {
        for (line, target) in markdown::links(&read(page)?) {
            if let Some(fault) = fault(root, page, &target)? {
                let shown = page.strip_prefix(root).unwrap_or(page).display();
                faults.push(format!("{shown}:{line}: `{target}` {fault}"));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("dead links:\n  {}", faults.join("\n  "))) }
}

/// The project's own pages: not what was built or installed, nor what tools keep in hidden folders.
fn markdown_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "duku-data"].contains(&name.as_ref()) {
                markdown_files(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// What is wrong with a link, if anything is.
fn fault(root: &Path, page: &Path, target: &str) -> Outcome<Option<String>> {
    if !is_relative(target) {
        return Ok(None);
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = path.split('?').next().unwrap_or_default();
    let file =
        if path.is_empty() { page.to_owned() } else { page.parent().unwrap_or(root).join(decoded(path)) };
    let Ok(file) = file.canonicalize() else {
        return Ok(Some("leads to no file".to_owned()));
    };
    if !file.starts_with(root.canonicalize().map_err(|error| error.to_string())?) {
        return Ok(Some("leads out of the repository".to_owned()));
    }
    let Some(anchor) = anchor.filter(|_| file.extension().is_some_and(|extension| extension == "md")) else {
        return Ok(None);
    };
    let known = markdown::anchors(&read(&file)?).contains(anchor);
    Ok((!known).then(|| "names a heading that is not there".to_owned()))
}

/// Not `https:…`, `mailto:…`, nor a path on a server.
fn is_relative(target: &str) -> bool {
    let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
    let has_scheme = !scheme.is_empty()
        && scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character));
    !has_scheme && !target.starts_with('/')
}

/// A path with its `%20` and the like decoded; what is not valid stays as it is.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'%').then(|| tail.get(..2)).flatten();
        let value = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(value.unwrap_or(first));
        rest = if value.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_links_are_looked_at() {
        for target in ["https://example.org", "mailto:ada@example.org", "/docs/page", "//host/x"] {
            assert!(!is_relative(target), "{target}");
        }
        for target in ["README.md", "#anchor", "../x.md#y", "dir/file.rs#L10"] {
            assert!(is_relative(target), "{target}");
        }
    }

    #[test]
    fn a_dead_link_is_told_by_file_line_and_reason() {
        let root = std::env::temp_dir().join(format!("duku-links-{}", std::process::id()));
        fs::create_dir_all(root.join("docs")).unwrap();
        fs::write(root.join("docs/other page.md"), "# Here I am\n").unwrap();
        let page = "[ok](docs/other%20page.md#here-i-am)\n[no file](gone.md)\n[no heading](docs/other%20page.md#gone)\n[out](../)\n[own](#nowhere)\n";
        fs::write(root.join("page.md"), page).unwrap();
        let reason = check(&root).unwrap_err();
        fs::remove_dir_all(&root).unwrap();
        for line in ["page.md:2", "page.md:3", "page.md:4", "page.md:5"] {
            assert!(reason.contains(line), "{line} is missing in {reason}");
        }
        assert!(!reason.contains("page.md:1"), "{reason}");
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(decoded("a%20b%zz%2"), "a b%zz%2");
    }
}
