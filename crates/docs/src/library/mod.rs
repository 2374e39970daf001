//! A library: any folder of Markdown, read once.
//!
//! `SUMMARY.md` gives the navigation, `README.md` or `index.md` is the page of its folder. Whatever is wrong with the
//! folder does not stop it from being read: [`Library::check`] tells it with file and line.

mod check;
mod finding;
mod highlight;
mod html;
mod links;
mod markdown;
mod navigation;
mod outline;
mod questions;
mod read;
mod text;

pub use finding::Finding;
pub use markdown::HintStyle;
pub use navigation::{Entry, Group};
pub use outline::{Block, BlockKind, Section};
pub use read::Unreadable;

pub(crate) use html::{address, snippet};
pub(crate) use questions::{Answered, bare};
pub(crate) use text::{breakable, decoded};

use finding::LineFinding;
use flate2::read::GzDecoder;
use links::page_path;
use outline::{Outline, outline};
use std::collections::{HashMap, HashSet};

/// The file with the navigation.
const SUMMARY: &str = "SUMMARY.md";
/// The file with what people say for what the pages say; it is no page either.
const SYNONYMS: &str = "ask/SYNONYMS.md";
/// The file with the questions that the pages answer; nor is it.
const QUESTIONS: &str = "ask/QUESTIONS.md";

/// Addresses of the site that no page can have.
const TAKEN: [&str; 5] = ["search", "ask", "mcp", "llms.txt", "llms-full.txt"];

/// The files of `docs/`, as they were when this was compiled: pairs of path and text, as JSON in gzip.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pages.json.gz"));

/// A folder of pages.
#[derive(Debug)]
pub struct Library {
    pages: Vec<Page>,
    by_path: HashMap<String, usize>,
    groups: Vec<Group>,
    synonyms: Option<String>,
    /// In the order of their sections.
    questions: Vec<Answered>,
    /// What is wrong beside what each page knows of itself.
    problems: Vec<Finding>,
}

/// A section of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Which of [`Library::pages`].
    pub(crate) page: usize,
    /// Which of [`Page::sections`].
    pub(crate) section: usize,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Where it stands below the library's address, without an ending; empty for the first page.
    pub path: String,
    /// Its file, below the folder.
    pub file: String,
    /// Its title; its file's name if it has none.
    pub title: String,
    /// Its first paragraph, without markup.
    pub description: String,
    /// As it is written.
    pub markdown: String,
    outline: Outline,
}

impl Page {
    fn of(file: String, markdown: String) -> Self {
        let outline = outline(&markdown, &file);
        let title = outline.title.as_ref().map_or_else(|| file.clone(), |(title, _)| title.clone());
        let mut blocks = outline.sections.iter().flat_map(|section| &section.blocks);
        let first = blocks.find(|block| block.kind == BlockKind::Paragraph);
        let description = first.map(|block| block.text.clone()).unwrap_or_default();
        Self { path: page_path(&file), file, title, description, markdown, outline }
    }

    /// Its parts, in order.
    pub fn sections(&self) -> &[Section] {
        &self.outline.sections
    }

    /// Its text as HTML, for a library that stands below `base`.
    pub fn html(&self, base: &str) -> String {
        html::render(&self.markdown, &self.outline, base)
    }

    /// Its text as Markdown whose links between pages are whole URLs, for readers that see many pages at once.
    pub fn standalone(&self, url: &str) -> String {
        read::standalone(self, url)
    }
}

impl Section {
    /// Its headings, outermost first; nothing for what stands before the first one.
    pub(crate) fn name(&self) -> String {
        self.headings.join(" › ")
    }

    /// Where it is on its page, in a library that stands below `base`.
    pub(crate) fn address(&self, page: &Page, base: &str) -> String {
        html::place(base, &page.path, &self.anchor)
    }
}

impl Library {
    /// The pages that are compiled in.
    pub fn embedded() -> Self {
        let files: Vec<(String, String)> = serde_json::from_reader(GzDecoder::new(EMBEDDED))
            .inspect_err(|error| tracing::error!(%error, "the pages cannot be unpacked"))
            .unwrap_or_default();
        Self::of(files)
    }

    /// The pages of files: their paths below the folder, with `/` between, and their texts.
    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort();
        let mut library = Self {
            pages: Vec::new(),
            by_path: HashMap::new(),
            groups: Vec::new(),
            synonyms: None,
            questions: Vec::new(),
            problems: Vec::new(),
        };
        let (mut summary, mut questions) = (None, None);
        for (file, text) in files {
            if file == SUMMARY {
                summary = Some(text);
            } else if file == SYNONYMS {
                library.synonyms = Some(text);
            } else if file == QUESTIONS {
                questions = Some(text);
            } else {
                library.add(Page::of(file, text));
            }
        }
        library.navigate(summary.as_deref());
        if let Some(questions) = questions {
            let (answered, faults) = questions::of_text(&questions, QUESTIONS, &library);
            library.problems.extend(faults.iter().map(|fault| fault.within(QUESTIONS)));
            library.questions = answered;
            library.questions.sort_by_key(|answered| answered.place);
        }
        library
    }

    fn add(&mut self, page: Page) {
        let before = self.by_path.get(&page.path).and_then(|index| self.pages.get(*index));
        let fault = match before {
            Some(before) => Some(LineFinding::new(
                1,
                format!("{} has the same address", before.file),
                "name one of the files differently",
            )),
            None if TAKEN.contains(&&*page.path) => {
                let what = format!("the site itself is at /{}", page.path);
                Some(LineFinding::new(1, what, "name the file differently"))
            }
            None => None,
        };
        if let Some(fault) = fault {
            self.problems.push(fault.within(&page.file));
        } else {
            self.by_path.insert(page.path.clone(), self.pages.len());
            self.pages.push(page);
        }
    }

    /// Brings the pages into the order of the navigation; what it does not name comes last.
    fn navigate(&mut self, summary: Option<&str>) {
        let mut faults = Vec::new();
        let known: HashSet<&str> = self.pages.iter().map(|page| &*page.path).collect();
        self.groups = match summary {
            Some(summary) => navigation::of_summary(summary, SUMMARY, &known, &mut faults),
            None => navigation::by_path(self.pages.iter().map(|page| (&*page.file, &*page.title))),
        };
        self.problems.extend(faults.iter().map(|fault| fault.within(SUMMARY)));
        let entries = self.groups.iter().flat_map(|group| &group.entries);
        let order: HashMap<&str, usize> =
            entries.enumerate().map(|(place, entry)| (&*entry.path, place)).collect();
        for page in self.pages.iter().filter(|page| !order.contains_key(&*page.path)) {
            let what = format!("{SUMMARY} does not have this page");
            self.problems.push(LineFinding::new(1, what, "add a line for it there").within(&page.file));
        }
        self.pages.sort_by_key(|page| order.get(&*page.path).copied().unwrap_or(usize::MAX));
        self.by_path =
            self.pages.iter().enumerate().map(|(index, page)| (page.path.clone(), index)).collect();
    }

    /// Every page, in the order of the navigation.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The page at a path.
    pub fn page(&self, path: &str) -> Option<&Page> {
        self.pages.get(self.place(path)?)
    }

    /// Which of [`Self::pages`] is at a path.
    pub fn place(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The page that the library opens with: that of the folder itself, or else the first of the navigation.
    pub fn first(&self) -> Option<&Page> {
        self.page("").or_else(|| self.pages.first())
    }

    /// The navigation.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What people say for what the pages say, if the folder has a list of it.
    pub fn synonyms(&self) -> Option<&str> {
        self.synonyms.as_deref()
    }

    /// Every section of every page, in order.
    pub(crate) fn sections(&self) -> impl Iterator<Item = (Place, &Page, &Section)> {
        self.pages.iter().zip(0..).flat_map(|(page, at)| {
            let sections = page.sections().iter().zip(0..);
            sections.map(move |(section, number)| (Place { page: at, section: number }, page, section))
        })
    }

    /// Whether the folder has a list of questions.
    pub(crate) const fn lists_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// The questions that a section answers, as far as the folder has a list of them.
    pub(crate) fn questions_of(&self, place: Place) -> &[Answered] {
        let start = self.questions.partition_point(|answered| answered.place < place);
        let end = self.questions.partition_point(|answered| answered.place <= place);
        self.questions.get(start..end).unwrap_or_default()
    }

    /// The section with an anchor on a page; without one, the page's first.
    fn section(&self, path: &str, anchor: &str) -> Option<Place> {
        let page = self.place(path)?;
        let mut sections = self.pages.get(page)?.sections().iter();
        let section = sections.position(|section| anchor.is_empty() || section.anchor == anchor)?;
        Some(Place { page, section })
    }

    /// Which of a section's blocks has some words, written as [`bare`] writes them.
    fn block_with(&self, place: Place, words: &str) -> Option<usize> {
        let section = self.pages.get(place.page)?.sections().get(place.section)?;
        section.blocks.iter().position(|block| bare(&block.text).contains(words))
    }

    /// Everything that is wrong with the folder, by file and line.
    pub fn check(&self) -> Vec<Finding> {
        check::check(self)
    }
}
