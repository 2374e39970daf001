//! What a person sees in a terminal: commands behind `$ `, and what they print.

use super::{super::text::escape, languages::Language, write};

const PROMPT: &str = "$ ";

pub(super) fn write_lines(language: &Language, code: &str, into: &mut String) {
    let mut lines = code.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix(PROMPT) else {
            printed(line, into);
            continue;
        };
        let mut command = first.to_owned();
        while is_open(&command) {
            let Some(more) = lines.next() else { break };
            command.push_str(more);
        }
        into.push_str("<span class=\"tok-p\">$ </span><span class=\"cmd\">");
        let bare = command.trim_end_matches('\n');
        write(language, bare, into);
        into.push_str("</span>");
        into.extend(command.chars().skip(bare.chars().count()));
    }
}

fn printed(line: &str, into: &mut String) {
    let bare = line.trim_end_matches('\n');
    if !bare.is_empty() {
        into.push_str("<span class=\"tok-o\">");
        escape(bare, into);
        into.push_str("</span>");
    }
    if bare.len() < line.len() {
        into.push('\n');
    }
}

/// Whether a command goes on in the next line: a backslash, a quote that is open, or a document up to its last line.
fn is_open(command: &str) -> bool {
    if command.trim_end_matches('\n').ends_with('\\') {
        return true;
    }
    if let Some((_, document)) = command.split_once("<<") {
        let (first, rest) = document.split_once('\n').unwrap_or((document, ""));
        let word = first.trim_start_matches(['-', '\'', '"', ' ']);
        let word = word.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        return !word.is_empty() && !rest.lines().any(|line| line.trim() == word);
    }
    let mut quote: Option<char> = None;
    let (mut escaped, mut before) = (false, ' ');
    for character in command.chars() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            // A comment may hold apostrophes.
            (None, '#') if before.is_whitespace() => return false,
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), other) if open == other => quote = None,
            _ => {}
        }
        before = character;
    }
    quote.is_some()
}
