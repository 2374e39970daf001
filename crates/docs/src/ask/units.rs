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

/// Whether a unit of a block only says where something is: it is no answer. It is an entry that begins with a link, a row
/// that is a name and a link, or a sentence like "See …", "For this, see …" or "… lists them".
pub(super) fn only_points(block: &Block, unit: &str) -> bool {
    block.links.iter().any(|link| match &block.kind {
        BlockKind::Code { .. } => false,
        BlockKind::Item { .. } => unit.starts_with(link.as_str()),
        BlockKind::Row { cells, .. } => matches!(&**cells, [_, cell] if cell == link),
        BlockKind::Paragraph => {
            let Some((before, after)) = unit.split_once(link.as_str()) else { return false };
            let last = before.trim_end().rsplit([' ', ',']).next().unwrap_or_default();
            let next = after.split_whitespace().next().unwrap_or_default();
            let sends = POINTING.contains(&&*last.to_lowercase()) && !before.contains([';', ':']);
            sends || before.is_empty() && TELLING.contains(&next)
        }
    })
}

/// What stands before a link that has to be followed, and behind one that is said to tell.
const POINTING: [&str; 3] = ["see", "guide", "read"];
const TELLING: [&str; 9] = ["says", "has", "have", "lists", "list", "explains", "explain", "shows", "tells"];

/// A table's row as a sentence: the first cell is what the others are about.
fn row(columns: &[String], cells: &[String]) -> String {
    if let [question, answer] = cells
        && question.ends_with('?')
    {
        return format!("{question} {answer}");
    }
    let mut cells = cells.iter().zip(columns.iter().map(String::as_str).chain(std::iter::repeat("")));
    let Some((subject, _)) = cells.next() else { return String::new() };
    let rest: Vec<String> = cells
        .filter(|(cell, _)| !cell.trim().is_empty())
        .map(
            |(cell, column)| {
                if SAYS_NOTHING.contains(&column) { cell.clone() } else { format!("{column}: {cell}") }
            },
        )
        .collect();
    if rest.is_empty() { subject.clone() } else { format!("{subject}: {}", rest.join("; ")) }
}

/// Names of columns that say no more than that something stands there.
const SAYS_NOTHING: [&str; 3] = ["", "what", "meaning"];

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
    fn what_only_points_elsewhere_is_known() {
        let points = |kind: BlockKind, text: &str| {
            let links = vec!["Limits".to_owned()];
            let block = Block { kind, text: text.to_owned(), range: 0..0, hint: None, links };
            only_points(&block, text)
        };
        for text in ["See Limits.", "For the numbers, see Limits.", "Limits has every number."] {
            assert!(points(BlockKind::Paragraph, text), "{text}");
        }
        for text in ["It is 10; see Limits.", "Limits of a key are counted.", "Nothing of it."] {
            assert!(!points(BlockKind::Paragraph, text), "{text}");
        }
        let item = || BlockKind::Item { number: None, depth: 0 };
        assert!(points(item(), "Limits: every number") && !points(item(), "Read Limits first"));
        let row = |cells: [&str; 2]| BlockKind::Row {
            columns: Vec::new(),
            cells: cells.map(str::to_owned).to_vec(),
        };
        assert!(points(row(["how many", "Limits"]), "how many: Limits"));
        assert!(!points(row(["how many", "10"]), "how many: 10"));
    }

    #[test]
    fn a_row_tells_its_columns() {
        let [columns, cells] = [["code", "cause", "fix"], ["invalid_client", "", "exchange again"]]
            .map(|row| row.map(str::to_owned));
        assert_eq!(row(&columns, &cells), "invalid_client: fix: exchange again");
        let [columns, cells] =
            [["port", "what", "who"], ["8080", "plain HTTP", "the proxy"]].map(|row| row.map(str::to_owned));
        assert_eq!(row(&columns, &cells), "8080: plain HTTP; who: the proxy");
        let cells = ["Is it read-only?", "No."].map(str::to_owned);
        assert_eq!(row(&columns, &cells), "Is it read-only? No.");
    }
}
