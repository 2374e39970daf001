//! From the sentences that fit to an answer.

use super::{
    Answer, Candidate, Excerpt, Guide, Passage, SOURCES, Source,
    kind::Kind,
    question::Question,
    reading::{Read, Unit},
};
use crate::{
    Block, BlockKind,
    library::{Library, Place, Section},
};
use std::collections::BTreeSet;

/// How many words of its section an answer tells, and how many of other sections besides.
const WORDS: usize = 90;
const WORDS_BESIDE: usize = 60;
/// How near, as a part of the best, sentences of the same section and of others must come.
const NEAR: f64 = 0.6;
const NEAR_BESIDE: f64 = 0.8;
/// How many other sections may add a sentence.
const BESIDE: usize = 2;
/// The longest excerpt, in characters.
const EXCERPT: usize = 600;

impl Guide {
    /// The answer of some candidates, the best first.
    pub(super) fn composed(
        &self,
        library: &Library,
        question: &Question,
        candidates: &[Candidate],
    ) -> Answer {
        let sources = sources(candidates, SOURCES);
        let Some(best) = candidates.first() else { return Answer::default() };
        let mut text = self.passages(library, question, best, candidates);
        text.extend(self.beside(library, best, candidates));
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
        let mut blocks = BTreeSet::new();
        match question.kind {
            Kind::HowTo => {
                blocks.extend(steps(section));
                blocks.extend(first_code(section, unit.block));
            }
            Kind::ShowMe => blocks.extend(first_code(section, unit.block).or_else(|| first_code(section, 0))),
            _ => {}
        }
        let mut told = sentences(read, best, all);
        told.extend(form(read, question.kind, &told, best, all));
        let announced: Vec<usize> = told
            .iter()
            .filter_map(|unit| read.units.get(*unit))
            .flat_map(|unit| announced(section, unit.block))
            .collect();
        blocks.extend(announced);
        told.extend(
            read.units.iter().zip(0..).filter(|(unit, _)| blocks.contains(&unit.block)).map(|(_, at)| at),
        );
        passages(section, read, &told)
    }

    /// Sentences of other sections that come nearly as near.
    fn beside(&self, library: &Library, best: &Candidate, all: &[Candidate]) -> Vec<Passage> {
        let mut passages = Vec::new();
        let mut places: Vec<Place> = vec![best.place];
        let mut words = 0;
        for other in all.iter().take_while(|other| other.score >= best.score * NEAR_BESIDE) {
            if places.len() > BESIDE {
                break;
            }
            let length = self
                .reading
                .section(other.place)
                .and_then(|read| read.units.get(other.unit))
                .map_or(0, length);
            if !places.contains(&other.place) && words + length <= WORDS_BESIDE {
                words += length;
                places.push(other.place);
                passages.extend(self.lone(library, other));
            }
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
pub(super) fn sources(candidates: &[Candidate], most: usize) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for candidate in candidates {
        if sources.len() == most {
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

fn length(unit: &Unit) -> usize {
    unit.text.split_whitespace().count()
}

/// The best sentence of a section and those that come near, as many as an answer has room for.
fn sentences(read: &Read, best: &Candidate, all: &[Candidate]) -> BTreeSet<usize> {
    let mut told = BTreeSet::new();
    let mut words = 0;
    let near = |other: &&Candidate| other.place == best.place && other.score >= best.score * NEAR;
    for other in std::iter::once(best).chain(all.iter().filter(near)) {
        let Some(unit) = read.units.get(other.unit) else { continue };
        if told.is_empty()
            || (words + length(unit) <= WORDS && !unit.evidence.is_code()) && !told.contains(&other.unit)
        {
            words += length(unit);
            told.insert(other.unit);
        }
    }
    told
}

/// The best sentence of the section that has what the question cannot do without, if none of those told has it: the number
/// that goes with a setting's meaning.
fn form(
    read: &Read,
    kind: Kind,
    told: &BTreeSet<usize>,
    best: &Candidate,
    all: &[Candidate],
) -> Option<usize> {
    let has = |unit: usize| read.units.get(unit).is_some_and(|unit| unit.evidence.fits(kind) > 0.0);
    if !kind.is_strict() || told.iter().any(|unit| has(*unit)) {
        return None;
    }
    let mut others = all.iter().filter(|other| other.place == best.place);
    others.find(|other| has(other.unit)).map(|other| other.unit)
}

/// Sentences of a section as they are told: in their order, those of a paragraph together.
fn passages(section: &Section, read: &Read, told: &BTreeSet<usize>) -> Vec<Passage> {
    let mut passages: Vec<Passage> = Vec::new();
    let mut before = None;
    for unit in told.iter().filter_map(|unit| read.units.get(*unit)) {
        let Some(block) = section.blocks.get(unit.block) else { continue };
        let is_same = before.replace(unit.block) == Some(unit.block);
        match (&block.kind, passages.last_mut()) {
            (BlockKind::Code { language }, _) => {
                passages.push(Passage::Code {
                    language: language.clone(),
                    text: block.text.trim_end().to_owned(),
                });
            }
            (BlockKind::Item { .. }, Some(Passage::List(items, _))) if is_same => {
                if let Some(item) = items.last_mut() {
                    item.push(' ');
                    item.push_str(&unit.text);
                }
            }
            (BlockKind::Item { number, .. }, Some(Passage::List(items, numbered)))
                if *numbered == number.is_some() =>
            {
                items.push(unit.text.clone());
            }
            (BlockKind::Item { number, .. }, _) => {
                passages.push(Passage::List(vec![unit.text.clone()], number.is_some()));
            }
            (BlockKind::Paragraph, Some(Passage::Sentences(text))) if is_same => {
                text.push(' ');
                text.push_str(&unit.text);
            }
            (BlockKind::Paragraph | BlockKind::Row { .. }, _) => {
                passages.push(Passage::Sentences(unit.text.clone()));
            }
        }
    }
    passages
}
