//! What a person needs to understand why a test in a browser failed.

use super::{Browser, checks::target_folder};
use std::{path::PathBuf, time::Duration};

impl Browser {
    /// Fails the test with the page's address and text, and a picture of it.
    pub(crate) async fn fail(&self, problem: &str) -> ! {
        let details = self.tell().await;
        panic!("{problem}\n{details}");
    }

    async fn tell(&self) -> String {
        self.told.set(true);
        let looking = async { (self.url().await, self.page_text().await, self.session.picture().await) };
        let Ok((url, text, picture)) = tokio::time::timeout(Duration::from_secs(10), looking).await else {
            return "  (the browser does not answer)".to_owned();
        };
        let text: String = text.chars().take(2000).collect();
        let file = picture_file();
        let saved = picture.is_ok_and(|picture| std::fs::write(&file, picture).is_ok());
        let picture = if saved { file.display().to_string() } else { "none".to_owned() };
        format!("  at {url}\n  picture: {picture}\n  page: {text}")
    }

    /// The same for a failed assertion of the test itself, which is noticed only when the browser is dropped.
    pub(super) fn tell_from_drop(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let details = tokio::task::block_in_place(|| runtime.block_on(self.tell()));
        eprintln!("The browser, when the test failed:\n{details}");
    }
}

fn picture_file() -> PathBuf {
    let folder = target_folder().join("browser-failures");
    std::fs::create_dir_all(&folder).ok();
    let test = std::thread::current().name().unwrap_or("test").replace("::", "-");
    folder.join(format!("{test}.png"))
}
