//! Finding the fenced blocks of `docs/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fence {
    /// The page's file, below `docs/`.
    pub(super) page: String,
    /// The line of the opening fence, from 1.
    pub(super) line: usize,
    /// What stands behind the opening fence.
    pub(super) info: String,
    pub(super) text: String,
}

impl Fence {
    pub(super) fn place(&self) -> String {
        format!("docs/{}:{}", self.page, self.line)
    }
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").canonicalize().unwrap()
}

/// Every block of every page, in the order of files and lines.
pub(super) fn fences() -> Vec<Fence> {
    let root = docs();
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let pages = files.into_iter().map(|file| {
        let page = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        fences_of(&page, &fs::read_to_string(file).unwrap())
    });
    let fences: Vec<_> = pages.flatten().collect();
    assert!(fences.len() > 50, "{}", fences.len());
    fences
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
}

fn fences_of(page: &str, text: &str) -> Vec<Fence> {
    let mut lines = text.lines().enumerate();
    let mut fences = Vec::new();
    while let Some((at, line)) = lines.next() {
        let Some((indent, mark, info)) = opening(line) else { continue };
        let mut fence =
            Fence { page: page.to_owned(), line: at + 1, info: info.to_owned(), text: String::new() };
        loop {
            let Some((_, line)) = lines.next() else { panic!("{}: this block never ends", fence.place()) };
            if line.trim().trim_start_matches(&mark[..1]).is_empty() && line.trim().len() >= mark.len() {
                break;
            }
            fence
                .text
                .push_str(line.get(indent..).filter(|_| line[..indent].trim().is_empty()).unwrap_or(line));
            fence.text.push('\n');
        }
        fences.push(fence);
    }
    fences
}

/// The indent, the fence itself and its info.
fn opening(line: &str) -> Option<(usize, &str, &str)> {
    let bare = line.trim_start();
    let sign = bare.chars().next().filter(|sign| ['`', '~'].contains(sign))?;
    let (mark, info) = bare.split_at(bare.len() - bare.trim_start_matches(sign).len());
    let is_fence = mark.len() >= 3 && !(sign == '`' && info.contains('`'));
    is_fence.then(|| (line.len() - bare.len(), mark, info.trim()))
}

#[test]
fn blocks_are_found_with_their_lines() {
    let page = "# A\n\n```sh norun\nls\n\n```\n1. b\n\n   ````json\n   {\n     \"```\": 1 }\n   ````\n\n`` ```sh`` `x`\n~~~\n```\n~~~\n";
    let found = fences_of("a.md", page);
    let found: Vec<_> = found.iter().map(|fence| (fence.line, &*fence.info, &*fence.text)).collect();
    let expected = [(3, "sh norun", "ls\n\n"), (9, "json", "{\n  \"```\": 1 }\n"), (15, "", "```\n")];
    assert_eq!(found, expected);
}

#[test]
#[should_panic(expected = "docs/a.md:2: this block never ends")]
fn a_block_without_an_end_is_told() {
    fences_of("a.md", "# A\n```sh\nls\n");
}
