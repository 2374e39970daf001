//! What stands around a page's content: the head and the navigation.

use crate::form_error::FormError;
use askama::filters::HtmlSafe;
use domain::Timestamp;
use std::fmt;

/// The head of a page without navigation. `card.html` expects it under the name `head`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What the page is, in words; the layout adds the product's name.
    pub title: String,
}

impl Head {
    /// The head of the page called `title`.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into() }
    }
}

/// Which entry of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The organisation's products and their targets.
    Products,
    /// The GraphQL editor.
    Explorer,
    /// Settings: API keys.
    ApiKeys,
    /// Settings: the organisation's people.
    Members,
    /// Settings: name and key policy.
    Organisation,
    /// Settings: the audit log.
    AuditLog,
    /// The signed-in person's own account.
    Account,
    /// None of them.
    None,
}

/// What every page of the dashboard knows: its title, the navigation around it, and what its form has to say. `shell.html`
/// expects it under the name `chrome`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chrome {
    /// What the page is, in words; the layout adds the product's name.
    pub title: String,
    /// Whether htmx asks, and only the content of the page is wanted.
    pub partial: bool,
    /// When it is made.
    pub now: Timestamp,
    /// What was done, after a redirect; empty if nothing was.
    pub notice: String,
    /// What is wrong with the form of the page.
    pub errors: FormError,
    /// Whether the password was proved so lately that a form need not ask for it.
    pub fresh: bool,
    /// The name of the organisation that is shown.
    pub organisation: String,
    /// Its id, which the page's forms send back: a form acts in no other organisation than its page. Empty if there is none.
    pub organisation_id: String,
    /// Id and name of every organisation that the person belongs to; with two or more there is a switcher.
    pub organisations: Vec<(String, String)>,
    /// The signed-in person's id.
    pub user_id: String,
    /// That person's address.
    pub email: String,
    /// Whether the person is an Admin of the organisation that is shown.
    pub is_admin: bool,
    /// Where the page belongs.
    pub section: Section,
    /// How many things need attention; shown beside "API Keys" unless it is zero.
    pub attention: usize,
}

impl Chrome {
    /// The attribute that marks a link of the navigation as the current one, or nothing.
    pub fn current(&self, section: Section) -> Current {
        Current(self.section == section)
    }

    /// The person's role in words.
    pub const fn role(&self) -> &'static str {
        if self.is_admin { "Admin" } else { "Member" }
    }
}

/// The attribute `aria-current="page"`, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current(bool);

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { " aria-current=\"page\"" } else { "" })
    }
}

impl HtmlSafe for Current {}

#[cfg(test)]
mod tests {
    use super::*;
    use askama::Template;

    #[derive(Template)]
    #[template(ext = "html", source = "{% extends \"shell.html\" %}{% block content %}<h1>Hi</h1>{% endblock %}", blocks = ["content"])]
    struct Page {
        chrome: Chrome,
    }

    fn page() -> Page {
        Page {
            chrome: Chrome {
                title: "API Keys".into(),
                partial: false,
                now: Timestamp::from_ms(0),
                notice: "Revoked.".into(),
                errors: FormError::default(),
                fresh: true,
                organisation: "Acme".into(),
                organisation_id: "o1".into(),
                organisations: vec![("o1".into(), "Acme".into()), ("o2".into(), "Globex <&>".into())],
                user_id: "u1".into(),
                email: "ada@example.org".into(),
                is_admin: true,
                section: Section::ApiKeys,
                attention: 2,
            },
        }
    }

    #[test]
    fn the_shell_marks_exactly_the_current_page() {
        let text = page().render().unwrap();
        assert_eq!(text.matches("aria-current=\"page\"").count(), 1);
        assert!(text.contains("<a href=\"/settings/api-keys\" aria-current=\"page\">"), "{text}");
        assert!(text.contains("<title>API Keys · Duku</title>"));
        assert!(text.contains("<div>Revoked.</div>"));
    }

    #[test]
    fn what_people_typed_is_escaped() {
        let text = page().render().unwrap();
        assert!(!text.contains("Globex <&>"));
    }

    #[test]
    fn no_layout_needs_what_the_policy_forbids() {
        let text = page().render().unwrap();
        for forbidden in [" style=", "<style", " onclick=", "javascript:", "hx-on"] {
            assert!(!text.contains(forbidden), "{forbidden} in {text}");
        }
        assert!(!text.contains("<script>"));
    }

    #[test]
    fn the_content_can_be_rendered_alone() {
        assert_eq!(page().as_content().render().unwrap().trim(), "<h1>Hi</h1>");
    }
}
