//! A library as the answering side knows it: every sentence, with its words as numbers.

use super::{
    kind::{Evidence, Kind},
    question::Question,
    words::{is_silent, stem, words},
};
use crate::{
    Block, BlockKind,
    index::Place,
    library::{Library, Section},
};
use std::collections::{HashMap, HashSet};

/// How little and how much a word can tell.
const LEAST_TOLD: f64 = 0.1;
const MOST_TOLD: f64 = 4.0;

/// So many sections are read closely without looking them up first.
const SMALL: usize = 1500;

/// A stem, as a number.
pub(super) type Word = u32;

/// Everything that was read.
pub(super) struct Reading {
    stems: HashMap<String, Word>,
    /// In how many sections each stem stands.
    spread: Vec<u32>,
    /// Every word as it is written, with its stem: what a mistyped word may be meant to be.
    spelled: HashMap<String, Word>,
    sections: HashMap<Place, Read>,
}

/// A section that was read.
pub(super) struct Read {
    pub(super) title: HashSet<Word>,
    pub(super) above: HashSet<Word>,
    pub(super) heading: HashSet<Word>,
    pub(super) all: HashSet<Word>,
    pub(super) units: Vec<Unit>,
}

/// A sentence, a list's entry, a table's row or a piece of code: the least that can be an answer.
pub(super) struct Unit {
    /// Which of the section's blocks it is from.
    pub(super) block: usize,
    pub(super) text: String,
    pub(super) words: Vec<Word>,
    pub(super) evidence: Evidence,
}

impl Unit {
    /// How far it has the form of an answer: 0 to 1.
    pub(super) fn fits(&self, question: &Question) -> f64 {
        let fits = self.evidence.fits(question.kind);
        let begins_with = |word: &Word| self.words.iter().take(4).any(|first| first == word);
        let mut asked =
            question.terms.iter().flat_map(|term| &term.readings).flat_map(|reading| &reading.words);
        match question.kind {
            // What is explained stands in front.
            Kind::WhatIs if !asked.any(|(word, _)| begins_with(word)) => fits / 2.0,
            Kind::ShowMe | Kind::HowTo | Kind::WhichUrl => fits,
            _ if self.evidence.is_code() => fits - 0.8,
            _ => fits,
        }
    }
}

impl Unit {
    pub(super) fn has_side_by_side(&self, one: Word, other: Word) -> bool {
        let places = self.words.iter().enumerate().filter(|(_, word)| **word == one);
        places.into_iter().any(|(at, _)| self.words.iter().skip(at + 1).take(2).any(|word| *word == other))
    }
}

impl Reading {
    pub(super) fn of(library: &Library) -> Self {
        let mut reading = Self {
            stems: HashMap::new(),
            spread: Vec::new(),
            spelled: HashMap::new(),
            sections: HashMap::new(),
        };
        for (page, at) in library.pages().iter().zip(0..) {
            for (section, number) in page.sections().iter().zip(0..) {
                let read = reading.read(&page.title, section);
                for word in &read.all {
                    if let Some(spread) = reading.spread.get_mut(*word as usize) {
                        *spread += 1;
                    }
                }
                reading.sections.insert(Place { page: at, section: number }, read);
            }
        }
        reading
    }

    fn read(&mut self, title: &str, section: &Section) -> Read {
        let (own, above) =
            section.headings.split_last().map_or(("", &[][..]), |(own, above)| (own.as_str(), above));
        let title: HashSet<Word> = self.learn(title).into_iter().collect();
        let above: HashSet<Word> = above.iter().flat_map(|heading| self.learn(heading)).collect();
        let heading: HashSet<Word> = self.learn(own).into_iter().collect();
        let mut units = Vec::new();
        for (block, number) in section.blocks.iter().zip(0..) {
            for text in parts(block) {
                let words = self.learn(&text);
                let evidence = Evidence::of(&text, &block.kind);
                units.push(Unit { block: number, text, words, evidence });
            }
        }
        let all = units
            .iter()
            .flat_map(|unit| &unit.words)
            .chain(&heading)
            .chain(&above)
            .chain(&title)
            .copied()
            .collect();
        Read { title, above, heading, all, units }
    }

    fn learn(&mut self, text: &str) -> Vec<Word> {
        let mut learned = Vec::new();
        for word in words(text) {
            let next = u32::try_from(self.stems.len()).unwrap_or(u32::MAX);
            let number = *self.stems.entry(stem(&word)).or_insert(next);
            if number == next {
                self.spread.push(0);
            }
            if !is_silent(&word) {
                learned.push(number);
            }
            self.spelled.entry(word).or_insert(number);
        }
        learned
    }

    /// Whether there are so few sections that all can be read closely.
    pub(super) fn is_small(&self) -> bool {
        self.sections.len() <= SMALL
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.sections.keys().copied()
    }

    pub(super) fn word(&self, stem: &str) -> Option<Word> {
        self.stems.get(stem).copied()
    }

    pub(super) fn section(&self, place: Place) -> Option<&Read> {
        self.sections.get(&place)
    }

    /// How much a word tells: the rarer, the more; a word that nobody wrote tells most.
    pub(super) fn weight(&self, word: Option<Word>) -> f64 {
        let spread = word.and_then(|word| self.spread.get(word as usize)).copied().unwrap_or(0);
        let sections = u32::try_from(self.sections.len()).unwrap_or(u32::MAX);
        ((f64::from(sections) + 1.0) / (f64::from(spread) + 0.5)).ln().clamp(LEAST_TOLD, MOST_TOLD)
    }

    /// The words that a mistyped one may be meant to be, and how many slips lie between.
    pub(super) fn meant(&self, typed: &str) -> Option<(Word, usize)> {
        let length = typed.chars().count();
        let slips = match length {
            0..=3 => return None,
            4..=7 => 1,
            _ => 2,
        };
        let near = self.spelled.iter().filter(|(word, _)| {
            word.chars().count().abs_diff(length) <= slips && !word.contains(|c: char| c.is_ascii_digit())
        });
        let near = near.filter_map(|(word, number)| {
            let distance = strsim::osa_distance(word, typed);
            let same_start = word.chars().next() == typed.chars().next();
            (distance <= slips && (same_start || distance == 1)).then_some((distance, word, *number))
        });
        let spread = |number: Word| self.spread.get(number as usize).copied().unwrap_or(0);
        near.min_by_key(|(distance, word, number)| {
            (*distance, std::cmp::Reverse(spread(*number)), (*word).clone())
        })
        .map(|(distance, _, number)| (number, distance))
    }
}

/// The sentences of a paragraph, and everything else whole.
fn parts(block: &Block) -> Vec<String> {
    match &block.kind {
        BlockKind::Paragraph | BlockKind::Item { .. } => sentences(&block.text),
        BlockKind::Row { columns, cells } => vec![row(columns, cells)],
        BlockKind::Code { .. } => vec![block.text.clone()],
    }
}

/// A table's row as a sentence: the first cell is what the others are about.
fn row(columns: &[String], cells: &[String]) -> String {
    let mut cells = cells.iter().zip(columns.iter().map(String::as_str).chain(std::iter::repeat("")));
    let Some((subject, _)) = cells.next() else { return String::new() };
    let rest: Vec<String> = cells
        .filter(|(cell, _)| !cell.trim().is_empty())
        .map(|(cell, column)| if column.is_empty() { cell.clone() } else { format!("{column}: {cell}") })
        .collect();
    if rest.is_empty() { subject.clone() } else { format!("{subject} ({})", rest.join("; ")) }
}

/// Cuts a text behind full stops that end a sentence.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut before = ' ';
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let ends = matches!(c, '.' | '!' | '?')
            && !(before == '.' || is_short(text.get(start..at).unwrap_or_default()));
        before = c;
        if !ends {
            continue;
        }
        let end = at + c.len_utf8();
        let rest = text.get(end..).unwrap_or_default();
        let next = rest.trim_start().chars().next();
        if rest.starts_with(char::is_whitespace) && next.is_some_and(|next| !next.is_lowercase()) {
            sentences.push(text.get(start..end).unwrap_or_default().trim().to_owned());
            start = end;
        }
    }
    sentences.push(text.get(start..).unwrap_or_default().trim().to_owned());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Whether a text ends with a word that a full stop shortens.
fn is_short(text: &str) -> bool {
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    matches!(last.trim_start_matches('('), "e.g" | "i.e" | "etc" | "vs" | "No" | "e" | "i")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_people_end_them() {
        assert_eq!(
            sentences("A key lives 90 days. It is v1.2, e.g. Not that. `duku serve` starts! lower goes on."),
            ["A key lives 90 days.", "It is v1.2, e.g. Not that.", "`duku serve` starts! lower goes on."]
        );
        assert!(sentences("  ").is_empty());
    }

    #[test]
    fn a_row_tells_its_columns() {
        let [columns, cells] = [["code", "cause", "cure"], ["invalid_client", "", "exchange again"]]
            .map(|row| row.map(str::to_owned));
        assert_eq!(row(&columns, &cells), "invalid_client (cure: exchange again)");
    }
}
