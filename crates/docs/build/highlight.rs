//! Colours of the code in `docs/`, found once while this is built (`syntect`, with the grammars of `two-face`).

use std::hash::{DefaultHasher, Hash, Hasher};
use syntect::{
    easy::ScopeRegionIterator,
    parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet},
};

/// Lengths in bytes, each with the letter of its class; a space for what stays plain.
pub(crate) type Spans = Vec<(usize, char)>;

/// What a scope of a grammar is shown as; the first that fits, from the innermost scope outwards.
const CLASSES: [(&str, char); 17] = [
    ("comment", 'c'),
    ("meta.mapping.key", 'f'),
    ("entity.name.tag", 'f'),
    ("entity.other.attribute-name", 'f'),
    ("variable.parameter", 'f'),
    ("variable.other.definition", 'f'),
    ("variable.function", ' '),
    ("variable.other.readwrite", 'v'),
    ("variable.language", 'v'),
    ("punctuation.definition.variable", 'v'),
    ("string", 's'),
    ("constant.numeric", 'n'),
    ("constant.language", 'k'),
    ("constant", 'n'),
    ("keyword.operator", ' '),
    ("keyword", 'k'),
    ("storage", 'k'),
];
/// Behind what is typed at a prompt.
const END: char = 'e';
/// What a person types stands behind this in the language `console`.
const PROMPT: &str = "$ ";

pub(crate) struct Highlighter {
    grammars: SyntaxSet,
    classes: Vec<(Scope, char)>,
}

impl Highlighter {
    pub(crate) fn new() -> Self {
        let classes = CLASSES.iter().filter_map(|(scope, class)| Some((Scope::new(scope).ok()?, *class)));
        Self { grammars: two_face::syntax::extra_newlines(), classes: classes.collect() }
    }

    /// The colours of a block; nothing for a language without a grammar.
    pub(crate) fn spans(&self, language: &str, code: &str) -> Option<Spans> {
        let spans = if language == "console" {
            self.console(code)
        } else {
            self.coloured(self.grammars.find_syntax_by_token(language)?, code)
        };
        Some(merged(spans))
    }

    /// Commands, and what they print.
    fn console(&self, code: &str) -> Spans {
        let Some(shell) = self.grammars.find_syntax_by_token("sh") else { return Spans::new() };
        let mut spans = Spans::new();
        let mut lines = code.split_inclusive('\n');
        while let Some(line) = lines.next() {
            let Some(first) = line.strip_prefix(PROMPT) else {
                spans.push((line.trim_end_matches('\n').len(), 'o'));
                spans.push((line.len() - line.trim_end_matches('\n').len(), ' '));
                continue;
            };
            let mut command = first.to_owned();
            while is_open(&command) {
                let Some(more) = lines.next() else { break };
                command.push_str(more);
            }
            let typed = command.trim_end_matches('\n');
            spans.push((PROMPT.len(), 'p'));
            spans.extend(self.coloured(shell, typed));
            spans.push((command.len() - typed.len(), END));
        }
        spans
    }

    fn coloured(&self, grammar: &SyntaxReference, code: &str) -> Spans {
        let (mut state, mut stack) = (ParseState::new(grammar), ScopeStack::new());
        let mut spans = Spans::new();
        for line in code.split_inclusive('\n') {
            // Grammars expect the end of a line.
            let whole = if line.ends_with('\n') { line.to_owned() } else { format!("{line}\n") };
            let Ok(changes) = state.parse_line(&whole, &self.grammars) else {
                spans.push((line.len(), ' '));
                continue;
            };
            let mut left = line.len();
            for (text, change) in ScopeRegionIterator::new(&changes, &whole) {
                if stack.apply(change).is_err() {
                    stack = ScopeStack::new();
                }
                let length = text.len().min(left);
                left -= length;
                spans.push((length, if text.trim().is_empty() { ' ' } else { self.class(&stack) }));
            }
        }
        spans
    }

    fn class(&self, stack: &ScopeStack) -> char {
        let of = |scope: &Scope| self.classes.iter().find(|(class, _)| class.is_prefix_of(*scope));
        stack.scopes.iter().rev().find_map(of).map_or(' ', |(_, class)| *class)
    }
}

/// Neighbours of one class as one.
fn merged(spans: Spans) -> Spans {
    let mut merged = Spans::new();
    for (length, class) in spans.into_iter().filter(|(length, _)| *length > 0) {
        match merged.last_mut() {
            Some((before, same)) if *same == class && class != 'p' => *before += length,
            _ => merged.push((length, class)),
        }
    }
    merged
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

/// By which a block is found again.
pub(crate) fn name(language: &str, code: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (language, code.trim_end_matches('\n')).hash(&mut hasher);
    hasher.finish()
}
