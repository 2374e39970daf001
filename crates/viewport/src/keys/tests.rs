use super::*;
use crate::template_tests::{self, NOW};
use domain::{
    ClientSecret, SecretDigest,
    api_key::{Grace, usage::Exchange},
};
use page::UsedSecret;
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
                makes_secrets: fresh,
            });
            template_tests::render(&rotate::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "password") },
                nonce: text.clone(),
                row: row(&text, if partial { 0 } else { 31 }),
                expires: pages::date(&NOW),
                in_use_from: 2,
                graces: vec![(0, "None", "It stops.", true), (3600, "1 hour", "", false)],
                end_issued_tokens: true,
            });
            template_tests::render(&revoke::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "confirm") },
                row: in_grace(&text),
                in_use_from: 2,
                typed: &text,
            });
            template_tests::render(&rename::Form {
                chrome: Chrome { partial, fresh, ..template_tests::form(&text, "label") },
                id: template_tests::key(&text).key.id,
                current: template_tests::key(&text).key.label,
                label: text.clone(),
                duplicate: text.clone(),
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
                exchange: None,
                run: None,
            },
            secret,
        };
        let page = |row: Row, awaits_first_use: bool| page::Page {
            chrome: template_tests::chrome(&text),
            identity: secretless::IdentityView::of(&row.overview, &text, (&text, &text), NOW),
            setup_first: awaits_first_use,
            attempts: (!awaits_first_use).then(|| secretless::tests::panel(&text, true)),
            row,
            awaits_first_use,
            token_url: text.clone(),
            graphql_url: text.clone(),
            grace_uses: 1,
            issued: pages::days_chart(vec![(NOW, 3)], "token issued", "tokens issued"),
            calls: pages::days_chart(Vec::new(), "API call", "API calls"),
            other_addresses: 3,
            sources: vec![source(page::UsedSecret::Current), source(page::UsedSecret::Previous)],
            more_sources: vec![source(page::UsedSecret::Former), source(page::UsedSecret::Token)],
        };
        template_tests::render(&page(in_grace(&text), true));
        for overview in secretless::tests::overviews(&text) {
            template_tests::render(&page(Row::of(&overview, NOW), false));
        }
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

/// Which secret it was is known by the secret: a rotation and the uses before and after it overlap in time.
#[test]
fn each_address_says_which_secret_it_used() {
    let mut key = template_tests::key("CI").key;
    let [current, previous, former] = [0, 1, 2].map(|byte| SecretDigest([byte; 32]));
    key.grace = Some(Grace { digest: previous, until: NOW.plus_seconds(60) });
    let source = |address: &str, secret: Option<SecretDigest>| domain::RecentSource {
        address: address.to_owned(),
        previous_secret: secret == Some(previous),
        user_agent: None,
        last_used_at: NOW,
        exchange: secret.map(|secret| Exchange { at: NOW, secret }),
        run: None,
    };
    let sources = vec![
        source("192.0.2.1", Some(current)),
        source("192.0.2.2", Some(previous)),
        source("192.0.2.2", None),
        source("192.0.2.3", Some(former)),
        source("192.0.2.4", None),
    ];
    let used = |now| page::with_secrets(&key, sources.clone(), now).into_iter().map(|one| one.secret);
    let all = [UsedSecret::Current, UsedSecret::Previous, UsedSecret::Former, UsedSecret::Token];
    assert_eq!(used(NOW).collect::<Vec<_>>(), all);
    let later = [UsedSecret::Current, UsedSecret::Former, UsedSecret::Former, UsedSecret::Token];
    assert_eq!(used(NOW.plus_seconds(60)).collect::<Vec<_>>(), later);
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
