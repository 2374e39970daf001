//! What went wrong, in words for the person who runs this.

use std::fmt::Display;

/// Nothing, or why there is nothing.
pub type Outcome<T = ()> = Result<T, String>;

/// Says what was being done when something failed.
pub(crate) trait During<T> {
    fn during(self, what: impl Display) -> Outcome<T>;
}

impl<T, E: Display> During<T> for Result<T, E> {
    fn during(self, what: impl Display) -> Outcome<T> {
        self.map_err(|error| format!("{what}: {error}"))
    }
}

/// Fails unless the promise holds.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}
