//! Markdown as pages are written in it: `CommonMark` with tables and `~~`, and hint blocks around other blocks.

use super::{finding::LineFinding, text::Lines};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::{borrow::Cow, collections::BTreeMap, ops::Range};

const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH);

/// How a hint looks, and what it says before its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HintStyle {
    /// Something good to know.
    Info,
    /// How it is done well.
    Success,
    /// What is overlooked at a cost.
    Warning,
    /// What cannot be undone.
    Danger,
}

impl HintStyle {
    const ALL: [Self; 4] = [Self::Info, Self::Success, Self::Warning, Self::Danger];

    /// As it is written in `{% hint style="…" %}`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }

    /// The word that stands above the hint.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Info => "Note",
            Self::Success => "Tip",
            Self::Warning => "Warning",
            Self::Danger => "Danger",
        }
    }
}

/// What a page is made of, in order.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Markdown(Event<'a>),
    HintStart(HintStyle),
    HintEnd,
}

#[derive(Debug, Clone, Copy)]
enum HintTag {
    Start(HintStyle),
    End,
}

/// A page's text with its hint tags found.
///
/// For the parser a tag becomes an HTML comment of the same length: that ends a paragraph or a list as a block of its own
/// does, and every offset stays right.
pub(super) struct Readable<'a> {
    text: Cow<'a, str>,
    /// By the line that they stand on.
    tags: BTreeMap<usize, HintTag>,
    pub(super) lines: Lines,
    faults: Vec<LineFinding>,
}

impl<'a> Readable<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        let mut readable = Self {
            text: Cow::Borrowed(source),
            tags: BTreeMap::new(),
            lines: Lines::of(source),
            faults: Vec::new(),
        };
        if source.contains("{%") {
            readable.find_tags(source);
        }
        readable
    }

    fn find_tags(&mut self, source: &str) {
        let code = code_blocks(source);
        let mut masked = String::with_capacity(source.len());
        for (index, line) in source.split_inclusive('\n').enumerate() {
            let number = index + 1;
            let bare = line.trim();
            let place = masked.len()..masked.len() + line.len();
            let within_code = || code.iter().any(|range| range.start < place.end && place.start < range.end);
            let words = bare.strip_prefix("{%").and_then(|rest| rest.strip_suffix("%}"));
            let Some(words) = words.filter(|_| !within_code()) else {
                masked.push_str(line);
                continue;
            };
            match self.tag(words.trim(), number) {
                Some(tag) if bare.len() >= 7 => {
                    self.tags.insert(number, tag);
                    masked.push_str(&line.replace(bare, &format!("<!--{}-->", " ".repeat(bare.len() - 7))));
                }
                _ => masked.push_str(line),
            }
        }
        self.text = Cow::Owned(masked);
    }

    fn tag(&mut self, words: &str, line: usize) -> Option<HintTag> {
        let (name, attributes) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        match name {
            "endhint" => Some(HintTag::End),
            "hint" => Some(HintTag::Start(self.style(attributes.trim(), line))),
            other => {
                self.faults.push(LineFinding::new(
                    line,
                    format!("there is no block called {other}"),
                    "only {% hint %} and {% endhint %} are known",
                ));
                None
            }
        }
    }

    fn style(&mut self, attributes: &str, line: usize) -> HintStyle {
        let named = attributes.strip_prefix("style=\"").and_then(|rest| rest.strip_suffix('"'));
        let found = HintStyle::ALL.into_iter().find(|style| Some(style.name()) == named);
        found.unwrap_or_else(|| {
            self.faults.push(LineFinding::new(
                line,
                format!("the hint's style is not known: {attributes}"),
                "write style=\"info\", \"success\", \"warning\" or \"danger\"",
            ));
            HintStyle::Info
        })
    }

    /// The pieces of the page with their places in it, and what is wrong with its blocks.
    pub(super) fn pieces(&self) -> (Vec<(Piece<'_>, Range<usize>)>, Vec<LineFinding>) {
        let mut walk = Walk {
            readable: self,
            pieces: Vec::new(),
            faults: self.faults.clone(),
            open: Vec::new(),
            met: 0,
        };
        for (event, range) in Parser::new_ext(&self.text, OPTIONS).into_offset_iter() {
            walk.take(event, range);
        }
        walk.end()
    }
}

struct Walk<'a> {
    readable: &'a Readable<'a>,
    pieces: Vec<(Piece<'a>, Range<usize>)>,
    faults: Vec<LineFinding>,
    /// The lines on which hints began that have not ended.
    open: Vec<usize>,
    met: usize,
}

impl<'a> Walk<'a> {
    fn take(&mut self, event: Event<'a>, range: Range<usize>) {
        let line = self.readable.lines.at(range.start);
        let tag = self.readable.tags.get(&line).copied();
        let piece = match (event, tag) {
            (Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock), Some(_)) => return,
            (Event::Html(_), Some(tag)) => match self.hint(tag, line) {
                Some(piece) => piece,
                None => return,
            },
            // Markup of a page's own is shown as what it is.
            (Event::Start(Tag::HtmlBlock), None) => Piece::Markdown(Event::Start(Tag::Paragraph)),
            (Event::End(TagEnd::HtmlBlock), None) => Piece::Markdown(Event::End(TagEnd::Paragraph)),
            (Event::Html(text) | Event::InlineHtml(text), _) => Piece::Markdown(Event::Text(text)),
            (event, _) => {
                if let Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) = &event {
                    self.look_at_fence(&range, line);
                }
                Piece::Markdown(event)
            }
        };
        self.pieces.push((piece, range));
    }

    fn hint(&mut self, tag: HintTag, line: usize) -> Option<Piece<'a>> {
        self.met += 1;
        match tag {
            HintTag::Start(style) => {
                if let Some(outer) = self.open.last() {
                    let what = format!("a hint begins inside of the one of line {outer}");
                    self.faults.push(LineFinding::new(line, what, "end that one first with {% endhint %}"));
                }
                self.open.push(line);
                Some(Piece::HintStart(style))
            }
            HintTag::End if self.open.pop().is_some() => Some(Piece::HintEnd),
            HintTag::End => {
                self.faults.push(LineFinding::new(
                    line,
                    "no hint is open here",
                    "take the {% endhint %} away",
                ));
                None
            }
        }
    }

    fn look_at_fence(&mut self, range: &Range<usize>, line: usize) {
        let block = self.readable.text.get(range.clone()).unwrap_or_default().trim_end();
        let mark = if block.starts_with('~') { '~' } else { '`' };
        let opening = block.chars().take_while(|c| *c == mark).count();
        let last = block.rsplit_once('\n').map_or("", |(_, last)| last).trim_start_matches([' ', '\t', '>']);
        if last.chars().filter(|c| *c == mark).count() < opening || !last.chars().all(|c| c == mark) {
            let cure = "end it with a line of the same marks that it begins with";
            self.faults.push(LineFinding::new(line, "the code block that begins here does not end", cure));
        }
    }

    fn end(mut self) -> (Vec<(Piece<'a>, Range<usize>)>, Vec<LineFinding>) {
        let end = self.readable.text.len();
        for line in std::mem::take(&mut self.open) {
            self.faults.push(LineFinding::new(
                line,
                "the hint that begins here does not end",
                "add {% endhint %}",
            ));
            self.pieces.push((Piece::HintEnd, end..end));
        }
        if self.met < self.readable.tags.len() {
            let line = self.readable.tags.keys().next().copied().unwrap_or(1);
            let cure = "put an empty line before and after it, and indent it like what it stands in";
            self.faults.push(LineFinding::new(
                line,
                "a hint of this page is not where a block can begin",
                cure,
            ));
        }
        (self.pieces, self.faults)
    }
}

fn code_blocks(source: &str) -> Vec<Range<usize>> {
    let events = Parser::new_ext(source, OPTIONS).into_offset_iter();
    let code = events.filter(|(event, _)| matches!(event, Event::Start(Tag::CodeBlock(_))));
    code.map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(source: &str) -> (Vec<String>, Vec<usize>) {
        let readable = Readable::of(source);
        let (pieces, faults) = readable.pieces();
        let shown = pieces.iter().filter_map(|(piece, _)| match piece {
            Piece::HintStart(style) => Some(format!("({}", style.name())),
            Piece::HintEnd => Some(")".to_owned()),
            Piece::Markdown(Event::Text(text)) => Some(text.trim().to_owned()),
            Piece::Markdown(Event::Start(Tag::Item)) => Some("*".to_owned()),
            Piece::Markdown(_) => None,
        });
        (shown.collect(), faults.iter().map(|fault| fault.line).collect())
    }

    #[test]
    fn hints_hold_any_blocks_and_end_lists_and_paragraphs() {
        let (shown, faults) = outline("a\n{% hint style=\"warning\" %}\nb\n\n* c\n* d\n{% endhint %}\ne\n");
        assert_eq!(shown, ["a", "(warning", "b", "*", "c", "*", "d", ")", "e"]);
        assert_eq!(faults, [0; 0]);
    }

    #[test]
    fn hints_can_stand_in_a_list() {
        let (shown, faults) =
            outline("1. a\n\n   {% hint style=\"info\" %}\n   b\n   {% endhint %}\n\n2. c\n");
        assert_eq!(shown, ["*", "a", "(info", "b", ")", "*", "c"]);
        assert_eq!(faults, [0; 0]);
    }

    #[test]
    fn code_that_shows_a_hint_is_left_alone() {
        for source in ["```\n{% hint style=\"odd\" %}\n```\n", "x\n\n    {% endhint %}\n", "`{% hint %}`\n"] {
            let (shown, faults) = outline(source);
            assert!(shown.iter().all(|text| !text.starts_with('(')), "{source}");
            assert_eq!(faults, [0; 0], "{source}");
        }
    }

    #[test]
    fn what_is_wrong_with_blocks_is_found_on_its_line() {
        let cases: [(&str, &[usize]); 7] = [
            ("a\n\n{% hint style=\"loud\" %}\nx\n{% endhint %}\n", &[3]),
            ("a\n\n{% hint style=\"info\" %}\nx\n", &[3]),
            ("a\n\n{% endhint %}\n", &[3]),
            ("{% hint style=\"info\" %}\n{% hint style=\"info\" %}\n{% endhint %}\n{% endhint %}\n", &[2]),
            ("a\n\n{% tabs %}\n", &[3]),
            ("a\n\n```sh\nls\n", &[3]),
            ("a\n\n````\n```\n", &[3]),
        ];
        for (source, lines) in cases {
            assert_eq!(outline(source).1, lines, "{source}");
        }
        assert_eq!(outline("```\n```\n\n~~~ sh\nx\n~~~\n\n> ```\n> x\n> ```\n").1, [0; 0]);
    }
}
