//! What tests put into templates: texts that must not become markup, and texts that are far too long.

use domain::Timestamp;
use pages::{Chrome, FormError, Section};

/// Texts as nobody should type them.
pub(crate) fn texts() -> [String; 3] {
    ["Ada".to_owned(), "<script>\"'&alert(1)</script>".to_owned(), "x".repeat(10_000)]
}

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// What stands around the content of a form in which `text` is wrong with `field`.
pub(crate) fn form(text: &str, field: &'static str) -> Chrome {
    Chrome { errors: FormError::new(field, text), ..chrome(text) }
}

/// What stands around the content.
pub(crate) fn chrome(text: &str) -> Chrome {
    Chrome {
        title: text.to_owned(),
        partial: false,
        now: NOW,
        notice: "",
        errors: FormError::default(),
        fresh: false,
        organisation: text.to_owned(),
        organisation_id: text.to_owned(),
        organisations: vec![("o1".into(), text.to_owned()), ("o2".into(), "Globex".into())],
        email: text.to_owned(),
        is_admin: true,
        section: Section::Account,
        attention: 1,
    }
}

/// Renders a page and looks for what a strict policy forbids or what was not escaped.
#[track_caller]
pub(crate) fn render(page: &impl askama::Template) -> String {
    let text = page.render().unwrap();
    for forbidden in ["<script>", "alert(1)</script>", " style=", "<style", " onclick=", "javascript:"] {
        assert!(!text.contains(forbidden), "{forbidden} in {text}");
    }
    text
}
