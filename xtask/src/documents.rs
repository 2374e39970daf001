//! The Markdown files: relative links lead somewhere, and each test and source file that a document names exists.
//!
//! Links to other hosts are not followed: a check that needs the network fails for reasons that are not ours. The tables
//! "Invariants" and "Promises" name tests in their last column, as `` `crate::module::test_name` ``.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Outcome;

/// Where tests are named, and under which heading.
const TABLES: [(&str, &str); 2] = [("INVARIANTS.md", "Invariants"), ("SECURITY.md", "Promises")];

/// Checks all; the reason names everything that is wrong.
pub(crate) fn check(root: &Path) -> Outcome {
    let mut pages = Vec::new();
    files(root, "md", &mut pages);
    let mut wrong = Vec::new();
    for page in &pages {
        let shown = page.strip_prefix(root).unwrap_or(page).display();
        let Page { links, sources, .. } = Page::read(page)?;
        for source in sources {
            if !root.join("crates").join(&source).exists() && !root.join(&source).exists() {
                wrong.push(format!("{shown}: `{source}` is named, but is not there"));
            }
        }
        for link in links {
            if let Some(why) = dead(page, &link)? {
                wrong.push(format!("{shown}: `{link}` {why}"));
            }
        }
    }
    for (document, heading) in TABLES {
        let rows = Page::read(&root.join(document))?.tables.remove(heading).unwrap_or_default();
        if rows.is_empty() {
            wrong.push(format!("{document}: no table under `{heading}`"));
        }
        for tests in rows {
            if tests.is_empty() {
                wrong.push(format!("{document}: a row of `{heading}` names no test"));
            }
            for test in tests {
                wrong.extend(missing(root, &test)?.map(|why| format!("{document}: `{test}` {why}")));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("the documents are wrong:\n  {}", wrong.join("\n  "))) }
}

/// The project's own files with this extension: not what was built or installed, nor hidden folders.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "duku-data"].contains(&&*name) {
                files(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// What the checks need of a page.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    /// Files and folders of crates.
    sources: Vec<String>,
    anchors: BTreeSet<String>,
    /// For each heading with a table: the tests that the last column of each row names.
    tables: HashMap<String, Vec<Vec<String>>>,
}

impl Page {
    fn read(path: &Path) -> Outcome<Self> {
        fs::read_to_string(path)
            .map(|text| Self::parse(&text))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let (mut heading, mut in_heading) = (String::new(), false);
        let mut times: HashMap<String, usize> = HashMap::new();
        let mut cell = Vec::new();
        for event in Parser::new_ext(text, Options::all()) {
            match event {
                Event::Start(Tag::Heading { .. }) => (heading, in_heading) = (String::new(), true),
                Event::End(TagEnd::Heading(_)) => {
                    in_heading = false;
                    let slug = slug(&heading);
                    let earlier = times.entry(slug.clone()).or_default();
                    page.anchors.insert(if *earlier == 0 { slug } else { format!("{slug}-{earlier}") });
                    *earlier += 1;
                }
                Event::Text(text) | Event::Code(text) if in_heading => heading.push_str(&text),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Html(html) | Event::InlineHtml(html) => page.links.extend(pictures(&html)),
                Event::Start(Tag::TableCell) => cell.clear(),
                Event::Code(code) if code.contains("/src/") && !code.contains([' ', '*']) => {
                    page.sources.push(code.into_string());
                }
                Event::Code(code) if code.contains("::") => cell.push(code.into_string()),
                Event::End(TagEnd::TableRow) => {
                    page.tables.entry(heading.clone()).or_default().push(std::mem::take(&mut cell));
                }
                _ => {}
            }
        }
        page
    }
}

/// The files of pictures in HTML, where Markdown has no word for two schemes of colour.
fn pictures(html: &str) -> impl Iterator<Item = String> {
    let values = html.split([' ', '<', '>']).filter_map(|part| part.split_once('='));
    values
        .filter(|(name, _)| ["src", "srcset"].contains(name))
        .map(|(_, file)| file.trim_matches('"').to_owned())
}

/// As forges make it: small letters, digits, `-` and `_` stay, spaces become `-`, the rest goes.
fn slug(title: &str) -> String {
    let kept = |character: &char| character.is_alphanumeric() || matches!(character, '-' | '_' | ' ');
    title.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Why a link leads nowhere, if it does. What has a scheme, or is a path on a server, is not looked at.
fn dead(page: &Path, link: &str) -> Outcome<Option<String>> {
    if link.starts_with('/') || link.split(['/', '#']).next().is_some_and(|first| first.contains(':')) {
        return Ok(None);
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let file = match path.split('?').next() {
        None | Some("") => page.to_owned(),
        Some(path) => page.with_file_name("").join(path.replace("%20", " ")),
    };
    if !file.exists() {
        return Ok(Some("leads to no file".to_owned()));
    }
    let has_anchor = anchor.is_empty()
        || file.extension().is_none_or(|extension| extension != "md")
        || Page::read(&file)?.anchors.contains(anchor);
    Ok((!has_anchor).then(|| "names a heading that is not there".to_owned()))
}

/// Why a named test holds nothing, if it does not: it is not there, not in its module, or ignored.
fn missing(root: &Path, test: &str) -> Outcome<Option<String>> {
    let package = test.split("::").next().unwrap_or_default();
    let name = test.rsplit("::").next().unwrap_or_default();
    let library = root.join("crates").join(package);
    let folder = if library.is_dir() { library } else { root.join(package) };
    let module = test.rsplit("::").skip(1).find(|part| *part != "tests").unwrap_or_default();
    let mut sources = Vec::new();
    files(&folder, "rs", &mut sources);
    sources.retain(|source| source.with_extension("").iter().any(|part| part == module));
    let declared = [format!("fn {name}("), format!("fn {name}<")];
    // Macros run a test on each engine: they name it in a list.
    for source in sources {
        let code = fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
        if let Some(place) = declared.iter().find_map(|declared| code.find(declared.as_str())) {
            let above = code.get(..place).unwrap_or_default().rsplit("\n\n").next().unwrap_or_default();
            return Ok(above.contains("#[ignore").then(|| "is ignored, so it proves nothing".to_owned()));
        }
    }
    Ok(Some(format!("is named as a test, but {package} has no `fn {name}` in a file or folder `{module}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_anchors_and_tables_are_read() {
        let page = Page::parse(
            "# One request, walked\n[a](one.md) and `[b](no.md)`\n![c](two.png)\n<source srcset=\"dark.png\"><img src=\"four.png\">\n\n[d]: three.md\n\n[d]\n## `duku serve`: how?\n\
             ## Same\n## Same\n\n| promise | test |\n| - | - |\n| `not::this` | `a::b`, `c::d` and `e` |\n| f | words |\n\n`a/src/b.rs`, `cargo run a/src/b.rs`\n",
        );
        assert_eq!(page.links, ["one.md", "two.png", "dark.png", "four.png", "three.md"]);
        assert!(
            ["one-request-walked", "duku-serve-how", "same", "same-1"]
                .iter()
                .all(|a| page.anchors.contains(*a))
        );
        assert_eq!(page.sources, ["a/src/b.rs"]);
        assert_eq!(page.tables["Same"], [vec!["a::b".to_owned(), "c::d".to_owned()], vec![]]);
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert_eq!(missing(root, "xtask::documents::a_test_that_is_not_there_is_found").unwrap(), None);
        assert!(missing(root, "xtask::process::a_test_that_is_not_there_is_found").unwrap().is_some());
        assert!(
            missing(root, "xtask::documents::no_such_test")
                .unwrap()
                .unwrap()
                .contains("no `fn no_such_test`")
        );
    }

    #[test]
    fn dead_links_are_found() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md");
        for alive in ["https://x.example/y", "mailto:a@b.example", "/healthz", "LICENSE", "docs/errors.md"] {
            assert_eq!(dead(&page, alive).unwrap(), None, "{alive}");
        }
        assert!(dead(&page, "no-such.md").unwrap().is_some());
        assert!(dead(&page, "docs/errors.md#no-such-heading").unwrap().is_some());
    }
}
