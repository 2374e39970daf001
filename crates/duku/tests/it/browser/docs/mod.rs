//! The documentation in the browser: a person reads, searches, asks and gets lost.

mod every_page;
mod reading;
mod searching;

use super::{Browser, Options};
use crate::app::Fresh;
use duku::settings::GivenSettings;
use testkit::Engine;

/// A server that nobody has set up yet: the documentation needs nobody.
async fn site() -> Fresh {
    Fresh::start_with(Engine::Sqlite, GivenSettings::default()).await
}

const PHONE: Options = Options { javascript: true, width: 390, height: 844, dark: false };
const WITHOUT_SCRIPTS: Options = Options { javascript: false, width: 1280, height: 900, dark: false };
