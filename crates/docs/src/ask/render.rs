//! An answer as Markdown and as JSON.

use super::{Answer, Confidence, Passage, Source};
use crate::library::Library;
use serde::Serialize;
use std::fmt::Write;

/// What is said where the pages say nothing.
const NOT_HERE: &str = "This is not in the documentation.";
/// What is said first where the pages speak of only a part of the question.
pub(crate) const UNSURE: &str =
    "This may not answer the question: the documentation speaks of only a part of it.";

#[derive(Serialize)]
struct AnswerBody<'a> {
    question: &'a str,
    answer: String,
    confidence: Confidence,
    excerpts: Vec<Quoted>,
    sources: Vec<Named>,
}

#[derive(Serialize)]
struct Quoted {
    text: String,
    /// The address of its source.
    source: String,
}

/// A source as readers need it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Named {
    pub(crate) title: String,
    pub(crate) section: String,
    pub(crate) url: String,
    pub(crate) score: f64,
}

impl Named {
    /// A source, with addresses below `base`.
    pub(crate) fn of(library: &Library, source: &Source, base: &str) -> Option<Self> {
        let page = library.pages().get(source.place.page)?;
        let section = page.sections().get(source.place.section)?;
        Some(Self {
            title: page.title.clone(),
            section: section.name(),
            url: section.address(page, base),
            score: (source.score * 100.0).round() / 100.0,
        })
    }
}

fn named(library: &Library, answer: &Answer, base: &str) -> Vec<Named> {
    answer.sources.iter().filter_map(|source| Named::of(library, source, base)).collect()
}

/// The answer as JSON.
pub(crate) fn as_json(library: &Library, question: &str, answer: &Answer, base: &str) -> impl Serialize {
    let sources = named(library, answer, base);
    let quoted = answer.excerpts.iter().map(|excerpt| Quoted {
        text: prose(&excerpt.text),
        source: sources.get(excerpt.source).map(|source| source.url.clone()).unwrap_or_default(),
    });
    let excerpts = quoted.collect();
    let text = if answer.text.is_empty() { NOT_HERE.to_owned() } else { prose(&answer.text) };
    serde_json::json!(AnswerBody { question, answer: text, confidence: answer.confidence, excerpts, sources })
}

/// The answer as Markdown, in which neither the question nor a sentence of the pages is markup.
pub(crate) fn as_markdown(library: &Library, question: &str, answer: &Answer, base: &str) -> String {
    let sources = named(library, answer, base);
    let mut text = format!("> {}\n\n## Answer\n\n", escaped(question));
    if answer.text.is_empty() {
        let _ = write!(text, "{NOT_HERE} The pages below come nearest.\n\n");
    } else {
        if answer.confidence == Confidence::Unsure {
            let _ = write!(text, "{UNSURE}\n\n");
        }
        let _ = write!(text, "{}\n\n## Excerpts\n\n", prose(&answer.text));
        for excerpt in &answer.excerpts {
            let source = sources.get(excerpt.source).map(|source| source.url.as_str()).unwrap_or_default();
            let _ = write!(text, "> {}\n>\n> <{source}>\n\n", prose(&excerpt.text).replace('\n', "\n> "));
        }
    }
    text.push_str("## Sources\n\n");
    for source in &sources {
        let section = if source.section.is_empty() {
            String::new()
        } else {
            format!(" › {}", escaped(&source.section))
        };
        let _ =
            writeln!(text, "- [{}{section}]({}) ({:.2})", escaped(&source.title), source.url, source.score);
    }
    text
}

/// The passages as Markdown.
fn prose(passages: &[Passage]) -> String {
    let mut parts = Vec::new();
    for passage in passages {
        parts.push(match passage {
            Passage::Sentences(text) => escaped(text),
            Passage::List(items, numbered) => {
                let line = |(item, number): (&String, usize)| {
                    if *numbered {
                        format!("{number}. {}", escaped(item))
                    } else {
                        format!("- {}", escaped(item))
                    }
                };
                items.iter().zip(1..).map(line).collect::<Vec<_>>().join("\n")
            }
            Passage::Code { language, text } => {
                let fence = "`".repeat(longest_run(text).max(2) + 1);
                format!("{fence}{language}\n{text}\n{fence}")
            }
        });
    }
    parts.join("\n\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text on one line in which nothing is Markdown or HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            '&' => safe.push_str("&amp;"),
            c if c.is_whitespace() || c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_answer_is_markup() {
        assert_eq!(escaped("<b>\n# [x](y) `z` & *w*"), "\\<b\\> \\# \\[x\\](y) \\`z\\` &amp; \\*w\\*");
        let code = [Passage::Code { language: "sh".into(), text: "echo ```\n```".into() }];
        assert_eq!(prose(&code), "````sh\necho ```\n```\n````");
    }
}
