//! Pictures of every page and state, for the eyes of a designer. They judge nothing, so no check runs them.

use std::fs;
use std::path::Path;

use crate::install::{self, Need};
use crate::process::{self, Outcome};
use crate::steps::Workshop;

/// The test that walks through Viewport; without the variable it does nothing.
const WALK: &str = "browser::screenshots::every_page_and_state";
const FOLDER_VARIABLE: &str = "DUKU_SCREENSHOTS";

/// Takes them, and says where they are.
pub(crate) fn take(root: &Path) -> Outcome {
    install::ensure([Need::Chromium].into_iter())?;
    let workshop = Workshop::new(root, &[]);
    let folder = workshop.output("screenshots");
    let arguments = ["test", "--package", "duku", "--all-features", "--test", "it", "--", "--exact", WALK];
    process::run(workshop.cargo(&arguments).env(FOLDER_VARIABLE, &folder))?;
    let pictures = pictures(&folder)?;
    if pictures.is_empty() {
        return Err(format!("`{WALK}` took no picture: was it renamed?"));
    }
    for picture in &pictures {
        println!("{picture}");
    }
    println!("{} pictures; all on one sheet: {}", pictures.len(), folder.join("index.html").display());
    Ok(())
}

fn pictures(folder: &Path) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "png"))
        .collect();
    names.sort();
    Ok(names)
}
