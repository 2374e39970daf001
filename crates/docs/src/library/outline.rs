//! What a page says, without its looks: title, sections, blocks, links.

use super::{
    finding::LineFinding,
    links::{Target, target},
    markdown::{HintStyle, Piece, Readable},
    text::slug,
};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Tag, TagEnd};
use std::{collections::HashSet, ops::Range};

/// A heading with everything up to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The words of the headings above and of its own, outermost first. The page's title is not among them.
    pub headings: Vec<String>,
    /// What its heading is called in URLs; empty for what stands before the first heading.
    pub anchor: String,
    /// 1 for the page's title, 2 for `##`, and so on.
    pub level: u8,
    /// The line of its heading, from 1.
    pub line: usize,
    /// What stands in it, in order.
    pub blocks: Vec<Block>,
}

/// A paragraph, a list's entry, a table's row or a code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its words without markup; a row's cells are separated by ` | `.
    pub text: String,
    /// Where it stands in the page's Markdown.
    pub range: Range<usize>,
    /// The hint that it stands in.
    pub hint: Option<HintStyle>,
    /// The words of its links, in order.
    pub links: Vec<String>,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKind {
    /// Sentences.
    Paragraph,
    /// An entry of a list.
    Item {
        /// Its number, in a list that has them.
        number: Option<u64>,
        /// How many lists stand around its own.
        depth: usize,
    },
    /// A row of a table, but for the one with the columns' names.
    Row {
        /// The names of the columns; empty ones if they have none.
        columns: Vec<String>,
        /// What the row says, column by column.
        cells: Vec<String>,
    },
    /// Code.
    Code {
        /// The first word behind the fence; empty without one.
        language: String,
    },
}

/// A link, as far as it must be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) line: usize,
    pub(super) written: String,
    pub(super) target: Target,
}

/// A heading, in order of appearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) anchor: String,
    pub(super) has_link: bool,
}

#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The first heading of the highest level, and its line.
    pub(super) title: Option<(String, usize)>,
    pub(super) sections: Vec<Section>,
    pub(super) headings: Vec<Heading>,
    pub(super) links: Vec<Link>,
    pub(super) faults: Vec<LineFinding>,
}

/// Reads the page of `file`.
pub(super) fn outline(source: &str, file: &str) -> Outline {
    let readable = Readable::of(source);
    let (pieces, faults) = readable.pieces();
    let mut reader = Reader::new(&readable, file, faults);
    for (piece, range) in pieces {
        reader.take(piece, range);
    }
    reader.outline.sections.retain(|section| !section.blocks.is_empty() || !section.headings.is_empty());
    reader.outline
}

struct OpenHeading {
    level: u8,
    line: usize,
    words: String,
    has_link: bool,
}

struct Reader<'a> {
    readable: &'a Readable<'a>,
    file: &'a str,
    outline: Outline,
    names: HashSet<String>,
    /// The headings around the current place.
    trail: Vec<(u8, String)>,
    heading: Option<OpenHeading>,
    block: Option<Block>,
    /// The next number of each open list.
    lists: Vec<Option<u64>>,
    columns: Vec<String>,
    cells: Vec<String>,
    cell: Option<String>,
    /// The words of the link that is read.
    link: Option<String>,
    hint: Option<HintStyle>,
}

impl<'a> Reader<'a> {
    fn new(readable: &'a Readable<'a>, file: &'a str, faults: Vec<LineFinding>) -> Self {
        let first =
            Section { headings: Vec::new(), anchor: String::new(), level: 1, line: 1, blocks: Vec::new() };
        Self {
            readable,
            file,
            outline: Outline { sections: vec![first], faults, ..Outline::default() },
            names: HashSet::new(),
            trail: Vec::new(),
            heading: None,
            block: None,
            lists: Vec::new(),
            columns: Vec::new(),
            cells: Vec::new(),
            cell: None,
            link: None,
            hint: None,
        }
    }

    fn take(&mut self, piece: Piece<'_>, range: Range<usize>) {
        match piece {
            Piece::HintStart(style) => {
                self.flush();
                self.hint = Some(style);
            }
            Piece::HintEnd => {
                self.flush();
                self.hint = None;
            }
            Piece::Markdown(Event::Start(tag)) => self.start(tag, range),
            Piece::Markdown(Event::End(tag)) => self.end(tag),
            Piece::Markdown(Event::Text(text) | Event::Code(text)) => self.say(&text),
            Piece::Markdown(Event::SoftBreak | Event::HardBreak) => self.say(" "),
            Piece::Markdown(_) => {}
        }
    }

    fn say(&mut self, text: &str) {
        if let Some(link) = &mut self.link {
            link.push_str(text);
        }
        if let Some(heading) = &mut self.heading {
            heading.words.push_str(text);
        } else if let Some(cell) = &mut self.cell {
            cell.push_str(text);
        } else if let Some(block) = &mut self.block {
            block.text.push_str(text);
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let line = self.readable.lines.at(range.start);
        match tag {
            Tag::Heading { level, .. } => {
                self.flush();
                let open = OpenHeading { level: number(level), line, words: String::new(), has_link: false };
                self.heading = Some(open);
            }
            Tag::Paragraph => match &mut self.block {
                // Another paragraph of the same entry of a list.
                Some(block) => {
                    block.text.push(' ');
                    block.range.end = range.end;
                }
                None => self.open(BlockKind::Paragraph, range),
            },
            Tag::List(first) => {
                self.flush();
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                let depth = self.lists.len().saturating_sub(1);
                let number = self.lists.last_mut().and_then(|next| {
                    let number = *next;
                    *next = number.map(|number| number + 1);
                    number
                });
                self.open(BlockKind::Item { number, depth }, range);
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => language(info).to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.open(BlockKind::Code { language }, range);
            }
            Tag::TableHead => self.columns.clear(),
            Tag::TableRow => {
                self.flush();
                self.open(BlockKind::Row { columns: self.columns.clone(), cells: Vec::new() }, range);
            }
            Tag::TableCell => self.cell = Some(String::new()),
            Tag::Link { dest_url, .. } => {
                self.link = Some(String::new());
                self.link(&dest_url, line);
            }
            Tag::Image { dest_url, .. } => {
                let what = format!("this documentation has no pictures: {dest_url}");
                self.outline.faults.push(LineFinding::new(line, what, "say it in words"));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::Paragraph if self.lists.is_empty() => self.flush(),
            TagEnd::Item | TagEnd::CodeBlock => self.flush(),
            TagEnd::Link => {
                let words = self.link.take();
                self.block.iter_mut().for_each(|block| block.links.extend(words.clone()));
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::TableCell => {
                let cell = self.cell.take().unwrap_or_default();
                self.cells.push(cell.trim().to_owned());
            }
            TagEnd::TableHead => self.columns = std::mem::take(&mut self.cells),
            TagEnd::TableRow => {
                let filled = std::mem::take(&mut self.cells);
                if let Some(Block { kind: BlockKind::Row { cells, .. }, text, .. }) = &mut self.block {
                    *text = filled.join(" | ");
                    *cells = filled;
                }
                self.flush();
            }
            _ => {}
        }
    }

    fn open(&mut self, kind: BlockKind, range: Range<usize>) {
        self.block = Some(Block { kind, text: String::new(), range, hint: self.hint, links: Vec::new() });
    }

    fn flush(&mut self) {
        let Some(mut block) = self.block.take() else { return };
        let is_code = matches!(block.kind, BlockKind::Code { .. });
        let bare = if is_code { block.text.trim_end() } else { block.text.trim() };
        block.text = String::from(bare);
        if !block.text.is_empty()
            && let Some(section) = self.outline.sections.last_mut()
        {
            section.blocks.push(block);
        }
    }

    fn end_heading(&mut self) {
        let Some(OpenHeading { level, line, words, has_link }) = self.heading.take() else { return };
        let words = words.trim().to_owned();
        let anchor = self.name(&words, line);
        self.outline.headings.push(Heading { anchor: anchor.clone(), has_link });
        if level == 1 && self.outline.title.is_none() {
            self.outline.title = Some((words.clone(), line));
            if let [first] = &mut *self.outline.sections {
                first.line = line;
                return;
            }
        }
        self.trail.retain(|(above, _)| *above < level);
        self.trail.push((level, words));
        let headings = self.trail.iter().map(|(_, words)| words.clone()).collect();
        self.outline.sections.push(Section { headings, anchor, level, line, blocks: Vec::new() });
    }

    /// A name of its own for a heading: the second of the same words gets `-1`, the third `-2`.
    fn name(&mut self, words: &str, line: usize) -> String {
        let bare = slug(words);
        if self.names.insert(bare.clone()) {
            return bare;
        }
        let what = format!("this page has another heading with the anchor #{bare}");
        self.outline.faults.push(LineFinding::new(line, what, "word one of them differently"));
        let numbered = (1..).map(|number| format!("{bare}-{number}"));
        numbered.into_iter().find(|name| self.names.insert(name.clone())).unwrap_or(bare)
    }

    fn link(&mut self, written: &str, line: usize) {
        if let Some(heading) = &mut self.heading {
            heading.has_link = true;
        }
        let target = target(written, self.file);
        self.outline.links.push(Link { line, written: written.to_owned(), target });
    }
}

/// The language of a fence: `sh norun` and `sh,norun` are `sh`.
pub(super) fn language(info: &str) -> &str {
    info.split([' ', ',', '\t']).next().unwrap_or_default()
}

pub(super) const fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A `b` page\n\nFirst *words*\nof it.\n\n## Steps\n\n1. Open it\n\n   and wait\n2. Close\n   * gently\n   * fast\n\n### Deep\n\n| code | |\n| --- | --- |\n| `400` | bad |\n\n{% hint style=\"danger\" %}\nGone.\n{% endhint %}\n\n```sh norun\nls\n```\n\n## Steps\n";

    #[test]
    fn sections_keep_their_blocks_apart() {
        let outline = outline(PAGE, "a.md");
        assert_eq!(outline.title, Some(("A b page".to_owned(), 1)));
        let found: Vec<_> = outline.sections.iter().map(|section| (&*section.anchor, section.line)).collect();
        assert_eq!(found, [("", 1), ("steps", 6), ("deep", 15), ("steps-1", 29)]);
        assert_eq!(outline.sections[2].headings, ["Steps", "Deep"]);
        let texts = |section: usize| -> Vec<&str> {
            outline.sections[section].blocks.iter().map(|block| &*block.text).collect()
        };
        assert_eq!(texts(0), ["First words of it."]);
        assert_eq!(texts(1), ["Open it and wait", "Close", "gently", "fast"]);
        assert_eq!(texts(2), ["400 | bad", "Gone.", "ls"]);
    }

    #[test]
    fn blocks_know_what_they_are_and_where() {
        let outline = outline(PAGE, "a.md");
        let item = |number, depth| BlockKind::Item { number, depth };
        let kinds: Vec<_> = outline.sections[1].blocks.iter().map(|block| block.kind.clone()).collect();
        assert_eq!(kinds, [item(Some(1), 0), item(Some(2), 0), item(None, 1), item(None, 1)]);
        let [row, hint, code] = &*outline.sections[2].blocks else { panic!() };
        let cells = ["400".to_owned(), "bad".to_owned()].to_vec();
        assert_eq!(row.kind, BlockKind::Row { columns: vec!["code".into(), String::new()], cells });
        assert_eq!((hint.hint, row.hint), (Some(HintStyle::Danger), None));
        assert_eq!(code.kind, BlockKind::Code { language: "sh".into() });
        assert_eq!(&PAGE[code.range.clone()], "```sh norun\nls\n```");
        assert_eq!(PAGE[hint.range.clone()].trim(), "Gone.");
    }

    #[test]
    fn the_same_heading_twice_gets_a_number_and_is_a_fault() {
        let outline = outline("# A\n## B\n## B-1\n## B\n## B\n", "a.md");
        let anchors: Vec<_> = outline.headings.iter().map(|heading| &*heading.anchor).collect();
        assert_eq!(anchors, ["a", "b", "b-1", "b-2", "b-3"]);
        assert_eq!(outline.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [4, 5]);
    }
}
