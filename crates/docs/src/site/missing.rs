//! Addresses without a page, and the pages that may have been meant.

use super::{Asked, Docs, etag, frame::Frame, machines::MARKDOWN};
use crate::library::{Library, Page, address};
use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use pages::Head;
use std::{collections::HashSet, fmt::Write};

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing<'a> {
    head: Head,
    frame: Frame<'a>,
    nearest: Vec<&'a Page>,
}

pub(super) fn answer(docs: &Docs, asked: &Asked, path: &str, as_markdown: bool) -> Response<Body> {
    let nearest = nearest(&docs.library_cache().library, path);
    if as_markdown {
        let mut text = "# Page not found\n\n".to_owned();
        for page in &nearest {
            let _ = writeln!(text, "- [{}]({})", page.title, address(docs.url(), &page.file));
        }
        let _ = writeln!(text, "- [Every page]({})", address(docs.url(), "llms.txt"));
        return etag::plain(StatusCode::NOT_FOUND, MARKDOWN, text);
    }
    let frame = Frame::of(docs, asked, None);
    pages::html(StatusCode::NOT_FOUND, &Missing { head: Head::new("Page not found"), frame, nearest })
}

const MOST: usize = 5;
/// Less than this in common is chance.
const LEAST: f64 = 0.25;
/// What is longer than any address of a page is not compared.
const LONGEST: usize = 200;

/// The pages whose address or title has most in common with a path.
fn nearest<'a>(library: &'a Library, path: &str) -> Vec<&'a Page> {
    let path: String = path.chars().take(LONGEST).collect();
    let wanted = pairs(&path);
    let name = pairs(path.rsplit('/').next().unwrap_or_default());
    let mut near: Vec<(f64, &Page)> = library
        .pages()
        .iter()
        .map(|page| {
            let own = page.path.rsplit('/').next().unwrap_or_default();
            let likeness = alike(&wanted, &pairs(&page.path))
                .max(alike(&name, &pairs(own)))
                .max(alike(&name, &pairs(&page.title)));
            (likeness, page)
        })
        .filter(|(likeness, _)| *likeness >= LEAST)
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().take(MOST).map(|(_, page)| page).collect()
}

/// The pairs of neighbouring letters of a text, with each word's beginning.
fn pairs(text: &str) -> HashSet<(char, char)> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let pairs = words.flat_map(|word| std::iter::once(' ').chain(word.chars()).zip(word.chars()));
    pairs.collect()
}

/// Dice's coefficient: from 0 for nothing in common to 1 for everything.
#[expect(clippy::cast_precision_loss, reason = "a text has few pairs")]
fn alike(one: &HashSet<(char, char)>, other: &HashSet<(char, char)>) -> f64 {
    let both = one.intersection(other).count();
    if both == 0 { 0.0 } else { 2.0 * both as f64 / (one.len() + other.len()) as f64 }
}
