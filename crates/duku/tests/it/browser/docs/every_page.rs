//! What holds on every page of the documentation, and on those that the site adds.

use super::{Browser, Options, site};
use docs::Library;

/// The site's own pages, in their states.
const OWN: [&str; 9] = [
    "/docs/search",
    "/docs/search?q=secret",
    "/docs/search?q=zyx",
    "/docs/search?q=%ff",
    "/docs/ask",
    "/docs/ask?q=How+long+does+an+access+token+live%3F",
    "/docs/ask?q=Which+colour+has+the+sea%3F",
    "/docs/integrations/api-key",
    "/docs/zzzzz",
];

/// Looks at each page wide and narrow, light and dark, with axe-core.
async fn are_sound(pages: impl IntoIterator<Item = String>) {
    let site = site().await;
    let browser = Browser::start(&site.api.url, Options::default()).await;
    let mut problems = Vec::new();
    for page in pages {
        browser.goto(&page).await;
        let mut found = browser.problems().await;
        found.extend(browser.console_errors().await);
        problems.extend(found.into_iter().map(|problem| format!("{page}: {problem}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The addresses of every page of the library.
fn pages() -> Vec<String> {
    let library = Library::embedded();
    let pages =
        library.pages().iter().map(|page| format!("/docs/{}", page.path).trim_end_matches('/').to_owned());
    let pages: Vec<_> = pages.collect();
    assert!(pages.len() > 20, "{pages:?}");
    pages
}

/// Every third page: three tests share the work.
async fn every_third_is_sound(from: usize) {
    are_sound(pages().into_iter().skip(from).step_by(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_of_the_pages_is_sound() {
    every_third_is_sound(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_third_of_the_pages_is_sound() {
    every_third_is_sound(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_third_of_the_pages_is_sound() {
    every_third_is_sound(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_the_site_itself_are_sound() {
    are_sound(OWN.map(ToOwned::to_owned)).await;
}
