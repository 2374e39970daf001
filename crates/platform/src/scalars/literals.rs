//! JSON that stands in the document itself, like `metadata: {commit: "abc", jobs: [1, 2]}`.
//!
//! The library has no scalars that are objects or lists. So before it reads a document, each such literal is taken out
//! and a name of our own put in its place; the field that wants the value finds it again by that name. Line and
//! column of everything else stay what they were, so that errors point where they should.

use super::json;
use crate::operation::request_errors::RequestError;
use juniper::{
    ParseError, ScalarToken, Spanning,
    parser::{Lexer, SourcePosition, Token},
};
use serde_json::{Map, Value as JsonValue};
use std::{borrow::Cow, iter::Peekable, ops::Range, slice::Iter};

/// The deepest nesting of a literal.
const DEPTH: usize = 64;
const PLACEHOLDER: char = 'J';

/// The literals that were lifted out of a document.
#[derive(Debug, Default)]
pub(crate) struct Literals(Vec<JsonValue>);

impl Literals {
    pub(crate) fn get(&self, index: usize) -> JsonValue {
        self.0.get(index).cloned().unwrap_or_default()
    }

    /// The number of the literal that a placeholder stands for.
    pub(crate) fn index_of(placeholder: &str) -> Option<usize> {
        placeholder.strip_prefix(PLACEHOLDER)?.parse().ok()
    }
}

/// Takes the JSON literals out of a document. `fields` are the input fields and arguments whose type is `JSON`.
///
/// A document that cannot be read comes back as it is: the parser says better what is wrong with it.
pub(crate) fn lift<'a>(
    source: &'a str,
    fields: &[String],
    maximum_tokens: usize,
) -> Result<(Cow<'a, str>, Literals), RequestError> {
    if !source.contains(json::NAME) && !fields.iter().any(|field| source.contains(field.as_str())) {
        return Ok((Cow::Borrowed(source), Literals::default()));
    }
    let tokens = Lexer::new(source).take(maximum_tokens.saturating_add(2)).collect::<Result<Vec<_>, _>>();
    let tokens = match tokens {
        // One more than allowed is the document's end.
        Ok(tokens) if tokens.len() <= maximum_tokens.saturating_add(1) => tokens,
        _ => return Ok((Cow::Borrowed(source), Literals::default())),
    };
    let mut lifted: Vec<(Range<usize>, JsonValue)> = Vec::new();
    let mut rest = tokens.iter().peekable();
    let mut seen = Seen::default();
    while let Some(token) = rest.next() {
        if !seen.at_json(token.item, fields) {
            continue;
        }
        match rest.peek().map(|next| (next.item, next.start())) {
            Some((Token::CurlyOpen | Token::BracketOpen, start)) => {
                let (value, end) = value(&mut rest, 0)?;
                lifted.push((start.index()..end.index(), value));
            }
            Some((Token::Name(name), at)) if !matches!(name, "true" | "false" | "null") => {
                return Err(unquoted(name, at));
            }
            _ => {}
        }
    }
    if lifted.is_empty() {
        return Ok((Cow::Borrowed(source), Literals::default()));
    }
    let (places, values): (Vec<_>, Vec<_>) = lifted.into_iter().unzip();
    Ok((Cow::Owned(replace(source, &places)), Literals(values)))
}

/// What stood before the present token, as far as it tells where a JSON value comes.
#[derive(Default)]
struct Seen<'a> {
    parentheses: usize,
    name: Option<&'a str>,
}

impl<'a> Seen<'a> {
    /// Whether a JSON value follows `token`: behind `metadata:`, and behind `=` in `$any: JSON = …`.
    fn at_json(&mut self, token: Token<'a>, fields: &[String]) -> bool {
        let inside = self.parentheses > 0;
        match token {
            Token::ParenOpen => self.parentheses += 1,
            Token::ParenClose => self.parentheses = self.parentheses.saturating_sub(1),
            Token::Colon => return inside && self.name.is_some_and(|name| fields.iter().any(|f| f == name)),
            Token::Equals => return inside && self.name == Some(json::NAME),
            // `JSON! = …`
            Token::ExclamationMark => return false,
            _ => {}
        }
        self.name = match token {
            Token::Name(name) => Some(name),
            _ => None,
        };
        false
    }
}

type Tokens<'t, 'a> = Peekable<Iter<'t, Spanning<Token<'a>>>>;

/// Reads one value; answers with it and the place where it ends.
fn value(tokens: &mut Tokens<'_, '_>, depth: usize) -> Result<(JsonValue, SourcePosition), RequestError> {
    let Some(token) = tokens.next() else { return Err(RequestError::invalid("a JSON value is not closed")) };
    if depth > DEPTH {
        return Err(
            RequestError::invalid(format!("a JSON value nests at most {DEPTH} deep")).at(token.start())
        );
    }
    let plain = match token.item {
        Token::CurlyOpen => return object(tokens, depth),
        Token::BracketOpen => return list(tokens, depth),
        Token::Scalar(scalar) => self::scalar(scalar)
            .map_err(|error| RequestError::invalid(format!("in a JSON value: {error}")).at(token.start()))?,
        Token::Name("true") => true.into(),
        Token::Name("false") => false.into(),
        Token::Name("null") => JsonValue::Null,
        Token::Name(name) => return Err(unquoted(name, token.start())),
        Token::Dollar => {
            return Err(RequestError::invalid(
                "a variable cannot stand inside a JSON value: pass the whole value as one variable",
            )
            .at(token.start()));
        }
        other => {
            return Err(
                RequestError::invalid(format!("in a JSON value: unexpected {other}")).at(token.start())
            );
        }
    };
    Ok((plain, token.end()))
}

fn list(tokens: &mut Tokens<'_, '_>, depth: usize) -> Result<(JsonValue, SourcePosition), RequestError> {
    let mut items = Vec::new();
    loop {
        if let Some(close) = tokens.next_if(|token| token.item == Token::BracketClose) {
            return Ok((items.into(), close.end()));
        }
        items.push(value(tokens, depth + 1)?.0);
    }
}

fn object(tokens: &mut Tokens<'_, '_>, depth: usize) -> Result<(JsonValue, SourcePosition), RequestError> {
    let mut members = Map::new();
    while let Some(token) = tokens.next() {
        let name = match token.item {
            Token::CurlyClose => return Ok((members.into(), token.end())),
            Token::Name(name) => name,
            Token::EndOfFile => break,
            other => {
                return Err(RequestError::invalid(format!(
                    "in a JSON object: expected a name without quotes, found {other}; names of other characters \
                     are possible if the value is passed as a variable"
                ))
                .at(token.start()));
            }
        };
        if tokens.next_if(|token| token.item == Token::Colon).is_none() {
            return Err(
                RequestError::invalid(format!("in a JSON object: {name} has no value")).at(token.start())
            );
        }
        let member = value(tokens, depth + 1)?.0;
        if members.insert(name.to_owned(), member).is_some() {
            return Err(
                RequestError::invalid(format!("in a JSON object: {name} stands twice")).at(token.start())
            );
        }
    }
    Err(RequestError::invalid("a JSON object is not closed"))
}

/// A string or a number as JSON.
pub(crate) fn scalar(token: ScalarToken<'_>) -> Result<JsonValue, ParseError> {
    match token {
        ScalarToken::String(literal) => Ok(literal.parse()?.into_owned().into()),
        ScalarToken::Int(number) | ScalarToken::Float(number) => {
            serde_json::from_str(number).map_err(|_| ParseError::unexpected_token(Token::Scalar(token)))
        }
    }
}

fn unquoted(name: &str, at: SourcePosition) -> RequestError {
    RequestError::invalid(format!("{name} is not JSON: a string needs quotes")).at(at)
}

/// The document with a placeholder at each of `places` (counted in characters), as long as what it replaces.
fn replace(source: &str, places: &[Range<usize>]) -> String {
    let mut replaced = String::with_capacity(source.len());
    let mut places = places.iter().enumerate().peekable();
    let mut covered = 0;
    for (position, character) in source.chars().enumerate() {
        let Some((index, place)) = places.peek().filter(|(_, place)| place.start <= position) else {
            replaced.push(character);
            continue;
        };
        if place.start == position {
            let placeholder = format!("{PLACEHOLDER}{index}");
            replaced.push_str(&placeholder);
            covered = placeholder.len();
        }
        if character == '\n' {
            replaced.push('\n');
        } else if covered > 0 {
            covered -= 1;
        } else {
            replaced.push(' ');
        }
        if place.end == position + 1 {
            places.next();
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lifted(source: &str) -> (String, Vec<JsonValue>) {
        let (text, literals) = lift(source, &["metadata".to_owned()], 15_000).expect("it is JSON");
        (text.into_owned(), literals.0)
    }

    /// `source` with its literals replaced by placeholders of the same width.
    fn placeholders(source: &str, literals: &[&str]) -> String {
        literals.iter().enumerate().fold(source.to_owned(), |text, (index, literal)| {
            let width = literal.chars().count();
            text.replacen(literal, &format!("{:<width$}", format!("J{index}")), 1)
        })
    }

    #[test]
    fn literals_are_lifted_and_everything_else_keeps_its_place() {
        let literal = "{a: [1, 2.5, \"x\"], b: {}, units: null}";
        let source = format!("m(input: {{metadata: {literal},\n name: \"ü\"}}) {{ id }}");
        let (text, values) = lifted(&source);
        assert_eq!(values, [json!({ "a": [1, 2.5, "x"], "b": {}, "units": null })]);
        assert_eq!(text, placeholders(&source, &[literal]));

        let (text, values) = lifted("(metadata: [], metadata: {\n}) x");
        assert_eq!(values, [json!([]), json!({})]);
        assert_eq!(text, "(metadata: J0, metadata: J1\n) x");
    }

    #[test]
    fn defaults_of_variables_are_lifted() {
        let source = "query ($m: JSON! = {a: 12345678901}, $n: JSON = [null, true]) { x }";
        let (text, values) = lifted(source);
        assert_eq!(values, [json!({ "a": 12_345_678_901_i64 }), json!([null, true])]);
        assert_eq!(text, placeholders(source, &["{a: 12345678901}", "[null, true]"]));
    }

    #[test]
    fn scalars_and_output_fields_are_left_alone() {
        for source in [
            "(metadata: 1)",
            "(metadata: $m)",
            "(metadata: null)",
            "{ metadata }",
            "{ metadata: {",
            "(metadata: \"",
        ] {
            assert_eq!(lifted(source), (source.to_owned(), vec![]));
        }
    }

    #[test]
    fn what_is_not_json_is_rejected_with_a_reason() {
        let cases = [
            ("(metadata: FOO)", "FOO is not JSON"),
            ("(metadata: {a: FOO})", "FOO is not JSON"),
            ("(metadata: {a: $b})", "as one variable"),
            ("(metadata: {\"a\": 1})", "without quotes"),
            ("(metadata: {a 1})", "a has no value"),
            ("(metadata: {a: 1, a: 2})", "a stands twice"),
            ("(metadata: {a: 1", "is not closed"),
            ("(metadata: [", "unexpected End of file"),
            ("(metadata: {a: )", "unexpected )"),
        ];
        for (source, reason) in cases {
            let error = format!("{:?}", lift(source, &["metadata".to_owned()], 15_000).expect_err(source));
            assert!(error.contains(reason), "{source}: {error}");
        }
        let deep = format!("(metadata: {}", "[".repeat(5000));
        assert!(format!("{:?}", lift(&deep, &["metadata".to_owned()], 15_000)).contains("nests at most 64"));
    }
}
