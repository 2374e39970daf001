//! The documentation site of any folder of Markdown: pages for people, the same pages for machines, search.
//!
//! [`Library`] is the folder, read once; [`Docs`] serves it. `cargo run -p docs --example serve -- FOLDER` shows one.

mod ask;
mod index;
mod library;
mod site;

pub use library::{Block, BlockKind, Entry, Finding, Group, HintStyle, Library, Page, Section, Unreadable};
pub use site::{ASSETS, Address, Docs};
