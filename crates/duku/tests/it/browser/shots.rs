//! Pictures of pages for the eyes of a designer: each in two widths, light and dark, and one sheet with all.

use super::{Browser, webdriver::decoded};
use serde_json::json;
use std::{cell::RefCell, fmt::Write as _, fs, path::PathBuf};

/// The sheet is a file for a designer, no page of the product: its style may stand in it.
const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Every page and state</title>
<style>
  body { font: 16px system-ui, sans-serif; margin: 2rem; background: #8a8a8a }
  div { display: grid; grid-template-columns: 3fr 3fr 1fr 1fr; gap: 1rem; align-items: start; margin-bottom: 3rem }
  img { display: block; width: 100%; border: 1px solid #444 }
</style>
"#;
const WIDTHS: [(u32, u32); 2] = [(1280, 900), (390, 844)];

/// A folder that fills with pictures.
pub(crate) struct Shots {
    folder: PathBuf,
    names: RefCell<Vec<String>>,
}

impl Shots {
    /// In this folder, which is emptied of older pictures.
    pub(crate) fn into_folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        fs::create_dir_all(&folder).unwrap();
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|extension| extension == "png") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        Self { folder, names: RefCell::default() }
    }

    /// Takes the page as it is now, four times: `NAME-1280-light.png` and so on.
    pub(crate) async fn take(&self, browser: &Browser, name: &str) {
        for (width, height) in WIDTHS {
            for (dark, scheme) in [(false, "light"), (true, "dark")] {
                browser.emulate(width, height, dark).await;
                browser.screenshot(self.folder.join(format!("{name}-{width}-{scheme}.png"))).await;
            }
        }
        let options = browser.options;
        browser.emulate(options.width, options.height, options.dark).await;
        self.names.borrow_mut().push(name.to_owned());
        self.write_sheet();
    }

    /// Written after each picture, so that a walk that fails leaves what it has seen.
    fn write_sheet(&self) {
        let mut sheet = HEAD.to_owned();
        for name in self.names.borrow().iter() {
            write!(sheet, "<h2 id=\"{name}\">{name}</h2>\n<div>").unwrap();
            for (width, _) in WIDTHS {
                for scheme in ["light", "dark"] {
                    let file = format!("{name}-{width}-{scheme}.png");
                    write!(sheet, "<a href=\"{file}\"><img src=\"{file}\" alt=\"{file}\"></a>").unwrap();
                }
            }
            sheet.push_str("</div>\n");
        }
        fs::write(self.folder.join("index.html"), sheet).unwrap();
    }
}

impl Browser {
    /// Saves the whole page, however long, as PNG.
    pub(crate) async fn screenshot(&self, file: impl Into<PathBuf>) {
        // What sticks to an edge of the screen would stand in the middle of a long picture.
        self.evaluate("scrollTo(0, 0)", json!([])).await;
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let modal = self.evaluate("return document.querySelector('dialog[open]') !== null", json!([])).await;
        let size =
            if modal == json!(true) { &metrics["cssVisualViewport"] } else { &metrics["cssContentSize"] };
        let (width, height) = if modal == json!(true) {
            (&size["clientWidth"], &size["clientHeight"])
        } else {
            (&size["width"], &size["height"])
        };
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let parameters =
            json!({ "format": "png", "captureBeyondViewport": modal != json!(true), "clip": clip });
        let answer = self.devtools("Page.captureScreenshot", parameters).await;
        let file = file.into();
        let picture = decoded(&answer["data"]).unwrap();
        fs::write(&file, picture).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}
