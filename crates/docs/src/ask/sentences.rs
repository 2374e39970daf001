//! From a block of a page to the sentences, rows and pieces of code that can be answers.

use crate::{Block, BlockKind};

/// What a sentence or a row speaks about: the words before its verb, or its first cell.
pub(super) fn subject<'a>(text: &'a str, kind: &BlockKind) -> &'a str {
    match kind {
        BlockKind::Row { .. } => text.split_once(" (").map_or(text, |(subject, _)| subject),
        BlockKind::Code { .. } => "",
        BlockKind::Paragraph | BlockKind::Item { .. } => {
            let mut end = 0;
            for word in text.split_inclusive(' ').take(12) {
                if VERBS.contains(&word.trim_end()) {
                    return text.get(..end).unwrap_or_default();
                }
                end += word.len();
            }
            ""
        }
    }
}

/// Verbs that end what a sentence speaks about.
const VERBS: &[&str] = &[
    "is", "are", "was", "can", "cannot", "may", "must", "has", "have", "holds", "means", "takes", "lives",
    "lasts", "answers", "gets", "needs", "ends", "keeps", "stays", "works", "goes", "go", "makes", "gives",
    "says", "shows", "lists", "counts", "expires", "belongs", "opens", "sets", "names", "does", "do", "will",
    "runs", "signs", "get", "send", "read", "work", "serves", "refuses", "deletes", "asks", "reads", "sends",
    "stands", "begins", "starts", "uses", "becomes",
];

/// The sentences of a paragraph, and everything else whole.
pub(super) fn parts(block: &Block) -> Vec<String> {
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
    for (at, c) in text.char_indices() {
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
