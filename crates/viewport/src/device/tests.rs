use super::*;
use crate::template_tests;
use domain::Timestamp;

#[test]
fn nothing_that_a_device_says_becomes_markup() {
    let now = Timestamp::from_seconds(1_800_000_000);
    for text in template_tests::texts() {
        template_tests::render(&Ask {
            chrome: template_tests::form(&text, "user_code"),
            user_code: text.clone(),
        });
        template_tests::render(&Confirm {
            chrome: template_tests::form(&text, "password"),
            user_code: text.clone(),
            name: text.clone(),
            device: text.clone(),
            address: text.clone(),
            elsewhere: text.clone(),
            asked: pages::relative(now, now),
            until: pages::relative(now.plus_seconds(600), now),
            email: text.clone(),
            organisation: text.clone(),
            role: Role::Member,
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
