use super::*;
use crate::template_tests;
use domain::{Role, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn account(text: &str, second_factor: bool) -> Account {
    let organisation =
        |is_current, role| Organisation { id: text.into(), name: text.into(), role, is_current };
    let session = |is_this, is_command_line| SessionRow {
        id: text.into(),
        is_command_line,
        is_this,
        name: text.into(),
        device: text.into(),
        address: text.into(),
        began: pages::moment(NOW),
        seen: pages::relative(NOW, NOW),
    };
    let passkey = |used| PasskeyRow { id: text.into(), name: text.into(), added: pages::date(NOW), used };
    Account {
        chrome: template_tests::chrome(text),
        email: text.into(),
        organisations: vec![organisation(true, Role::Admin), organisation(false, Role::Member)],
        second_factor: second_factor.then(|| pages::date(NOW)),
        must_give_second_factor: !second_factor,
        recovery_codes: 1,
        passkeys: second_factor.then(|| vec![passkey(Some(pages::relative(NOW, NOW))), passkey(None)]),
        sessions: vec![session(true, false), session(false, true)],
    }
}

#[test]
fn nothing_that_people_or_browsers_say_becomes_markup() {
    for text in template_tests::texts() {
        template_tests::render(&account(&text, true));
        template_tests::render(&account(&text, false));
        template_tests::render(&password::Form {
            chrome: template_tests::form(&text, "password"),
            email: text.clone(),
            minimum: 12,
        });
        template_tests::render(&second_factor::Enrol {
            chrome: template_tests::form(&text, "code"),
            required_by: text.clone(),
            qr: qr::qr_path(&text),
            secret: text.clone(),
        });
        template_tests::render(&second_factor::Enrolled {
            chrome: template_tests::form(&text, ""),
            since: Some(pages::date(NOW)),
            recovery_codes: 0,
            few_codes: true,
        });
        template_tests::render(&second_factor::Unproved {
            chrome: template_tests::chrome(&text),
            required_by: text.clone(),
        });
        for occasion in [recovery_codes::Occasion::Enrolled, recovery_codes::Occasion::Replaced] {
            template_tests::render(&recovery_codes::Page {
                chrome: template_tests::chrome(&text),
                occasion,
                codes: std::slice::from_ref(&text),
            });
        }
        template_tests::render(&remove_second_factor::Form { chrome: template_tests::form(&text, "") });
    }
}

#[test]
fn a_single_session_has_no_others_to_end() {
    let mut page = account("Ada", true);
    assert!(template_tests::render(&page).contains("End all others"));
    page.sessions.truncate(1);
    assert!(!template_tests::render(&page).contains("End all others"));
}
