//! How well a sentence answers a question.

use super::{
    kind::Kind,
    question::{Mark, Question, Term},
    reading::{Read, Reading, Unit, Word},
};

/// What a word counts where it stands, seen from a sentence.
const HEADING: f64 = 0.9;
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
}

/// How well a sentence fits; everything is from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Fit {
    /// How much of what was asked it and its surroundings speak of.
    pub(super) coverage: f64,
    /// How much of that it says itself.
    pub(super) own: f64,
    /// How far the heading is the question.
    pub(super) headed: f64,
    /// How far the page's title is the question.
    pub(super) titled: f64,
    /// How far what the sentence speaks about is the question.
    pub(super) subject: f64,
    /// How many of the words that stand side by side in the question do so here.
    pub(super) side_by_side: f64,
    /// Whether it has what a question of its kind cannot do without: a number, a time, an address, an example.
    pub(super) strict_form: f64,
    /// Whether it has what an answer to "why" or "where" has.
    pub(super) told_form: f64,
    /// Whether it has what answers of the other kinds are likely to have.
    pub(super) form: f64,
    /// Whether it has that, and speaks about what was asked.
    pub(super) told: f64,
    /// The most telling term that neither it nor its headings say, as a part of the question.
    pub(super) lacking: f64,
    /// Whether the heading asks in the question's way.
    pub(super) asks_alike: f64,
    /// How much of it is not about what was asked.
    pub(super) ballast: f64,
    /// How much of what it says was asked.
    pub(super) density: f64,
    /// How much of what it speaks about was asked.
    pub(super) named: f64,
    /// Whether it is code where none was asked for.
    pub(super) is_code: f64,
    /// The most telling term of which nothing is said, as a part of the question.
    pub(super) missing: f64,
    /// Whether it opens its section.
    pub(super) opens: f64,
    /// How much of what was asked its section speaks of, wherever.
    pub(super) around: f64,
    /// How well the index thinks of its section.
    pub(super) indexed: f64,
    /// Whether its page was asked.
    pub(super) is_asked: f64,
    /// How much it says of the goal.
    pub(super) towards: f64,
}

pub(super) const FEATURES: usize = 22;

/// What has to be outweighed before a sentence is taken for an answer.
const DOUBT: f64 = 7.3;

/// What each part of a fit weighs, in the order of [`Fit::parts`]; `tests/golden/fit.py` finds these and those of
/// [`Fit::confidence`].
const WEIGHTS: [f64; FEATURES] = [
    0.67, -0.01, 0.32, 0.15, 0.07, 0.25, 0.35, 0.49, 0.18, 0.23, 0.03, -0.07, -0.08, 0.08, 0.09, -0.15, 0.08,
    0.18, 0.19, 0.2, 0.2, 0.08,
];

impl Fit {
    /// Its parts in one order.
    pub(super) const fn parts(&self) -> [f64; FEATURES] {
        [
            self.coverage,
            self.own,
            self.headed,
            self.titled,
            self.subject,
            self.side_by_side,
            self.strict_form,
            self.told_form,
            self.form,
            self.told,
            self.lacking,
            self.asks_alike,
            self.ballast,
            self.density,
            self.named,
            self.is_code,
            self.missing,
            self.opens,
            self.around,
            self.indexed,
            self.is_asked,
            self.towards,
        ]
    }

    /// How well it fits, among candidates for the same question.
    pub(super) fn score(&self) -> f64 {
        self.parts().iter().zip(WEIGHTS).map(|(part, weight)| part * weight).sum()
    }

    /// How likely it is that it answers the question at all, of whose words the pages know a part: above 0, rather yes.
    pub(super) fn confidence(&self, known: f64) -> f64 {
        let parts = [
            (4.0, self.coverage),
            (1.66, self.own),
            (0.92, self.headed),
            (1.35, self.side_by_side),
            (1.0, self.strict_form + self.told_form + self.form),
            (-1.8, self.missing),
            (-1.28, self.lacking),
            (0.73, self.around),
            (4.13, known),
        ];
        parts.iter().map(|(weight, part)| weight * part).sum::<f64>() - DOUBT
    }
}

impl<'a> Scale<'a> {
    pub(super) fn of(question: &'a Question, reading: &Reading) -> Self {
        Self {
            question,
            marks: question.asked.marks(reading.vocabulary()),
            neighbours: question.neighbours(),
            weights: question.asked.words().iter().map(|word| reading.weight(Some(*word))).collect(),
        }
    }

    fn mark(&self, word: Word) -> Mark {
        self.marks.get(word as usize).copied().unwrap_or(0)
    }

    fn marked(&self, words: &[Word]) -> Mark {
        words.iter().fold(0, |marks, word| marks | self.mark(*word))
    }

    /// Looks at a section, for its sentences.
    pub(super) fn stand(&self, read: &Read) -> Stand {
        let [title, above, heading] =
            [&read.title, &read.above, &read.heading].map(|words| self.marked(words));
        let units = read.units.iter().fold(0, |marks, unit| marks | self.marked(&unit.words));
        let own = if read.heading.is_empty() { &read.title } else { &read.heading };
        let all = units | title | above | heading;
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
        }
    }

    /// How far some words are the question: both what of the question they say, and what of them the question says.
    fn likeness(&self, words: &[Word], place: impl Fn(Mark) -> f64) -> f64 {
        let (recall, precision) = (covered(&self.question.terms, place), self.asked_part(words));
        if recall + precision > 0.0 { 2.0 * recall * precision / (recall + precision) } else { 0.0 }
    }

    /// The part of some words that was asked.
    fn asked_part(&self, words: &[Word]) -> f64 {
        let asked = words.iter().filter(|word| self.mark(**word) != 0).count();
        if words.is_empty() { 0.0 } else { count(asked) / count(words.len()) }
    }

    /// How well a sentence of a section fits; `opens` if it is the section's first.
    pub(super) fn fit(&self, read: &Read, stand: &Stand, unit: &Unit, opens: bool) -> Fit {
        let own = self.marked(&unit.words);
        let kind = self.question.kind;
        let terms = &self.question.terms;
        let subject = unit.words.get(..unit.subject).unwrap_or_default();
        let subjects = self.marked(subject);
        let place = |mark: Mark| {
            if mark & own != 0 {
                1.0
            } else if mark & stand.heading != 0 {
                HEADING
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
            lacking: self.missing(own | stand.heading | stand.above | stand.title),
            asks_alike: stand.answers_kind,
            ballast: (count(unit.words.len()) / 100.0).min(1.0),
            density: self.density(&unit.words, unit.weight),
            named: self.asked_part(subject),
            is_code: yes(is_code),
            missing: self.missing(stand.all),
            around: stand.around,
            opens: yes(opens && kind == Kind::WhatIs),
            ..Fit::default()
        }
    }

    /// The part of what some words tell that was asked.
    fn density(&self, words: &[Word], all: f64) -> f64 {
        let mut seen = 0;
        let mut asked = 0.0;
        for mark in words.iter().map(|word| self.mark(*word)).filter(|mark| *mark != 0) {
            if seen & mark == 0 {
                seen |= mark;
                asked += self.weights.get(mark.trailing_zeros() as usize).copied().unwrap_or(0.0);
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

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The part of the terms that is found, each as far as its best reading is.
fn covered(terms: &[Term], place: impl Fn(Mark) -> f64) -> f64 {
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
