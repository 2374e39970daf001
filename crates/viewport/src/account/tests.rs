use super::*;
use crate::template_tests::{self, NOW};
use domain::{PasskeyId, Role, SessionKind, Timestamp};

fn session(number: u8, kind: SessionKind, text: &str) -> Session {
    Session {
        id: SessionId::parse(&format!("ses_0000000000000000000000000{number}")).unwrap(),
        kind,
        parent_id: None,
        user_id: template_tests::user_id(1),
        organisation_id: None,
        device: text.to_owned(),
        address: Some(text.to_owned()),
        created_at: NOW,
        authenticated_at: NOW,
        second_factor_at: None,
        last_seen_at: NOW,
        expires_at: NOW,
    }
}

fn passkey(text: &str, last_used_at: Option<Timestamp>) -> Passkey {
    Passkey {
        id: PasskeyId::parse("pky_00000000000000000000000000").unwrap(),
        user_id: template_tests::user_id(1),
        name: text.to_owned(),
        credential_id: Vec::new(),
        credential: String::new(),
        created_at: NOW,
        last_used_at,
    }
}

fn account<'a>(text: &str, second_factor: bool, root: &'a SessionId) -> Account<'a> {
    let organisation_id = template_tests::subject(text).organisation_id;
    let membership =
        |role| Membership { organisation_id: organisation_id.clone(), organisation_name: text.into(), role };
    Account {
        chrome: template_tests::chrome(text),
        memberships: vec![membership(Role::Admin), membership(Role::Member)],
        second_factor: SecondFactorStatus { since: second_factor.then_some(NOW), recovery_codes: 1 },
        must_give_second_factor: !second_factor,
        passkeys: second_factor.then(|| vec![passkey(text, Some(NOW)), passkey(text, None)]),
        sessions: vec![session(1, SessionKind::SignIn, text), session(2, SessionKind::CommandLine, text)],
        root,
    }
}

#[test]
fn nothing_that_people_or_browsers_say_becomes_markup() {
    for text in template_tests::texts() {
        let root = session(1, SessionKind::SignIn, "").id;
        template_tests::render(&account(&text, true, &root));
        template_tests::render(&account(&text, false, &root));
        template_tests::render(&password::Form {
            chrome: template_tests::form(&text, "password"),
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
            status: SecondFactorStatus { since: Some(NOW), recovery_codes: 0 },
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
    let root = session(1, SessionKind::SignIn, "").id;
    let mut page = account("Ada", true, &root);
    assert!(template_tests::render(&page).contains("End all others"));
    page.sessions.truncate(1);
    assert!(!template_tests::render(&page).contains("End all others"));
}
