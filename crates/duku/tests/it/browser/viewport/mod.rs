//! Viewport's pages in the browser: every step that a person takes, as Admin, Member and stranger.

mod account;
mod audit;
pub(crate) mod every_page;
mod explorer;
pub(crate) mod fixture;
pub(crate) mod generating;
pub(crate) mod getting_in;
mod key_details;
mod key_pages;
mod organisation;
#[cfg(feature = "passkeys")]
mod passkeys;
mod people;
mod products;
mod seed;
