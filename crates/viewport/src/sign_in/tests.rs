use super::{invite, logout, password, setup};
use crate::template_tests::{self, NOW};
use domain::Role;
use pages::{FormError, Head};

#[test]
fn nothing_that_strangers_type_becomes_markup() {
    for text in template_tests::texts() {
        let head = || Head::new(text.as_str());
        template_tests::render(&logout::Page { head: head() });
        for field in ["", "name", "email", "password"] {
            template_tests::render(&setup::Page {
                head: head(),
                typed: &["organisation", "email"].map(|name| (name, text.as_str())).into_iter().collect(),
                minimum: 12,
                errors: FormError::new(field, text.as_str()),
            });
            template_tests::render(&password::Reset {
                head: head(),
                email: text.clone(),
                minimum: 12,
                errors: FormError::new(field, text.as_str()),
            });
        }
        for sends_mail in [true, false] {
            template_tests::render(&password::Forgot {
                head: head(),
                email: text.clone(),
                command_email: text.clone(),
                sends_mail,
                errors: FormError::new("email", text.as_str()),
            });
        }
    }
}

#[test]
fn every_guest_finds_the_way_on() {
    for text in template_tests::texts() {
        let page = |guest, role| {
            template_tests::render(&invite::Page {
                head: Head::new(text.as_str()),
                invitation: template_tests::invitation(&text, role, NOW),
                guest,
                minimum: 12,
                errors: FormError::new("", text.as_str()),
            })
        };
        let signed_out = invite::Guest::SignedOut { login: "/login?next=%2Finvite%2Fx".into() };
        let shown = page(signed_out, Role::Member);
        assert!(shown.contains("type=\"password\"") && shown.contains("href=\"/login?next=%2Finvite%2Fx\""));
        assert!(page(invite::Guest::Invited, Role::Admin).contains("Accept the invitation"));
        let other = invite::Guest::Other { email: text.clone() };
        assert!(page(other, Role::Member).contains("action=\"/logout\""));
    }
}
