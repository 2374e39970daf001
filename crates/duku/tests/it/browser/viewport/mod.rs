//! Viewport's pages in the browser: every step that a person takes, as Admin, Member and stranger.

mod key_pages;
#[cfg(feature = "passkeys")]
mod passkeys;
mod seed;
pub(crate) mod stage;
