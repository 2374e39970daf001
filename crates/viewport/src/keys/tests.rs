use super::{row::StatusBadge, *};
use crate::template_tests;
use domain::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn row(text: &str, status: StatusBadge) -> Row {
    Row {
        id: text.into(),
        label: text.into(),
        hint: text.into(),
        is_active: status != StatusBadge::Expired,
        status,
        expires: pages::relative(NOW, NOW),
        expires_class: "soon",
        last_used: Some(pages::relative(NOW, NOW)),
        last_used_from: text.into(),
        created_by: text.into(),
        unused_days: Some(45),
    }
}

fn rows(text: &str) -> Vec<Row> {
    let badges = [
        StatusBadge::Active,
        StatusBadge::ExpiresSoon { urgent: true },
        StatusBadge::Grace(pages::moment(NOW)),
        StatusBadge::Expired,
    ];
    badges.into_iter().map(|status| row(text, status)).collect()
}

#[test]
fn no_label_becomes_markup_in_the_list() {
    for text in template_tests::texts() {
        let list = |active, rows, candidates| List {
            chrome: template_tests::chrome(&text),
            rows,
            active,
            limit: 10,
            candidates,
            dead_secrets: vec![DeadSecret {
                id: text.clone(),
                label: text.clone(),
                times: 3,
                seen: pages::relative(NOW, NOW),
            }],
        };
        template_tests::render(&list(0, Vec::new(), Vec::new()));
        template_tests::render(&list(3, rows(&text), Vec::new()));
        let full = template_tests::render(&list(10, rows(&text), rows(&text)));
        assert!(full.contains("disabled") && full.contains("All 10 places are taken."));
    }
}

#[test]
fn no_label_becomes_markup_in_the_forms() {
    for text in template_tests::texts() {
        for (partial, fresh) in [(false, true), (true, false)] {
            template_tests::render(&generate::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "label") },
                nonce: text.clone(),
                label: text.clone(),
                days: text.clone(),
                maximum_days: 365,
                now: text.clone(),
                expires: text.clone(),
                duplicate: text.clone(),
            });
            template_tests::render(&rotate::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "password") },
                nonce: text.clone(),
                key: row(&text, if partial { StatusBadge::Active } else { StatusBadge::Expired }),
                expires: pages::date(NOW),
                in_use_from: 2,
                graces: vec![(0, "None", true), (3600, "1 hour", false)],
                end_issued_tokens: true,
            });
            template_tests::render(&revoke::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "confirm") },
                key: row(&text, StatusBadge::Grace(pages::moment(NOW))),
                typed: text.clone(),
            });
            template_tests::render(&end_grace::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "") },
                key: row(&text, StatusBadge::Active),
            });
        }
    }
}

#[test]
fn no_label_becomes_markup_on_a_keys_pages() {
    for text in template_tests::texts() {
        let source =
            || page::Source { address: text.clone(), last: pages::relative(NOW, NOW), previous_secret: true };
        template_tests::render(&page::Page {
            chrome: template_tests::chrome(&text),
            key: row(&text, StatusBadge::Active),
            created: pages::moment(NOW),
            expires_at: pages::moment(NOW),
            lifetime_days: 1,
            rotated: Some(pages::moment(NOW)),
            grace_until: Some(pages::moment(NOW)),
            grace_uses: 1,
            dead_uses: 2,
            dead_seen: Some(pages::moment(NOW)),
            exchanges: pages::days_chart(vec![(NOW, 3)], "exchanges"),
            calls: pages::days_chart(Vec::new(), "API calls"),
            other_addresses: 3,
            sources: vec![source()],
            more_sources: vec![source()],
        });
        for used in [None, Some((pages::moment(NOW), text.clone()))] {
            template_tests::render(&page::FirstUse { id: text.clone(), since: 1, used });
        }
        template_tests::render(&show_once::SentBefore {
            chrome: template_tests::chrome(&text),
            id: text.clone(),
        });
    }
}

#[test]
fn the_secret_stands_in_the_page_and_in_no_address_of_it() {
    let secret = "dks_0123456789";
    for (occasion, grace) in
        [(show_once::Occasion::Generated, None), (show_once::Occasion::Rotated, Some(pages::moment(NOW)))]
    {
        for text in template_tests::texts() {
            let shown = template_tests::render(&show_once::ShownOnce {
                chrome: template_tests::chrome(&text),
                occasion,
                id: &text,
                label: &text,
                secret,
                combined: "Y29tYmluZWQ=",
                expires: pages::date(NOW),
                grace: grace.clone(),
                token_url: text.clone(),
                graphql_url: &text,
                since: 1,
            });
            assert!(shown.contains(&format!(">{secret}</code>")));
            for attribute in ["href=\"", "hx-get=\"", "src=\"", "action=\"", "value=\""] {
                let values = shown.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap());
                assert!(values.into_iter().all(|value| !value.contains(secret)), "{attribute}");
            }
        }
    }
}
