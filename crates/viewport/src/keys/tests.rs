use super::{row::Standing, *};
use crate::{hostile, trouble::Trouble};
use domain::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn row(text: &str, standing: Standing) -> Row {
    Row {
        id: text.into(),
        label: text.into(),
        hint: text.into(),
        is_active: standing != Standing::Expired,
        standing,
        expires: pages::relative(NOW, NOW),
        expires_class: "soon",
        last_used: Some(pages::relative(NOW, NOW)),
        last_used_from: text.into(),
        created_by: text.into(),
        unused_days: Some(45),
    }
}

fn rows(text: &str) -> Vec<Row> {
    let standings = [
        Standing::Active,
        Standing::ExpiresSoon { urgent: true },
        Standing::Grace(pages::moment(NOW)),
        Standing::Expired,
    ];
    standings.into_iter().map(|standing| row(text, standing)).collect()
}

fn trouble(field: &'static str, text: &str) -> Trouble {
    Trouble::new(field, text)
}

#[test]
fn no_label_becomes_markup_in_the_list() {
    for text in hostile::texts() {
        let list = |active, rows, candidates| List {
            head: Head::new(text.as_str()),
            chrome: hostile::chrome(&text),
            notice: notice(Some("done=revoked")),
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
        hostile::render(&list(0, Vec::new(), Vec::new()));
        hostile::render(&list(3, rows(&text), Vec::new()));
        let full = hostile::render(&list(10, rows(&text), rows(&text)));
        assert!(full.contains("disabled") && full.contains("All 10 places are taken."));
    }
}

#[test]
fn no_label_becomes_markup_in_the_forms() {
    for text in hostile::texts() {
        for (partial, fresh) in [(false, true), (true, false)] {
            hostile::render(&generate::Form {
                head: Head::new(text.as_str()),
                chrome: hostile::chrome(&text),
                partial,
                nonce: text.clone(),
                label: text.clone(),
                days: text.clone(),
                maximum_days: 365,
                now: text.clone(),
                expires: text.clone(),
                duplicate: text.clone(),
                fresh,
                trouble: trouble("label", &text),
            });
            hostile::render(&rotate::Form {
                head: Head::new(text.as_str()),
                chrome: hostile::chrome(&text),
                partial,
                nonce: text.clone(),
                key: row(&text, if partial { Standing::Active } else { Standing::Expired }),
                expires: pages::date(NOW),
                in_use_from: 2,
                graces: vec![(0, "None", true), (3600, "1 hour", false)],
                end_issued_tokens: true,
                fresh,
                trouble: trouble("password", &text),
            });
            hostile::render(&revoke::Form {
                head: Head::new(text.as_str()),
                chrome: hostile::chrome(&text),
                partial,
                key: row(&text, Standing::Grace(pages::moment(NOW))),
                typed: text.clone(),
                fresh,
                trouble: trouble("confirm", &text),
            });
            hostile::render(&end_grace::Form {
                head: Head::new(text.as_str()),
                chrome: hostile::chrome(&text),
                partial,
                key: row(&text, Standing::Active),
                fresh,
                trouble: trouble("", &text),
            });
        }
    }
}

#[test]
fn no_label_becomes_markup_on_a_keys_pages() {
    for text in hostile::texts() {
        let source =
            || page::Source { address: text.clone(), last: pages::relative(NOW, NOW), previous_secret: true };
        hostile::render(&page::Page {
            head: Head::new(text.as_str()),
            chrome: hostile::chrome(&text),
            key: row(&text, Standing::Active),
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
            hostile::render(&page::FirstUse { id: text.clone(), since: 1, used });
        }
        hostile::render(&once::SentBefore {
            head: Head::new(text.as_str()),
            chrome: hostile::chrome(&text),
            id: text.clone(),
        });
    }
}

#[test]
fn the_secret_stands_in_the_page_and_in_no_address_of_it() {
    let secret = "dks_0123456789";
    for (occasion, grace) in
        [(once::Occasion::Generated, None), (once::Occasion::Rotated, Some(pages::moment(NOW)))]
    {
        for text in hostile::texts() {
            let shown = hostile::render(&once::Once {
                head: Head::new(text.as_str()),
                chrome: hostile::chrome(&text),
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
