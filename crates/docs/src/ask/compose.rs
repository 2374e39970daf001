//! From the units that fit best to an answer, its excerpts and its sources.

use super::{
    Answer, Confidence, Excerpt, Passage, Source,
    search::{Candidate, Search, Unit},
    units::units,
};
use crate::{
    Block, BlockKind, Section,
    library::{Library, Place},
};

/// The longest answer of one place, in characters, but for code and a list of steps, and how many units follow the best one.
const LONGEST: usize = 420;
const FOLLOWING: usize = 2;
/// A sentence that is shorter and ends its paragraph is told with the code or the list behind it.
const SHORT: usize = 120;
/// A second place is told only if it fits this well, in parts of the best.
const SECOND: f64 = 0.85;
/// The longest excerpt, in characters, and how many there are.
const LONGEST_EXCERPT: usize = 1200;
const EXCERPTS: usize = 5;
/// How many pages a rejection names.
const NEAREST: usize = 3;
/// The most that a score can be, without the asked page's part.
const BEST: f64 = 3.5;

pub(super) fn answer(
    library: &Library,
    search: &Search,
    candidates: &[Candidate],
    confidence: Confidence,
) -> Answer {
    let is_answered = confidence != Confidence::None;
    let mut best: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if best.iter().all(|one| one.place != candidate.place) {
            best.push(*candidate);
        }
        if best.len() == if is_answered { EXCERPTS } else { NEAREST } {
            break;
        }
    }
    let sources = best
        .iter()
        .map(|one| Source { place: one.place, score: (one.score / BEST).clamp(0.0, 1.0) })
        .collect();
    if !is_answered {
        return Answer { sources, ..Answer::default() };
    }
    let unit = |candidate: &Candidate| search.unit(candidate.unit);
    let mut text = Vec::new();
    let second = best.get(1).zip(best.first()).filter(|(second, best)| second.score >= SECOND * best.score);
    for unit in best.first().into_iter().chain(second.map(|(second, _)| second)).filter_map(unit) {
        text.extend(section(library, unit.place).map(|section| passages(section, unit)).unwrap_or_default());
    }
    let excerpt = |(one, source): (&Candidate, usize)| {
        let (unit, section) = (unit(one)?, section(library, one.place)?);
        Some(Excerpt { text: excerpt(&section.blocks, unit.block), source })
    };
    Answer { confidence, text, excerpts: best.iter().zip(0..).filter_map(excerpt).collect(), sources }
}

fn section(library: &Library, place: Place) -> Option<&Section> {
    library.pages().get(place.page)?.sections().get(place.section)
}

/// A unit as an answer, with what belongs to it.
fn passages(section: &Section, unit: &Unit) -> Vec<Passage> {
    let Some(block) = section.blocks.get(unit.block) else { return Vec::new() };
    match &block.kind {
        BlockKind::Item { number: Some(_), .. } => steps(&section.blocks, unit.block),
        BlockKind::Item { .. } | BlockKind::Row { .. } => vec![Passage::Sentences(unit.text.clone())],
        BlockKind::Code { .. } => said(block).into_iter().collect(),
        BlockKind::Paragraph => {
            let sentences = units(block);
            let from = sentences.iter().position(|sentence| *sentence == unit.text).unwrap_or_default();
            let mut text = unit.text.clone();
            for sentence in sentences.iter().skip(from + 1).take(FOLLOWING) {
                if text.chars().count() + sentence.chars().count() >= LONGEST {
                    break;
                }
                text.push(' ');
                text.push_str(sentence);
            }
            let is_last = sentences.last().is_some_and(|last| text.ends_with(last.as_str()));
            let announces = text.ends_with(':') || is_last && text.chars().count() < SHORT;
            let mut all = vec![Passage::Sentences(text)];
            if announces {
                all.extend(following(&section.blocks, unit.block + 1));
            }
            all
        }
    }
}

/// The code or the list that a sentence announces.
fn following(blocks: &[Block], at: usize) -> Vec<Passage> {
    match blocks.get(at).map(|block| &block.kind) {
        Some(BlockKind::Code { .. }) => blocks.get(at).and_then(said).into_iter().collect(),
        Some(BlockKind::Item { .. }) => steps(blocks, at),
        _ => Vec::new(),
    }
}

/// The list that an entry is of, as far as there is room.
fn steps(blocks: &[Block], at: usize) -> Vec<Passage> {
    let is_entry = |block: &&Block| matches!(block.kind, BlockKind::Item { .. });
    let (before, after) = blocks.split_at(at);
    let start = at - before.iter().rev().take_while(is_entry).count();
    let end = at + after.iter().take_while(is_entry).count();
    excerpt(blocks.get(start..end).unwrap_or_default(), at - start)
}

/// A block alone.
fn said(block: &Block) -> Option<Passage> {
    match &block.kind {
        BlockKind::Code { language } => {
            Some(Passage::Code { language: language.clone(), text: block.text.clone() })
        }
        _ => units(block).into_iter().reduce(|text, unit| text + " " + &unit).map(Passage::Sentences),
    }
}

/// Blocks as far as there is room, and if there are more, from where the answer is.
fn excerpt(blocks: &[Block], answer: usize) -> Vec<Passage> {
    let length = |block: &Block| block.text.chars().count();
    let before: usize = blocks.iter().take(answer + 1).map(length).sum();
    let start = if before <= LONGEST_EXCERPT { 0 } else { answer.saturating_sub(1) };
    let mut room = LONGEST_EXCERPT;
    let mut passages = Vec::new();
    for (block, at) in blocks.iter().zip(0..).skip(start) {
        if length(block) > room && at > answer {
            break;
        }
        room = room.saturating_sub(length(block));
        let is_entry = matches!(block.kind, BlockKind::Item { .. });
        let numbered = matches!(block.kind, BlockKind::Item { number: Some(1), .. });
        match passages.last_mut() {
            Some(Passage::List(entries, _)) if is_entry => entries.push(block.text.clone()),
            _ if is_entry => passages.push(Passage::List(vec![block.text.clone()], numbered)),
            _ => passages.extend(said(block)),
        }
    }
    passages
}
