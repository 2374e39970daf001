//! A library as the answering side knows it: every sentence, with its words as numbers.

use super::{
    evidence::Evidence,
    kind::Kind,
    sentences::{parts, subject},
    words::{is_silent, stem, words},
};
use crate::library::{Answered, Library, Place, Section, bare};
use std::collections::{HashMap, HashSet};

/// How sure a mistyped word is, and one that may be another word.
const SLIPPED: f64 = 0.85;
const OTHER_WORD: f64 = 0.4;

/// How little and how much a word can tell.
const LEAST_TOLD: f64 = 0.1;
const MOST_TOLD: f64 = 5.0;

/// Rare words tell more than common ones, but not by as much as their rareness says.
const FLATTENED: f64 = 0.7;

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
    /// Page by page.
    pages: Vec<Vec<Read>>,
    sections: usize,
}

/// A section that was read.
pub(super) struct Read {
    pub(super) title: Vec<Word>,
    pub(super) above: Vec<Word>,
    pub(super) heading: Vec<Word>,
    /// What its heading asks itself, as in "Where metrics are served".
    pub(super) question: Option<Kind>,
    pub(super) units: Vec<Unit>,
}

/// A sentence, a list's entry, a table's row or a piece of code: the least that can be an answer.
pub(super) struct Unit {
    /// Which of the section's blocks it is from.
    pub(super) block: usize,
    pub(super) text: String,
    pub(super) words: Vec<Word>,
    /// How many of its words, from the first, are what it speaks about.
    pub(super) subject: usize,
    /// How much its words tell together.
    pub(super) weight: f64,
    pub(super) evidence: Evidence,
    /// The questions that the documentation says it answers.
    pub(super) answers: Vec<Listed>,
}

/// A question that the documentation says it answers.
pub(super) struct Listed {
    pub(super) words: Vec<Word>,
    pub(super) kind: Kind,
    /// How much its words tell together.
    pub(super) weight: f64,
}

impl Reading {
    pub(super) fn of(library: &Library) -> Self {
        let mut reading = Self {
            stems: HashMap::new(),
            spread: Vec::new(),
            spelled: HashMap::new(),
            pages: Vec::new(),
            sections: 0,
        };
        for (page, number) in library.pages().iter().zip(0..) {
            let mut sections = Vec::new();
            for (section, at) in page.sections().iter().zip(0..) {
                let mut read = reading.read(&page.title, section);
                for answered in library.questions_of(Place { page: number, section: at }) {
                    reading.list(&mut read, answered);
                }
                reading.count(&read);
                sections.push(read);
            }
            reading.sections += sections.len();
            reading.pages.push(sections);
        }
        reading.weigh();
        reading
    }

    /// Notes how much each sentence tells, once it is known how much each word does.
    fn weigh(&mut self) {
        let mut pages = std::mem::take(&mut self.pages);
        for unit in pages.iter_mut().flatten().flat_map(|read| &mut read.units) {
            unit.weight = self.weight_of(&unit.words);
            for listed in &mut unit.answers {
                listed.weight = self.weight_of(&listed.words);
            }
        }
        self.pages = pages;
    }

    fn weight_of(&self, words: &[Word]) -> f64 {
        words.iter().map(|word| self.weight(Some(*word))).sum()
    }

    /// Notes at the sentence that has the quoted words what it answers.
    fn list(&mut self, read: &mut Read, answered: &Answered) {
        let questions: Vec<Listed> = answered
            .questions
            .iter()
            .map(|text| {
                let mut words = self.learn(text);
                words.sort_unstable();
                words.dedup();
                Listed { words, kind: Kind::of(text), weight: 0.0 }
            })
            .collect();
        let of_block = |unit: &&mut Unit| unit.block == answered.block;
        let is_quoted = |unit: &Unit| bare(&unit.text).contains(&answered.quote);
        let at = read.units.iter().position(|unit| unit.block == answered.block && is_quoted(unit));
        let unit = match at {
            Some(at) => read.units.get_mut(at),
            None => read.units.iter_mut().find(of_block),
        };
        if let Some(unit) = unit {
            unit.answers.extend(questions);
        }
    }

    /// Notes which words stand in a section.
    fn count(&mut self, read: &Read) {
        let units = read.units.iter().flat_map(|unit| &unit.words);
        let listed = read.units.iter().flat_map(|unit| &unit.answers).flat_map(|listed| &listed.words);
        let words: HashSet<Word> =
            units.chain(listed).chain(&read.heading).chain(&read.above).chain(&read.title).copied().collect();
        for word in words {
            if let Some(spread) = self.spread.get_mut(word as usize) {
                *spread += 1;
            }
        }
    }

    fn read(&mut self, title: &str, section: &Section) -> Read {
        let (own, above) =
            section.headings.split_last().map_or(("", &[][..]), |(own, above)| (own.as_str(), above));
        let title = self.learn(title);
        let above = above.iter().flat_map(|heading| self.learn(heading)).collect();
        let heading = self.learn(own);
        let mut units = Vec::new();
        for (block, number) in section.blocks.iter().zip(0..) {
            for text in parts(block) {
                let words = self.learn(&text);
                let subject = self.learn(subject(&text, &block.kind)).len();
                let evidence = Evidence::of(&text, &block.kind);
                units.push(Unit {
                    block: number,
                    text,
                    words,
                    subject,
                    weight: 0.0,
                    evidence,
                    answers: Vec::new(),
                });
            }
        }
        Read { title, above, heading, question: Kind::of_heading(own), units }
    }

    fn learn(&mut self, text: &str) -> Vec<Word> {
        let mut learned = Vec::new();
        for word in words(text) {
            let number = self.spelled.get(&word).copied().unwrap_or_else(|| self.number(&word));
            if !is_silent(&word) {
                learned.push(number);
            }
        }
        learned
    }

    /// The number of a word that is met in this form for the first time.
    fn number(&mut self, word: &str) -> Word {
        let next = u32::try_from(self.stems.len()).unwrap_or(u32::MAX);
        let number = *self.stems.entry(stem(word)).or_insert(next);
        if number == next {
            self.spread.push(0);
        }
        self.spelled.insert(word.to_owned(), number);
        number
    }

    /// Whether there are so few sections that all can be read closely.
    pub(super) fn is_small(&self) -> bool {
        self.sections <= SMALL
    }

    /// Every section.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        (0..self.pages.len()).flat_map(|page| self.places_of(page))
    }

    /// The sections of a page.
    pub(super) fn places_of(&self, page: usize) -> impl Iterator<Item = Place> + use<> {
        (0..self.pages.get(page).map_or(0, Vec::len)).map(move |section| Place { page, section })
    }

    pub(super) fn word(&self, stem: &str) -> Option<Word> {
        self.stems.get(stem).copied().filter(|word| self.spread(*word) > 0)
    }

    /// Whether the pages have a word in just this form.
    pub(super) fn is_written(&self, word: &str) -> bool {
        self.spelled.contains_key(word)
    }

    /// How many different words there are.
    pub(super) fn vocabulary(&self) -> usize {
        self.spread.len()
    }

    pub(super) fn section(&self, place: Place) -> Option<&Read> {
        self.pages.get(place.page)?.get(place.section)
    }

    /// The words of a page's title.
    pub(super) fn title(&self, page: usize) -> Option<&[Word]> {
        self.pages.get(page)?.first().map(|read| read.title.as_slice())
    }

    fn spread(&self, word: Word) -> u32 {
        self.spread.get(word as usize).copied().unwrap_or(0)
    }

    /// How much a word tells: the rarer, the more; a word that nobody wrote tells most.
    pub(super) fn weight(&self, word: Option<Word>) -> f64 {
        let spread = word.map_or(0, |word| self.spread(word));
        let sections = u32::try_from(self.sections).unwrap_or(u32::MAX);
        ((f64::from(sections) + 1.0) / (f64::from(spread) + 0.5))
            .ln()
            .clamp(LEAST_TOLD, MOST_TOLD)
            .powf(FLATTENED)
    }

    /// The word that a mistyped one is most likely meant to be, and how sure that is.
    pub(super) fn meant(&self, typed: &str) -> Option<(Word, f64)> {
        let length = typed.chars().count();
        let slips = match length {
            0..=3 => return None,
            4..=7 => 1,
            _ => 2,
        };
        let letters = letters(typed);
        let near = self.spelled.iter().filter(|(word, number)| {
            word.len().abs_diff(typed.len()) <= slips * 4
                && (self::letters(word) ^ letters).count_ones() as usize <= slips * 2
                && word.chars().count().abs_diff(length) <= slips
                && self.spread(**number) > 0
                && !word.contains(|c: char| c.is_ascii_digit())
        });
        let near = near.filter_map(|(word, number)| {
            let distance = strsim::osa_distance(word, typed);
            let same_start = word.chars().next() == typed.chars().next();
            (distance <= slips && (same_start || distance == 1)).then_some((distance, word, *number))
        });
        near.min_by_key(|(distance, word, number)| {
            (*distance, std::cmp::Reverse(self.spread(*number)), (*word).clone())
        })
        .map(|(_, word, number)| (number, if is_slip(typed, word) { SLIPPED } else { OTHER_WORD }))
    }
}

/// Which letters a word has, a bit each.
fn letters(word: &str) -> u32 {
    word.bytes().filter(u8::is_ascii_lowercase).fold(0, |letters, byte| letters | 1 << (byte - b'a'))
}

/// Fingers leave letters out, double and swap them. A short word with another letter in a place is rather another word: pasta
/// is no slip of paste.
fn is_slip(typed: &str, word: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let (one, other) = (sorted(typed), sorted(word));
    one.len() != other.len() || one == other || one.len() > 7
}
