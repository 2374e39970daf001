//! Which questions a documentation answers: its file `ask/QUESTIONS.md`, which is no page.
//!
//! Under a heading that links to a section stand words of that section, each as a quote, and under each quote a list of the
//! questions that it answers. Where the pages change, what no longer fits is told with its line.

use super::{
    Library, Place,
    finding::LineFinding,
    links::{Target, target},
};
use std::collections::HashMap;

/// Words of a page, and what people ask that they answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) place: Place,
    /// Which of the section's blocks has the words.
    pub(crate) block: usize,
    /// The words, as [`bare`] gives them.
    pub(crate) quote: String,
    pub(crate) questions: Vec<String>,
}

/// The questions in the text of `file`, for a library's pages.
pub(super) fn of_text(text: &str, file: &str, library: &Library) -> (Vec<Answered>, Vec<LineFinding>) {
    let mut reader = Reader {
        library,
        file,
        under: Under::Nothing,
        answered: Vec::new(),
        seen: HashMap::new(),
        faults: Vec::new(),
    };
    let mut is_opening = true;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        is_opening &= !line.starts_with("## ");
        if !is_opening && !line.is_empty() {
            reader.take(line, number);
        }
    }
    (reader.answered, reader.faults)
}

/// A text as it is compared: in lower case, without markup, with one space between words.
pub(crate) fn bare(text: &str) -> String {
    let text: String = text.chars().filter(|c| !matches!(c, '`' | '*')).collect();
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the line that is read stands under.
#[derive(Clone, Copy)]
enum Under {
    Nothing,
    Section(Place),
    /// The last of the quotes.
    Quote(Place),
    /// Something that is at fault already: what stands under it is passed over.
    LineFinding(Option<Place>),
}

struct Reader<'a> {
    library: &'a Library,
    file: &'a str,
    under: Under,
    answered: Vec<Answered>,
    /// Each question with its line.
    seen: HashMap<String, usize>,
    faults: Vec<LineFinding>,
}

impl Reader<'_> {
    fn take(&mut self, line: &str, number: usize) {
        if let Some(heading) = line.strip_prefix("## ") {
            let place = self.section(heading, number);
            self.under = place.map_or(Under::LineFinding(None), Under::Section);
        } else if let Some(quote) = line.strip_prefix("> ") {
            self.quote(quote, number);
        } else if let Some(question) = line.strip_prefix(['-', '*']) {
            self.question(question.trim(), number);
        } else {
            let cure = "write a `## ` with a link to a section, a quote `> ` of it, or a question `- `";
            self.faults.push(LineFinding::new(
                number,
                "this is neither a section, a quote nor a question",
                cure,
            ));
        }
    }

    /// The section that a heading links to.
    fn section(&mut self, heading: &str, line: usize) -> Option<Place> {
        let written = heading.split_once("](").and_then(|(_, rest)| rest.split_once(')'));
        let place = written.and_then(|(to, _)| match target(to, self.file) {
            Target::Page { path, fragment } => self.library.section(&path, &fragment),
            Target::Elsewhere | Target::Forbidden => None,
        });
        if place.is_none() {
            let cure = "link it to one, as in `## [Limits](operating/limits.md#api-keys)`";
            self.faults.push(LineFinding::new(line, "this heading leads to no section of a page", cure));
        }
        place
    }

    fn quote(&mut self, quote: &str, line: usize) {
        let place = match self.under {
            Under::Section(place) | Under::Quote(place) | Under::LineFinding(Some(place)) => place,
            Under::LineFinding(None) => return,
            Under::Nothing => return self.out_of_place(line, "a quote", "section"),
        };
        let quote = bare(quote);
        if let Some(block) = self.library.block_with(place, &quote) {
            self.answered.push(Answered { place, block, quote, questions: Vec::new() });
            self.under = Under::Quote(place);
        } else {
            let cure = "quote words of one paragraph, entry, row or code that still stand there";
            self.faults.push(LineFinding::new(line, "the section does not have these words", cure));
            self.under = Under::LineFinding(Some(place));
        }
    }

    fn question(&mut self, question: &str, line: usize) {
        match (self.under, self.answered.last_mut()) {
            (Under::LineFinding(_), _) => {}
            (Under::Quote(_), Some(answered)) => {
                if let Some(first) = self.seen.insert(bare(question), line) {
                    let what = format!("line {first} asks the same");
                    self.faults.push(LineFinding::new(line, what, "keep it where it is answered best"));
                }
                answered.questions.push(question.to_owned());
            }
            _ => self.out_of_place(line, "a question", "quote"),
        }
    }

    fn out_of_place(&mut self, line: usize, what: &str, above: &str) {
        let what = format!("{what} without a {above} above it");
        self.faults.push(LineFinding::new(line, what, "put it under what it belongs to"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Library;

    const PAGE: &str = "# Keys\n\nA key is a *pair*.\n\n## Limits\n\nAt most `10` keys. More are refused.\n\n| what | most |\n| --- | --- |\n| labels | 64 |\n";

    fn library(questions: &'static str) -> Library {
        let files = [("keys.md", PAGE), ("ask/QUESTIONS.md", questions)];
        Library::of(files.map(|(file, text)| (file.to_owned(), text.into())))
    }

    #[test]
    fn questions_stand_beside_the_words_that_answer_them() {
        let library = library(
            "# Questions\n\nFor asking.\n\n## [Keys](../keys.md)\n\n> a key is a pair\n- what is a key\n\n## [Limits](../keys.md#limits)\n\n> at most 10 keys\n- how many keys\n* max keys\n> labels | 64\n- longest label\n",
        );
        assert_eq!(library.check(), []);
        let found: Vec<_> = library
            .questions
            .iter()
            .map(|answered| (answered.place.section, answered.block, answered.questions.len()))
            .collect();
        assert_eq!(found, [(0, 0, 1), (1, 0, 2), (1, 1, 1)]);
        assert_eq!(library.pages().len(), 1);
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_line() {
        let library = library(
            "# Questions\n## [Gone](../gone.md)\n> not looked at\n- nor this\n## Keys\n## [Limits](../keys.md#limits)\n- early\n> nine keys\n- passed over\n> at most 10\n- same\n- Same\nodd\n## [Keys](../keys.md#x)\n",
        );
        let problems: Vec<String> = library.check().iter().map(ToString::to_string).collect();
        let expected = [
            "ask/QUESTIONS.md:2: this heading leads to no section of a page",
            "ask/QUESTIONS.md:5: this heading leads to no section of a page",
            "ask/QUESTIONS.md:7: a question without a quote above it",
            "ask/QUESTIONS.md:8: the section does not have these words",
            "ask/QUESTIONS.md:12: line 11 asks the same",
            "ask/QUESTIONS.md:13: this is neither a section, a quote nor a question",
            "ask/QUESTIONS.md:14: this heading leads to no section of a page",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}, not {expected}");
        }
    }
}
