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
/// Less than this in common is chance, and so is what has less of what the nearest page has.
const LEAST: f64 = 0.5;
const OF_NEAREST: f64 = 0.75;
/// What it counts that a page's title has every word of the path's last part.
const NAMED: f64 = 0.75;
/// What is longer than any address of a page is not compared.
const LONGEST: usize = 200;

/// The pages whose name or title has most in common with the last part of a path.
fn nearest<'a>(library: &'a Library, path: &str) -> Vec<&'a Page> {
    let path: String = path.chars().take(LONGEST).collect();
    let name = path.rsplit('/').next().unwrap_or_default();
    let (wanted, words_wanted) = (pairs(name), words(name));
    let mut near: Vec<(f64, &Page)> = library
        .pages()
        .iter()
        .map(|page| {
            let own = page.path.rsplit('/').next().unwrap_or_default();
            let is_named = !words_wanted.is_empty() && words_wanted.is_subset(&words(&page.title));
            let likeness = alike(&wanted, &pairs(own))
                .max(alike(&wanted, &pairs(&page.path)))
                .max(alike(&wanted, &pairs(&page.title)))
                .max(if is_named { NAMED } else { 0.0 });
            (likeness, page)
        })
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let least = near.first().map_or(LEAST, |(likeness, _)| LEAST.max(likeness * OF_NEAREST));
    near.into_iter().take(MOST).filter(|(likeness, _)| *likeness >= least).map(|(_, page)| page).collect()
}

/// The words of a name, in lower case and without the ending of a plural.
fn words(text: &str) -> HashSet<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    words.map(|word| word.strip_suffix('s').unwrap_or(word).to_owned()).collect()
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
