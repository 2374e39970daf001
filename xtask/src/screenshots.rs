//! Pictures of every page and state, for the eyes of a designer. They judge nothing, so no check runs them.

use std::fs;
use std::path::Path;

use crate::install::{self, Need};
use crate::process::{self, Outcome, cargo, target};

/// The test that walks through Viewport; without the variable it does nothing.
const WALK: &str = "browser::screenshots::every_page_and_state";
const FOLDER_VARIABLE: &str = "DUKU_SCREENSHOTS";
/// Those that README.md shows, and where it finds them.
const OF_README: [&str; 4] =
    ["keys-list-1280-light", "keys-list-1280-dark", "keys-once-1280-light", "keys-once-1280-dark"];
const README_FOLDER: &str = ".github/pictures";

/// Takes them, copies those of README.md, and says where they are.
pub(crate) fn take(root: &Path) -> Outcome {
    install::ensure(root, [Need::Chromium].into_iter())?;
    let sheet = target(root).join("screenshots/index.html");
    let arguments = ["test", "--package", "duku", "--all-features", "--test", "it", "--", "--exact", WALK];
    process::run(cargo(root, &arguments).env(FOLDER_VARIABLE, sheet.with_file_name("")))?;
    if !sheet.exists() {
        return Err(format!("`{WALK}` took no picture: was it renamed?"));
    }
    for name in OF_README {
        let file = Path::new(name).with_extension("png");
        let to = root.join(README_FOLDER).join(&file);
        fs::copy(sheet.with_file_name(&file), &to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    println!("all on one sheet: {}", sheet.display());
    Ok(())
}
