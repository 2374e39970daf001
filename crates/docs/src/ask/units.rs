//! The smallest parts of a page that can answer: sentences, entries of lists, rows of tables, pieces of code.

use crate::{Block, BlockKind};

/// The parts of a block, in order.
pub(super) fn units(block: &Block) -> Vec<String> {
    match &block.kind {
        BlockKind::Paragraph => sentences(&block.text),
        BlockKind::Row { columns, cells } => vec![row(columns, cells)],
        BlockKind::Item { .. } | BlockKind::Code { .. } => vec![block.text.clone()],
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
    if rest.is_empty() { subject.clone() } else { format!("{subject}: {}", rest.join("; ")) }
}

/// Cuts a text behind full stops that end a sentence.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?')) {
        let (before, after) = text.split_at(at + c.len_utf8());
        let next = after.trim_start().chars().next();
        let ends = after.starts_with(char::is_whitespace) && next.is_some_and(|next| !next.is_lowercase());
        if ends && !is_short(before) {
            sentences.extend(before.get(start..).map(|sentence| sentence.trim().to_owned()));
            start = before.len();
        }
    }
    sentences.extend(text.get(start..).map(|sentence| sentence.trim().to_owned()));
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Whether a text ends with a word that a full stop shortens.
fn is_short(text: &str) -> bool {
    let last = text.rsplit([' ', '\n', '(']).next().unwrap_or_default();
    matches!(last, "e.g." | "i.e." | "etc." | "vs." | "No.") || last.ends_with("..")
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
        assert_eq!(row(&columns, &cells), "invalid_client: cure: exchange again");
    }
}
