//! Looking through a library for what would mislead its readers.

use super::{Finding, Library, Page, finding::LineFinding, links::Target};
use std::collections::HashMap;

pub(super) fn check(library: &Library) -> Vec<Finding> {
    let mut problems = library.problems.clone();
    let mut titles: HashMap<&str, &Page> = HashMap::new();
    for page in &library.pages {
        let mut faults = page.outline.faults.clone();
        faults.extend(titled(page, &mut titles));
        faults.extend(links(library, page));
        problems.extend(faults.iter().map(|fault| fault.within(&page.file)));
    }
    problems.sort();
    problems
}

fn titled<'a>(page: &'a Page, titles: &mut HashMap<&'a str, &'a Page>) -> Option<LineFinding> {
    let Some((title, line)) = &page.outline.title else {
        return Some(LineFinding::new(
            1,
            "the page has no title",
            "begin it with a line like `# What it is about`",
        ));
    };
    let other = titles.insert(title, page)?;
    let what = format!("{} has the same title", other.file);
    Some(LineFinding::new(*line, what, "say in the title what is different"))
}

fn links<'a>(library: &'a Library, page: &'a Page) -> impl Iterator<Item = LineFinding> + 'a {
    page.outline.links.iter().filter_map(|link| {
        let written = &link.written;
        let (what, cure) = match &link.target {
            Target::Elsewhere => return None,
            Target::Forbidden => {
                (format!("{written} is no link for a page"), "use http, https, mailto or a file's path")
            }
            Target::Page { path, fragment } => match library.page(path) {
                None => (format!("{written} leads to no page"), "correct the path, or write the page"),
                Some(to) if fragment.is_empty() || to.has_anchor(fragment) => return None,
                Some(to) => (
                    format!("{written} leads to no heading of {}", to.file),
                    "name the anchor of a heading that is there",
                ),
            },
        };
        Some(LineFinding::new(link.line, what, cure))
    })
}

impl Page {
    fn has_anchor(&self, fragment: &str) -> bool {
        self.outline.headings.iter().any(|heading| heading.anchor == fragment)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Library;

    fn problems(files: &[(&'static str, &'static str)]) -> Vec<String> {
        let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).into()));
        Library::of(files).check().iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn has(files: &[(&'static str, &'static str)], expected: &[&str]) {
        let found = problems(files);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}, not {expected}");
            assert!(found.contains("; "), "no cure: {found}");
        }
    }

    #[test]
    fn a_folder_without_fault_has_no_problem() {
        has(
            &[
                ("SUMMARY.md", "# Summary\n\n* [A](README.md)\n* [B](b/README.md)\n* [C](b/c.md)\n"),
                (
                    "README.md",
                    "# A\n\n[b](b/README.md) [b](b/) [c](b/c.md#x) [here](#a) [out](https://x.example)\n",
                ),
                ("b/README.md", "# B\n"),
                ("b/c.md", "# C\n\n## X\n\n[a](../README.md)\n"),
            ],
            &[],
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_told_with_their_line() {
        has(
            &[("a.md", "# A\n\n[x](gone.md)\n[y](b.md#gone)\n[z](#gone) [s](tel:1)\n"), ("b.md", "# B\n")],
            &[
                "a.md:3: gone.md leads to no page",
                "a.md:4: b.md#gone leads to no heading of b.md",
                "a.md:5: #gone leads to no heading of a.md",
                "a.md:5: tel:1 is no link",
            ],
        );
    }

    #[test]
    fn pages_need_titles_of_their_own() {
        has(
            &[("a.md", "# Same\n"), ("b.md", "text\n"), ("c.md", "\n# Same\n")],
            &["b.md:1: the page has no title", "c.md:2: a.md has the same title"],
        );
        has(&[("a.md", "# A\n## X\n## X\n")], &["a.md:3: this page has another heading"]);
    }

    #[test]
    fn the_navigation_has_each_page_once() {
        has(
            &[
                (
                    "SUMMARY.md",
                    "# Summary\n\n* [A](a.md)\n* [G](gone.md)\n* [A](a.md)\n* [X](https://x.example)\n",
                ),
                ("a.md", "# A\n"),
                ("b.md", "# B\n"),
            ],
            &[
                "SUMMARY.md:4: the navigation leads to gone.md",
                "SUMMARY.md:5: the navigation has a.md twice",
                "SUMMARY.md:6: the navigation leads to https",
                "b.md:1: SUMMARY.md does not have this page",
            ],
        );
    }

    #[test]
    fn addresses_are_not_shared() {
        has(
            &[("a.md", "# A\n"), ("a/README.md", "# B\n"), ("search.md", "# C\n")],
            &["a/README.md:1: a.md has the same address", "search.md:1: the site itself is at /search"],
        );
    }

    #[test]
    fn hints_fences_and_pictures_are_looked_at() {
        has(
            &[("a.md", "# A\n\n{% hint style=\"x\" %}\n\n![p](p.png)\n\n```\n")],
            &[
                "a.md:3: the hint that begins here does not end",
                "a.md:3: the hint's style is not known",
                "a.md:5: this documentation has no pictures",
                "a.md:7: the code block that begins here does not end",
            ],
        );
    }

    #[test]
    fn the_pages_that_are_compiled_in_have_no_problem() {
        let library = Library::embedded();
        assert!(library.pages().len() >= 7, "only {} pages", library.pages().len());
        assert_eq!(library.check(), []);
    }
}
