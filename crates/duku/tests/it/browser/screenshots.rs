//! `cargo xtask screenshots`: a walk through every page and state.

use super::{Browser, Options, self_tests::Site, shots::Shots};

/// Promises nothing, so it does nothing unless it is asked where the pictures go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_state() {
    let Some(folder) = std::env::var_os("DUKU_SCREENSHOTS") else { return };
    let shots = Shots::into_folder(folder);
    let site = Site::start().await;
    let browser = Browser::start(&site.url, Options::default()).await;
    the_form(&browser, &shots).await;
}

/// One walk for each part of Viewport; a name and how to get there for each state.
async fn the_form(browser: &Browser, shots: &Shots) {
    browser.goto("/").await;
    browser.sees("written by a script").await;
    shots.take(browser, "form").await;

    browser.fill("Label", "GitHub Actions").await;
    browser.click("Save").await;
    browser.sees("Saved GitHub Actions").await;
    shots.take(browser, "form-saved").await;
}
