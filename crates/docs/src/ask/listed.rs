//! How far a question is one that the documentation lists.

use super::{
    question::Mark,
    reading::Listed,
    score::{Scale, covered, mean, yes},
};

/// What a question that asks in another way counts, in parts of one that asks in this.
const OTHER_KIND: f64 = 0.85;

impl Scale<'_> {
    /// How far the question is one of those listed, 0 to 1, and which of the asked words they have.
    pub(super) fn listed(&self, questions: &[Listed]) -> (f64, Mark) {
        questions.iter().fold((0.0, 0), |(nearest, marks), listed| {
            let said = self.marked(&listed.words);
            (self.alike(listed, said).max(nearest), marks | said)
        })
    }

    /// How far one question is the other, which has some of the asked words: both what of the asked one it says, and the other
    /// way round.
    fn alike(&self, listed: &Listed, said: Mark) -> f64 {
        if said == 0 {
            return 0.0;
        }
        let recall = covered(&self.question.terms, |mark| yes(mark & said != 0));
        let precision = self.meant_part(&listed.words, listed.weight);
        let is_same_kind = listed.kind == self.question.kind;
        mean(recall, precision) * if is_same_kind { 1.0 } else { OTHER_KIND }
    }
}
