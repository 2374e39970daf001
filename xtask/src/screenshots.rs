//! Pictures of every page and state, for the eyes of a designer. They judge nothing, so no check runs them.

use std::path::Path;

use crate::install::{self, Need};
use crate::process::{self, Outcome, cargo, target};

/// The test that walks through Viewport; without the variable it does nothing.
const WALK: &str = "browser::screenshots::every_page_and_state";
const FOLDER_VARIABLE: &str = "DUKU_SCREENSHOTS";

/// Takes them, and says where they are.
pub(crate) fn take(root: &Path) -> Outcome {
    install::ensure(root, [Need::Chromium].into_iter())?;
    let sheet = target(root).join("screenshots/index.html");
    let arguments = ["test", "--package", "duku", "--all-features", "--test", "it", "--", "--exact", WALK];
    process::run(cargo(root, &arguments).env(FOLDER_VARIABLE, sheet.with_file_name("")))?;
    if !sheet.exists() {
        return Err(format!("`{WALK}` took no picture: was it renamed?"));
    }
    println!("all on one sheet: {}", sheet.display());
    Ok(())
}
