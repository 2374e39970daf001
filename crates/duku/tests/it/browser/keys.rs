//! The keyboard.

use super::{Browser, webdriver::Answer};

impl Browser {
    /// Presses a key, perhaps with others held: `Enter`, `Escape`, `Shift+Tab`, `Control+a`. Words are typed as they
    /// are.
    pub(crate) async fn press(&self, keys: &str) {
        if let Err(error) = self.press_keys(keys).await {
            self.fail(&format!("press {keys}: {error}")).await;
        }
    }

    /// Moves the focus on, as a keyboard's user does, and says what has it then.
    pub(crate) async fn tab(&self) -> String {
        self.press("Tab").await;
        self.focused().await
    }

    /// Presses Tab until this has the focus, at most as often as a patient person would.
    pub(crate) async fn tab_to(&self, wanted: &str) {
        let mut passed = Vec::new();
        for _ in 0..60 {
            let focused = self.tab().await;
            if focused == wanted {
                return;
            }
            passed.push(focused);
        }
        self.fail(&format!("Tab never reaches {wanted}; it passed {}", passed.join(", "))).await;
    }

    async fn press_keys(&self, keys: &str) -> Answer<()> {
        let mut names: Vec<&str> = keys.split('+').collect();
        let held: Vec<char> = names.iter().map_while(|name| modifier(name)).collect();
        let last = names.pop().unwrap_or_default();
        if held.len() != names.len() {
            return self.session.keys(&[], keys.chars()).await;
        }
        match named(last) {
            Some(key) => self.session.keys(&held, std::iter::once(key)).await,
            None => self.session.keys(&held, last.chars()).await,
        }
    }
}

/// WebDriver's code points for keys that write nothing.
fn modifier(name: &str) -> Option<char> {
    match name {
        "Shift" => Some('\u{e008}'),
        "Control" => Some('\u{e009}'),
        "Alt" => Some('\u{e00a}'),
        _ => None,
    }
}

fn named(name: &str) -> Option<char> {
    match name {
        "Enter" => Some('\u{e007}'),
        "Escape" => Some('\u{e00c}'),
        "Tab" => Some('\u{e004}'),
        "Space" => Some(' '),
        "Backspace" => Some('\u{e003}'),
        "Delete" => Some('\u{e017}'),
        "Home" => Some('\u{e011}'),
        "End" => Some('\u{e010}'),
        "ArrowLeft" => Some('\u{e012}'),
        "ArrowUp" => Some('\u{e013}'),
        "ArrowRight" => Some('\u{e014}'),
        "ArrowDown" => Some('\u{e015}'),
        _ => None,
    }
}
