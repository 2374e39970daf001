//! The pages for machines: as Markdown, as a list, and all in one.

use super::{Asked, Docs, etag};
use crate::library::{Page, address};
use axum::body::Body;
use http::Response;
use std::fmt::Write;

pub(super) const MARKDOWN: &str = "text/markdown; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// A page as it is written, with how to ask below it.
pub(super) fn markdown(docs: &Docs, asked: &Asked, place: usize) -> Response<Body> {
    let page = docs.library_cache().library.pages().get(place);
    let text = page.map(|page| format!("{}{}", page.markdown, how_to_ask(docs, page)));
    etag::text(&asked.headers, MARKDOWN, text.unwrap_or_default())
}

fn how_to_ask(docs: &Docs, page: &Page) -> String {
    let url = address(docs.url(), &page.file);
    let list = address(docs.url(), "llms.txt");
    format!(
        "\n---\n\n## Ask about this\n\n\
         What this page leaves open, the rest of the documentation may say. Put a whole question, in plain words, behind\n\
         the address of this page:\n\n\
         ```\nGET {url}?ask=<question>\n```\n\n\
         The answer is Markdown: the answer itself, the passages that it rests on, and where they stand. With\n\
         `Accept: application/json` it is JSON. Add `&goal=<what you are after>` if it helps to know. Every page is listed in\n\
         <{list}>.\n"
    )
}

/// `llms.txt` (<https://llmstxt.org>).
pub(super) fn contents(docs: &Docs, asked: &Asked) -> Response<Body> {
    let library = &docs.library_cache().library;
    let mut text = String::new();
    if let Some(first) = library.first() {
        let _ = write!(text, "# {}\n\n> {}\n", first.title, one_line(&first.description));
    }
    let _ = write!(
        text,
        "\nEvery page here is Markdown. To ask a question of all of them, add `?ask=<question>` to the address of any page. All \
         pages in one file: <{}>\n",
        address(docs.url(), "llms-full.txt")
    );
    for group in library.groups() {
        let title = if group.title.is_empty() { "Pages" } else { &group.title };
        let _ = write!(text, "\n## {title}\n\n");
        for page in group.entries.iter().filter_map(|entry| library.page(&entry.path)) {
            let url = address(docs.url(), &page.file);
            let _ = writeln!(text, "- [{}]({url}): {}", page.title, one_line(&page.description));
        }
    }
    etag::text(&asked.headers, PLAIN, text)
}

/// `llms-full.txt`: every page, in the order of the navigation.
pub(super) fn everything(docs: &Docs, asked: &Asked) -> Response<Body> {
    let mut text = String::new();
    for page in docs.library_cache().library.pages() {
        if !text.is_empty() {
            text.push_str("\n---\n\n");
        }
        let source = address(docs.url(), &page.path);
        let _ = write!(text, "<!-- {source} -->\n\n{}", page.standalone(docs.url()));
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    etag::text(&asked.headers, PLAIN, text)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
