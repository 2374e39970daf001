//! How far a question is one that the documentation lists.

use super::{
    question::Mark,
    reading::Listed,
    score::{Scale, covered, mean, yes},
};

/// What a question that asks in another way counts, in parts of one that asks in this.
const OTHER_KIND: f64 = 0.85;

impl Scale<'_> {
    /// How far the question is one of those listed: 0 to 1.
    pub(super) fn listed(&self, questions: &[Listed]) -> f64 {
        questions.iter().map(|listed| self.alike(listed)).fold(0.0, f64::max)
    }

    /// Which of the asked words the questions have.
    pub(super) fn marked_in(&self, questions: &[Listed]) -> Mark {
        questions.iter().fold(0, |marks, listed| marks | self.marked(&listed.words))
    }

    /// How far one question is the other: both what of the asked one the listed one says, and the other way round.
    fn alike(&self, listed: &Listed) -> f64 {
        let said = self.marked(&listed.words);
        if said == 0 {
            return 0.0;
        }
        let recall = covered(&self.question.terms, |mark| yes(mark & said != 0));
        let precision = self.meant_part(&listed.words, listed.weight);
        let is_same_kind = listed.kind == self.question.kind;
        mean(recall, precision) * if is_same_kind { 1.0 } else { OTHER_KIND }
    }
}
