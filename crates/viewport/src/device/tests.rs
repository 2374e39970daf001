use super::*;
use crate::template_tests::{self, NOW};

#[test]
fn nothing_that_a_device_says_becomes_markup() {
    for text in template_tests::texts() {
        template_tests::render(&Ask {
            chrome: template_tests::form(&text, "user_code"),
            user_code: text.clone(),
        });
        template_tests::render(&Confirm {
            chrome: template_tests::form(&text, "password"),
            device: &DeviceGrant {
                user_code: text.clone(),
                client_id: text.clone(),
                scope: text.clone(),
                device: text.clone(),
                address: Some(text.clone()),
                created_at: NOW,
                expires_at: NOW.plus_seconds(600),
                interval_seconds: 5,
                decision: None,
                consumed_at: None,
            },
            elsewhere: text.clone(),
            has_others: true,
        });
    }
}

#[test]
fn a_device_that_asks_from_afar_is_seen() {
    let browser = |text: &str| text.parse().ok();
    assert_eq!(elsewhere(Some("198.51.100.7"), browser("203.0.113.9")), "203.0.113.9");
    assert_eq!(elsewhere(Some("203.0.113.9"), browser("203.0.113.9")), "");
    assert_eq!(elsewhere(None, browser("203.0.113.9")), "");
    assert_eq!(elsewhere(Some("203.0.113.9"), None), "");
}
