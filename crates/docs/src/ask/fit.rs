//! What there is to say of a sentence as an answer, and what each part of it weighs.

use super::question::Question;

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
    /// How far the question is one that it is said to answer.
    pub(super) listed: f64,
    /// How far it is one that its section is said to answer.
    pub(super) listed_around: f64,
}

pub(super) const FEATURES: usize = 24;

/// What has to be outweighed before a sentence is taken for an answer.
const DOUBT: f64 = 10.69;

/// What each part of a fit weighs, in the order of [`Fit::parts`]; `tests/golden/fit.py` finds these and those of
/// [`Fit::confidence`].
const WEIGHTS: [f64; FEATURES] = [
    0.60, -0.05, 0.33, 0.08, 0.07, 0.37, 0.31, 0.53, 0.14, 0.15, 0.12, -0.04, -0.13, 0.15, 0.03, -0.15, 0.18,
    0.17, 0.10, 0.27, 0.20, 0.08, 1.37, 0.19,
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
            self.listed,
            self.listed_around,
        ]
    }

    /// How well it fits, among candidates for the same question.
    pub(super) fn score(&self) -> f64 {
        self.parts().iter().zip(WEIGHTS).map(|(part, weight)| part * weight).sum()
    }

    /// How likely it is that it answers the question at all: above 0, rather yes.
    pub(super) fn confidence(&self, question: &Question) -> f64 {
        let (known, tells) = (question.known(), question.tells());
        let parts = [
            (3.95, self.coverage),
            (1.15, self.own),
            (0.66, self.headed),
            (1.18, self.side_by_side),
            (0.97, self.strict_form + self.told_form + self.form),
            (-1.87, self.missing),
            (-1.47, self.lacking),
            (0.82, self.around),
            (1.82, self.listed),
            (0.97, self.listed_around),
            (4.04, known),
            (1.28, tells),
        ];
        parts.iter().map(|(weight, part)| weight * part).sum::<f64>() - DOUBT
    }
}
