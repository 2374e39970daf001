//! How every page of Duku looks: layouts, the stylesheet, icons, scripts, and the headers that keep a page safe.
//!
//! `cargo run -p pages --example specimen` writes a page that shows every piece; `templates/` holds the layouts that other
//! crates extend (`base.html`, `card.html`, `shell.html`) and the icons that they import (`icons.html`).

// Templates name the items of this crate as other crates see them.
extern crate self as pages;

mod answer;
mod assets;
mod chart;
mod chrome;
mod form_error;
mod message;
mod times;

#[cfg(test)]
mod contrast;

pub use answer::{allow_form_targets, html};
pub use assets::{Asset, asset_url, assets, assets_with};
pub use chart::{DaysChart, days_chart};
pub use chrome::{Chrome, Current, Head, Section};
pub use form_error::FormError;
pub use message::{Message, message, message_for};
pub use times::{Time, date, date_text, moment, moment_of, moment_text, relative, relative_text, since};
