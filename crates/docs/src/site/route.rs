//! From a path to what is wanted.

use super::{Asked, Docs};
use crate::library::{Library, decoded};

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestedResource {
    /// A page for people: which of the library's.
    Page(usize),
    /// A page as Markdown: which of the library's.
    Markdown(usize),
    /// `llms.txt`: a list of the pages for machines.
    Contents,
    /// `llms-full.txt`: every page in one.
    Everything,
    Search,
    Ask,
    /// The library opens with the page at this path.
    Opening(String),
    /// What is at this path now, for good.
    Moved(String),
    Nothing {
        path: String,
        as_markdown: bool,
    },
}

impl RequestedResource {
    pub(super) fn of(asked: &Asked, docs: &Docs) -> Self {
        let whole = asked.uri.path();
        let below = whole.strip_prefix(asked.mount.base()).unwrap_or(whole);
        let Some(path) = decoded(below) else {
            return Self::Nothing { path: String::new(), as_markdown: false };
        };
        let library = &docs.library_cache().library;
        // `/docs/` is `/docs`.
        if path == "/" && !asked.mount.base().is_empty() {
            return Self::Moved(String::new());
        }
        // On its own host the site is at the root; what was shared from elsewhere still leads there.
        if asked.mount.base().is_empty()
            && let Some(rest) =
                path.strip_prefix("/docs").filter(|rest| rest.is_empty() || rest.starts_with('/'))
            && Self::at(library, "docs") == Self::nothing("docs")
        {
            return Self::Moved(rest.trim_matches('/').to_owned());
        }
        Self::at(library, path.strip_prefix('/').unwrap_or(&path))
    }

    fn nothing(path: &str) -> Self {
        let path = path.trim_matches('/');
        let bare = path.strip_suffix(".md");
        Self::Nothing { path: bare.unwrap_or(path).to_owned(), as_markdown: bare.is_some() }
    }

    fn at(library: &Library, path: &str) -> Self {
        match path {
            "search" => return Self::Search,
            "ask" => return Self::Ask,
            "llms.txt" => return Self::Contents,
            "llms-full.txt" => return Self::Everything,
            _ => {}
        }
        if let Some(place) = library.place(path) {
            return Self::Page(place);
        }
        if let Some(place) = library.pages().iter().position(|page| page.file == path) {
            return Self::Markdown(place);
        }
        if path.is_empty() {
            return library
                .first()
                .map_or_else(|| Self::nothing(path), |page| Self::Opening(page.path.clone()));
        }
        Self::moved(library, path).map_or_else(|| Self::nothing(path), Self::Moved)
    }

    /// Where a page is that is asked for by another of its names.
    fn moved(library: &Library, path: &str) -> Option<String> {
        let bare = path.trim_end_matches('/');
        let markdown = bare.strip_suffix(".md");
        let name = markdown.or(bare.strip_suffix(".html")).unwrap_or(bare);
        let folder = match name.rsplit_once('/').unwrap_or(("", name)) {
            (folder, "index" | "README") => Some(folder),
            _ => None,
        };
        let page = library.page(name).or_else(|| library.page(folder?))?;
        Some(if markdown.is_some() { page.file.clone() } else { page.path.clone() })
    }
}
