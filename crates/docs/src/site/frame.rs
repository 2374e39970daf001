//! What stands around every page of the site.

use super::{ASSETS, Asked, Docs, Mount};
use crate::library::{Group, address};
use pages::Asset;
use std::sync::LazyLock;

static URLS: LazyLock<[String; 2]> = LazyLock::new(|| ASSETS.each_ref().map(Asset::url));

/// The bar at the top and the navigation. `frame.html` expects it under the name `frame`.
pub(super) struct Frame<'a> {
    docs: &'a Docs,
    mount: Mount,
    /// The path of the page that is shown.
    current: Option<&'a str>,
    /// What is looked for, in the search box.
    pub(super) query: &'a str,
}

impl<'a> Frame<'a> {
    pub(super) fn of(docs: &'a Docs, asked: &Asked, current: Option<&'a str>) -> Self {
        Self { docs, mount: asked.mount, current, query: "" }
    }

    /// With words in the search box.
    pub(super) fn searching(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    pub(super) fn groups(&self) -> &[Group] {
        self.docs.library_cache().library.groups()
    }

    /// The address of a page, or of another path of the site.
    pub(super) fn href(&self, path: &str) -> String {
        address(self.mount.base(), path)
    }

    /// The address of a page that everybody can use.
    pub(super) fn url(&self, path: &str) -> String {
        address(self.docs.url(), path)
    }

    pub(super) fn is_current(&self, path: &str) -> bool {
        self.current == Some(path)
    }

    pub(super) fn mark(&self, path: &str) -> &'static str {
        if self.is_current(path) { " aria-current=\"page\"" } else { "" }
    }

    pub(super) fn product(&self) -> &str {
        &self.docs.0.address.product
    }

    /// The path of the page that is shown, for questions from it.
    pub(super) fn asking_page(&self) -> &str {
        self.current.unwrap_or_default()
    }

    #[allow(clippy::unused_self, reason = "templates can only call methods of what they are given")]
    pub(super) fn style(&self) -> &'static str {
        let [style, _] = &*URLS;
        style
    }

    #[allow(clippy::unused_self, reason = "templates can only call methods of what they are given")]
    pub(super) fn script(&self) -> &'static str {
        let [_, script] = &*URLS;
        script
    }
}
