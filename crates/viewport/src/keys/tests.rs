use super::*;
use crate::template_tests::{self, NOW};
use domain::{ClientSecret, api_key::Grace};
use service::keys::GeneratedKey;

const DAY_SECONDS: i64 = 86_400;

/// A key as the list shows it so many days after it was made for 30.
fn row(text: &str, day: i64) -> Row {
    Row::of(&template_tests::key(text), NOW.plus_seconds(day * DAY_SECONDS))
}

fn in_grace(text: &str) -> Row {
    let mut overview = template_tests::key(text);
    let until = NOW.plus_seconds(3600);
    overview.key.grace = Some(Grace { digest: overview.key.secret.digest, until });
    Row::of(&overview, NOW)
}

fn rows(text: &str) -> Vec<Row> {
    let rows = vec![row(text, 0), row(text, 28), in_grace(text), row(text, 31)];
    let badges = rows.iter().map(|row| row.status.class()).collect::<Vec<_>>();
    assert_eq!(badges, ["ok", "urgent", "grace", "off"]);
    rows
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
            notices: vec![KeyNotice {
                key: template_tests::key(&text).key.id,
                label: text.clone(),
                matter: NoticeReason::DeadSecret(NOW, 3),
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
            template_tests::render(&generate::Full {
                chrome: Chrome { partial, ..template_tests::chrome(&text) },
                limit: 10,
                candidates: rows(&text),
            });
            template_tests::render(&generate::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "label") },
                nonce: text.clone(),
                label: text.clone(),
                days: text.clone(),
                maximum_days: 365,
                lifetimes: vec![30, 90],
                sends_mail: partial,
                now: text.clone(),
                expires: text.clone(),
                duplicate: text.clone(),
            });
            template_tests::render(&rotate::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "password") },
                nonce: text.clone(),
                row: row(&text, if partial { 0 } else { 31 }),
                expires: pages::date(&NOW),
                in_use_from: 2,
                graces: vec![(0, "None", true), (3600, "1 hour", false)],
                end_issued_tokens: true,
            });
            template_tests::render(&revoke::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "confirm") },
                row: in_grace(&text),
                in_use_from: 2,
                typed: &text,
            });
            template_tests::render(&end_grace::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "") },
                row: row(&text, 0),
            });
        }
    }
}

#[test]
fn no_label_becomes_markup_on_a_keys_pages() {
    for text in template_tests::texts() {
        let source = |secret| page::Source {
            source: domain::RecentSource {
                address: text.clone(),
                previous_secret: true,
                user_agent: Some(text.clone()),
                last_used_at: NOW,
                exchanged_at: None,
            },
            secret,
        };
        template_tests::render(&page::Page {
            chrome: template_tests::chrome(&text),
            row: in_grace(&text),
            awaits_first_use: true,
            token_url: text.clone(),
            graphql_url: text.clone(),
            grace_uses: 1,
            issued: pages::days_chart(vec![(NOW, 3)], "token issued", "tokens issued"),
            calls: pages::days_chart(Vec::new(), "API call", "API calls"),
            other_addresses: 3,
            sources: vec![source(page::UsedSecret::Current), source(page::UsedSecret::Previous)],
            more_sources: vec![source(page::UsedSecret::Former), source(page::UsedSecret::Token)],
        });
        for state in [
            page::FirstUseState::Waiting,
            page::FirstUseState::Used(pages::moment(&NOW), text.clone()),
            page::FirstUseState::Gone(text.clone()),
        ] {
            template_tests::render(&page::FirstUse { id: text.clone(), state });
        }
        template_tests::render(&show_once::SentBefore { chrome: template_tests::chrome(&text), id: &text });
    }
}

#[test]
fn the_secret_stands_in_the_page_and_in_no_address_of_it() {
    for (occasion, grace) in
        [(show_once::Occasion::Generated, None), (show_once::Occasion::Rotated, Some(pages::moment(&NOW)))]
    {
        for text in template_tests::texts() {
            let secret = ClientSecret::generate(&testkit::SeededEntropy::new(1));
            let generated = GeneratedKey { key: template_tests::key(&text).key, secret };
            let shown = template_tests::render(&show_once::ShownOnce {
                chrome: template_tests::chrome(&text),
                occasion,
                generated: &generated,
                combined: "Y29tYmluZWQ=",
                grace: grace.clone(),
                token_url: text.clone(),
                graphql_url: &text,
            });
            let secret = generated.secret.expose();
            assert!(shown.contains(&format!(">{secret}</code>")));
            for attribute in ["href=\"", "hx-get=\"", "src=\"", "action=\"", "value=\""] {
                let values = shown.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap());
                assert!(values.into_iter().all(|value| !value.contains(secret)), "{attribute}");
            }
        }
    }
}
