//! The order of pages: as `SUMMARY.md` has it, or by their paths.

use super::{
    finding::LineFinding,
    links::{Target, page_path, target},
    markdown::{Piece, Readable},
};
use pulldown_cmark::{Event, Tag, TagEnd};
use std::collections::{BTreeMap, HashSet};

/// Pages that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// What stands above them; empty for those that stand first and alone.
    pub title: String,
    /// The pages.
    pub entries: Vec<Entry>,
}

/// A page in the navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As in [`super::Page::path`].
    pub path: String,
    /// What the navigation calls it.
    pub title: String,
    /// How many entries it stands under.
    pub depth: usize,
}

/// The groups that a `SUMMARY.md` names, for the pages that there are.
pub(super) fn of_summary(
    summary: &str,
    file: &str,
    pages: &HashSet<&str>,
    faults: &mut Vec<LineFinding>,
) -> Vec<Group> {
    let readable = Readable::of(summary);
    let (pieces, more) = readable.pieces();
    faults.extend(more);
    let mut reader = Reader { pages, groups: vec![Group::default()], seen: HashSet::new() };
    let (mut depth, mut headings) = (0_usize, 0);
    let (mut heading, mut link): (Option<String>, Option<(String, String)>) = (None, None);
    for (piece, range) in pieces {
        let Piece::Markdown(event) = piece else { continue };
        match event {
            Event::Start(Tag::List(_)) => depth += 1,
            Event::End(TagEnd::List(_)) => depth = depth.saturating_sub(1),
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                // The first one is the file's own.
                let title = heading.take().filter(|_| headings > 0 || !reader.is_empty());
                headings += 1;
                reader.groups.extend(title.map(|title| Group { title, entries: Vec::new() }));
            }
            Event::Start(Tag::Link { dest_url, .. }) => link = Some((dest_url.to_string(), String::new())),
            Event::End(TagEnd::Link) => {
                if let Some((written, title)) = link.take() {
                    let to = target(&written, file);
                    let at = readable.lines.at(range.start);
                    faults.extend(reader.add(&written, to, title, depth.saturating_sub(1), at));
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(words) = link.as_mut().map(|(_, title)| title).or(heading.as_mut()) {
                    words.push_str(&text);
                }
            }
            _ => {}
        }
    }
    reader.groups.retain(|group| !group.entries.is_empty());
    reader.groups
}

struct Reader<'a> {
    pages: &'a HashSet<&'a str>,
    groups: Vec<Group>,
    seen: HashSet<String>,
}

impl Reader<'_> {
    fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.entries.is_empty())
    }

    fn add(
        &mut self,
        written: &str,
        to: Target,
        title: String,
        depth: usize,
        line: usize,
    ) -> Option<LineFinding> {
        let page = match to {
            Target::Page { path, .. } => Some(path).filter(|path| self.pages.contains(&**path)),
            Target::Elsewhere | Target::Forbidden => None,
        };
        let Some(path) = page else {
            let what = format!("the navigation leads to {written}, and there is no such page");
            return Some(LineFinding::new(line, what, "write the page, or take the line away"));
        };
        if !self.seen.insert(path.clone()) {
            let what = format!("the navigation has {written} twice");
            return Some(LineFinding::new(line, what, "keep one of the lines"));
        }
        if let Some(group) = self.groups.last_mut() {
            group.entries.push(Entry { path, title, depth });
        }
        None
    }
}

/// Pages by their paths: those of the folder itself first, then each folder's under its name. `pages` has paths and titles.
pub(super) fn by_path<'a>(pages: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (file, title) in pages {
        let folder = file.split_once('/').map_or("", |(folder, _)| folder);
        let path = page_path(file);
        let group = groups.entry(folder.to_owned()).or_default();
        if path == folder && !folder.is_empty() {
            title.clone_into(&mut group.title);
        } else if group.title.is_empty() {
            group.title = in_words(folder);
        }
        let is_folders_own = path == folder;
        let entry = Entry { path, title: title.to_owned(), depth: 0 };
        group.entries.insert(if is_folders_own { 0 } else { group.entries.len() }, entry);
    }
    groups.into_values().collect()
}

/// `first-steps` becomes `First steps`.
fn in_words(folder: &str) -> String {
    let mut characters = folder.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + &characters.as_str().replace(['-', '_'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(groups: &[Group]) -> Vec<String> {
        let entries = |group: &Group| {
            let entries =
                group.entries.iter().map(|entry| format!("{}{}", ">".repeat(entry.depth), entry.path));
            entries.collect::<Vec<_>>().join(" ")
        };
        groups.iter().map(|group| format!("{}: {}", group.title, entries(group))).collect()
    }

    #[test]
    fn a_summary_gives_groups_order_and_depth() {
        let summary = "# Summary\n\n* [Welcome](README.md)\n\n## Use it\n\n* [Keys](use/keys.md)\n  * [Rotate](use/rotate.md)\n";
        let mut faults = Vec::new();
        let pages = HashSet::from(["", "use/keys", "use/rotate"]);
        let groups = of_summary(summary, "SUMMARY.md", &pages, &mut faults);
        assert_eq!(shown(&groups), [": ", "Use it: use/keys >use/rotate"]);
        assert_eq!(groups[0].entries[0].title, "Welcome");
        assert!(faults.is_empty());
    }

    #[test]
    fn without_a_summary_folders_are_groups() {
        let pages =
            [("a.md", "A"), ("README.md", "Hello"), ("first-steps/x.md", "X"), ("use/README.md", "Use")];
        let groups = by_path(pages.into_iter());
        assert_eq!(shown(&groups), [":  a", "First steps: first-steps/x", "Use: use"]);
    }
}
