//! From the sentences that fit to an answer.

use super::{
    Answer, COVERED, Candidate, Excerpt, Guide, KNOWN, Passage, SOURCES, Source, kind::Kind,
    question::Question, reading::Read,
};
use crate::{
    Block, BlockKind,
    index::Place,
    library::{Library, Section},
};
use std::collections::BTreeSet;

/// A paragraph of so many words is told whole.
const WHOLE: usize = 70;
/// A section of so many words, too.
const SMALL: usize = 90;
/// Sentences of the same section that are told as well, and how near they must come.
const MORE: usize = 2;
const NEAR: f64 = 0.9;
/// How many other sections may add a sentence, and how near those must come.
const ELSEWHERE: usize = 1;
const NEARER: f64 = 0.96;
/// How many sources a refusal names.
const NEAREST: usize = 3;
/// The longest excerpt, in characters.
const EXCERPT: usize = 600;

impl Guide {
    /// `candidates` are sorted, the best first.
    pub(super) fn compose(&self, library: &Library, question: &Question, candidates: &[Candidate]) -> Answer {
        let sources = sources(candidates);
        let best = candidates.first().filter(|best| {
            self.is_forced
                || best.fit.confidence() >= COVERED && question.known() >= KNOWN && !question.terms.is_empty()
        });
        let Some(best) = best else {
            let sources = sources.into_iter().take(NEAREST).collect();
            return Answer { text: Vec::new(), excerpts: Vec::new(), sources };
        };
        let mut text = self.passages(library, question, best, candidates);
        let mut elsewhere: Vec<Place> = Vec::new();
        for other in
            candidates.iter().filter(|other| other.place != best.place && other.score >= best.score * NEARER)
        {
            if elsewhere.len() < ELSEWHERE && !elsewhere.contains(&other.place) {
                elsewhere.push(other.place);
                text.extend(
                    self.lone(library, other)
                        .filter(|passage| !text.contains(passage))
                        .into_iter()
                        .collect::<Vec<_>>(),
                );
            }
        }
        let excerpts = self.excerpts(library, candidates, &sources);
        Answer { text, excerpts, sources }
    }

    /// What the best section says to the question.
    fn passages(
        &self,
        library: &Library,
        question: &Question,
        best: &Candidate,
        all: &[Candidate],
    ) -> Vec<Passage> {
        let (Some(section), Some(read)) = (section(library, best.place), self.reading.section(best.place))
        else {
            return Vec::new();
        };
        let Some(unit) = read.units.get(best.unit) else { return Vec::new() };
        let mut blocks = BTreeSet::from([unit.block]);
        let same = all.iter().filter(|other| other.place == best.place && other.score >= best.score * NEAR);
        for other in same.filter_map(|other| read.units.get(other.unit)) {
            if blocks.len() <= MORE {
                blocks.insert(other.block);
            }
        }
        let length: usize = section.blocks.iter().map(|block| block.text.split_whitespace().count()).sum();
        if length <= SMALL && question.kind != Kind::ShowMe {
            blocks.extend(0..section.blocks.len());
        }
        match question.kind {
            Kind::HowTo => {
                blocks.extend(steps(section));
                blocks.extend(first_code(section, unit.block));
            }
            Kind::ShowMe => blocks.extend(first_code(section, unit.block).or_else(|| first_code(section, 0))),
            _ => {}
        }
        for block in blocks.clone() {
            blocks.extend(announced(section, block));
        }
        let mut passages = Vec::new();
        for block in blocks {
            let near: Vec<usize> = all
                .iter()
                .filter(|other| other.place == best.place && other.score >= best.score * NEAR)
                .map(|other| other.unit)
                .collect();
            add(&mut passages, section, read, block, &near);
        }
        passages
    }

    /// One sentence of another section.
    fn lone(&self, library: &Library, candidate: &Candidate) -> Option<Passage> {
        let section = section(library, candidate.place)?;
        let unit = self.reading.section(candidate.place)?.units.get(candidate.unit)?;
        match &section.blocks.get(unit.block)?.kind {
            BlockKind::Code { language } => {
                Some(Passage::Code { language: language.clone(), text: unit.text.clone() })
            }
            _ => Some(Passage::Sentences(unit.text.clone())),
        }
    }

    /// The blocks that the best sentence of each source stands in.
    fn excerpts(&self, library: &Library, candidates: &[Candidate], sources: &[Source]) -> Vec<Excerpt> {
        let best_of = |place: Place| candidates.iter().find(|candidate| candidate.place == place);
        let excerpt = |(source, number): (&Source, usize)| {
            let candidate = best_of(source.place)?;
            let unit = self.reading.section(source.place)?.units.get(candidate.unit)?;
            let block = section(library, source.place)?.blocks.get(unit.block)?;
            let whole = if matches!(block.kind, BlockKind::Row { .. }) { &unit.text } else { &block.text };
            let text = if whole.chars().count() > EXCERPT {
                unit.text.chars().take(EXCERPT).collect()
            } else {
                whole.clone()
            };
            Some(Excerpt { text, source: number })
        };
        sources.iter().zip(0..).filter_map(excerpt).collect()
    }
}

fn section(library: &Library, place: Place) -> Option<&Section> {
    library.pages().get(place.page)?.sections().get(place.section)
}

/// The sections of the best candidates, each once.
fn sources(candidates: &[Candidate]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for candidate in candidates {
        if sources.len() == SOURCES {
            break;
        }
        if sources.iter().all(|source| source.place != candidate.place) {
            sources.push(Source { place: candidate.place, score: candidate.score.clamp(0.0, 1.0) });
        }
    }
    sources
}

/// The blocks of a section's first numbered list.
fn steps(section: &Section) -> Vec<usize> {
    let numbered = |block: &Block| matches!(block.kind, BlockKind::Item { number: Some(_), .. });
    let start = section.blocks.iter().position(numbered);
    let rest = start.map(|start| section.blocks.iter().enumerate().skip(start));
    rest.into_iter().flatten().take_while(|(_, block)| numbered(block)).map(|(at, _)| at).collect()
}

/// The first code of a section at or behind a block.
fn first_code(section: &Section, from: usize) -> Option<usize> {
    let mut rest = section.blocks.iter().enumerate().skip(from);
    rest.find(|(_, block)| matches!(block.kind, BlockKind::Code { .. })).map(|(at, _)| at)
}

/// What a paragraph announces that ends with a colon: the code or the list behind it.
fn announced(section: &Section, at: usize) -> Vec<usize> {
    let announces = section.blocks.get(at).is_some_and(|block| block.text.trim_end().ends_with(':'));
    if !announces {
        return Vec::new();
    }
    let rest = section.blocks.iter().enumerate().skip(at + 1);
    match section.blocks.get(at + 1).map(|next| &next.kind) {
        Some(BlockKind::Code { .. }) => vec![at + 1],
        Some(BlockKind::Item { .. }) => rest
            .take_while(|(_, block)| matches!(block.kind, BlockKind::Item { .. }))
            .map(|(at, _)| at)
            .collect(),
        _ => Vec::new(),
    }
}

/// Adds a block: a short one whole, of a long one the sentences that come near.
fn add(passages: &mut Vec<Passage>, section: &Section, read: &Read, at: usize, near: &[usize]) {
    let Some(block) = section.blocks.get(at) else { return };
    let units = read.units.iter().zip(0..).filter(|(unit, _)| unit.block == at);
    match &block.kind {
        BlockKind::Code { language } => {
            passages
                .push(Passage::Code { language: language.clone(), text: block.text.trim_end().to_owned() });
        }
        BlockKind::Item { number, .. } => match passages.last_mut() {
            Some(Passage::List(items, numbered)) if *numbered == number.is_some() => {
                items.push(block.text.clone())
            }
            _ => passages.push(Passage::List(vec![block.text.clone()], number.is_some())),
        },
        BlockKind::Row { .. } => {
            passages.extend(units.map(|(unit, _)| Passage::Sentences(unit.text.clone())));
        }
        BlockKind::Paragraph if block.text.split_whitespace().count() <= WHOLE => {
            passages.push(Passage::Sentences(block.text.clone()));
        }
        BlockKind::Paragraph => {
            let told: Vec<&str> = units
                .filter(|(_, number)| near.contains(number))
                .map(|(unit, _)| unit.text.as_str())
                .collect();
            let told = if told.is_empty() { block.text.clone() } else { told.join(" ") };
            passages.push(Passage::Sentences(told));
        }
    }
}
