//! How well a sentence answers a question.

use super::{
    fit::Fit,
    kind::Kind,
    question::{Mark, Question, Term},
    reading::{Read, Reading, Unit, Word},
};

/// What a word counts where it stands, seen from a sentence.
const HEADING: f64 = 0.9;
const ASKED: f64 = 0.8;
const ABOVE: f64 = 0.75;
const TITLE: f64 = 0.7;
const BESIDE: f64 = 0.55;

/// A question, ready to be compared with many sentences.
pub(super) struct Scale<'a> {
    pub(super) question: &'a Question,
    marks: Vec<Mark>,
    neighbours: Vec<(Mark, Mark, f64)>,
    /// How much each asked word tells.
    weights: Vec<f64>,
    /// The same, as far as it is sure that the word is meant.
    meant: Vec<f64>,
}

/// Which of the asked words a section says where.
pub(super) struct Stand {
    title: Mark,
    above: Mark,
    heading: Mark,
    all: Mark,
    /// How far the heading, and the title, are the question: 0 to 1.
    headed: f64,
    titled: f64,
    answers_kind: f64,
    around: f64,
    /// How far the question is one that each of the sentences is said to answer, and which of its words those have.
    listed: Vec<(f64, Mark)>,
}

impl<'a> Scale<'a> {
    pub(super) fn of(question: &'a Question, reading: &Reading) -> Self {
        let weights: Vec<f64> =
            question.asked.words().iter().map(|word| reading.weight(Some(*word))).collect();
        Self {
            question,
            marks: question.asked.marks(reading.vocabulary()),
            neighbours: question.neighbours(),
            meant: weights.iter().zip(question.certainties()).map(|(weight, sure)| weight * sure).collect(),
            weights,
        }
    }

    fn mark(&self, word: Word) -> Mark {
        self.marks.get(word as usize).copied().unwrap_or(0)
    }

    pub(super) fn marked(&self, words: &[Word]) -> Mark {
        words.iter().fold(0, |marks, word| marks | self.mark(*word))
    }

    /// Looks at a section, for its sentences.
    pub(super) fn stand(&self, read: &Read) -> Stand {
        let [title, above, heading] =
            [&read.title, &read.above, &read.heading].map(|words| self.marked(words));
        let units = read.units.iter().fold(0, |marks, unit| marks | self.marked(&unit.words));
        let listed: Vec<(f64, Mark)> = read.units.iter().map(|unit| self.listed(&unit.answers)).collect();
        let own = if read.heading.is_empty() { &read.title } else { &read.heading };
        let all = listed.iter().fold(units | title | above | heading, |marks, (_, asked)| marks | asked);
        Stand {
            title,
            above,
            heading,
            all,
            around: covered(&self.question.terms, |mark| yes(mark & all != 0)),
            headed: self.likeness(own, |mark| {
                if mark & heading != 0 {
                    1.0
                } else if mark & above != 0 {
                    ABOVE
                } else if mark & title != 0 {
                    TITLE
                } else {
                    0.0
                }
            }),
            titled: self.likeness(&read.title, |mark| yes(mark & title != 0)),
            answers_kind: yes(read.question == Some(self.question.kind)),
            listed,
        }
    }

    /// How far some words are the question: both what of the question they say, and what of them the question says.
    fn likeness(&self, words: &[Word], place: impl Fn(Mark) -> f64) -> f64 {
        let (recall, precision) = (covered(&self.question.terms, place), self.asked_part(words));
        mean(recall, precision)
    }

    /// The part of some words that was asked.
    fn asked_part(&self, words: &[Word]) -> f64 {
        let asked = words.iter().filter(|word| self.mark(**word) != 0).count();
        if words.is_empty() { 0.0 } else { count(asked) / count(words.len()) }
    }

    /// How well a sentence of a section fits; `at` says which one it is.
    pub(super) fn fit(&self, read: &Read, stand: &Stand, unit: &Unit, at: usize) -> Fit {
        let own = self.marked(&unit.words);
        let kind = self.question.kind;
        let terms = &self.question.terms;
        let subject = unit.words.get(..unit.subject).unwrap_or_default();
        let subjects = self.marked(subject);
        let (listed, asked) = stand.listed.get(at).copied().unwrap_or_default();
        let place = |mark: Mark| {
            if mark & own != 0 {
                1.0
            } else if mark & stand.heading != 0 {
                HEADING
            } else if mark & asked != 0 {
                ASKED
            } else if mark & stand.above != 0 {
                ABOVE
            } else if mark & stand.title != 0 {
                TITLE
            } else if mark & stand.all != 0 {
                BESIDE
            } else {
                0.0
            }
        };
        let form = unit.evidence.fits(kind);
        let is_code = unit.evidence.is_code() && !kind.is_about_code();
        let likeness = self.likeness(subject, |mark| yes(mark & subjects != 0));
        let form_if = |has: bool| if has { form } else { 0.0 };
        Fit {
            coverage: covered(terms, place),
            own: covered(terms, |mark| yes(mark & own != 0)),
            headed: stand.headed,
            titled: stand.titled,
            subject: likeness,
            side_by_side: self.side_by_side(read, unit),
            strict_form: form_if(kind.is_strict()),
            told_form: form_if(kind.is_told()),
            form: form_if(!kind.is_strict() && !kind.is_told()),
            told: form * likeness,
            lacking: self.missing(own | asked | stand.heading | stand.above | stand.title),
            asks_alike: stand.answers_kind,
            ballast: (count(unit.words.len()) / 100.0).min(1.0),
            density: self.density(&unit.words, unit.weight),
            named: self.asked_part(subject),
            is_code: yes(is_code),
            missing: self.missing(stand.all),
            around: stand.around,
            listed,
            listed_around: stand.listed.iter().map(|(listed, _)| *listed).fold(0.0, f64::max),
            opens: yes(at == 0 && kind == Kind::WhatIs),
            ..Fit::default()
        }
    }

    /// The part of what some words tell that was asked.
    fn density(&self, words: &[Word], all: f64) -> f64 {
        self.part_of(words, all, &self.weights)
    }

    /// The same, as far as it is sure that it was.
    pub(super) fn meant_part(&self, words: &[Word], all: f64) -> f64 {
        self.part_of(words, all, &self.meant)
    }

    fn part_of(&self, words: &[Word], all: f64, weights: &[f64]) -> f64 {
        let mut seen = 0;
        let mut asked = 0.0;
        for mark in words.iter().map(|word| self.mark(*word)).filter(|mark| *mark != 0) {
            if seen & mark == 0 {
                seen |= mark;
                asked += weights.get(mark.trailing_zeros() as usize).copied().unwrap_or(0.0);
            }
        }
        if all > 0.0 { (asked / all).min(1.0) } else { 0.0 }
    }

    /// The weight of the most telling term that a text says nothing of, as a part of all.
    fn missing(&self, said: Mark) -> f64 {
        let missing = self.question.terms.iter().filter(|term| term.marks() & said == 0);
        let most = missing.map(|term| term.weight).fold(0.0, f64::max);
        let all = self.question.weight();
        if all > 0.0 { most / all } else { 0.0 }
    }

    /// The part of the neighbours in the question that are neighbours in a sentence, its heading or its title.
    fn side_by_side(&self, read: &Read, unit: &Unit) -> f64 {
        let (mut found, mut all) = (0.0, 0.0);
        for (one, other, weight) in &self.neighbours {
            all += weight;
            let are = |words: &[Word]| {
                words.iter().enumerate().any(|(at, word)| {
                    self.mark(*word) & one != 0
                        && words.iter().skip(at + 1).take(2).any(|word| self.mark(*word) & other != 0)
                })
            };
            if are(&unit.words) || are(&read.heading) || are(&read.title) {
                found += weight;
            }
        }
        if all > 0.0 { found / all } else { 0.0 }
    }

    /// How much a section says of this question.
    pub(super) fn said_in(&self, read: &Read) -> f64 {
        let said = self.stand(read).all;
        covered(&self.question.terms, |mark| yes(mark & said != 0))
    }
}

/// The harmonic mean, which is small if either is.
pub(super) fn mean(one: f64, other: f64) -> f64 {
    if one + other > 0.0 { 2.0 * one * other / (one + other) } else { 0.0 }
}

pub(super) fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The part of the terms that is found, each as far as its best reading is.
pub(super) fn covered(terms: &[Term], place: impl Fn(Mark) -> f64) -> f64 {
    let mut found = 0.0;
    let mut all = 0.0;
    for term in terms {
        all += term.weight;
        let best = term.readings.iter().map(|reading| {
            // Of "API key", "key" is a part.
            let all: f64 = reading.words.iter().map(|(_, weight)| weight).sum();
            let here: f64 = reading.words.iter().map(|(word, weight)| weight * place(*word)).sum();
            reading.certainty * if all > 0.0 { here / all } else { 0.0 }
        });
        found += term.weight * best.fold(0.0, f64::max);
    }
    if all > 0.0 { found / all } else { 0.0 }
}
