//! No value of a stranger's token becomes markup, whatever page shows it.

use super::{
    AttemptsPanel, IdentityView, allow_form, attempts::AttemptView, change, check, generate,
    identity_form::IdentityForm, renew, replace,
};
use crate::{frame::form::Fields, template_tests};
use domain::{
    KeyOverview, Timestamp,
    workload::{
        Accepts, ClaimName, ClientKeys, Condition, Conditions, Danger, Identity, IssuerUrl, KeyIdentity,
        Preset, RunLink, WorkloadIdentity,
    },
};
use service::tokens::assertion::{TokenCheck, TokenReport};
use std::collections::BTreeSet;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn attempt(text: &str) -> AttemptView {
    AttemptView {
        id: "a1".to_owned(),
        at: pages::moment(&NOW),
        times: 2,
        run: text.to_owned(),
        run_url: Some(text.to_owned()),
        about: text.to_owned(),
        message: text.to_owned(),
        address: text.to_owned(),
        claims: vec![(text.to_owned(), text.to_owned())],
        looks_like: Some(text.to_owned()),
        can_be_allowed: true,
    }
}

fn overview(text: &str, identity: Identity) -> KeyOverview {
    let overview = template_tests::key(text);
    let identity = KeyIdentity {
        key_id: overview.key.id.clone(),
        organisation_id: overview.key.organisation_id.clone(),
        identity,
        version: 1,
        changed_at: NOW,
    };
    let run = RunLink { title: text.to_owned(), url: Some("https://github.com/acme/shop".to_owned()) };
    KeyOverview { identity: Some(identity), last_run: Some(run), ..overview }
}

/// Every kind of identity, with a value that a person may have typed.
pub(crate) fn overviews(text: &str) -> Vec<KeyOverview> {
    let workload = |accepts| WorkloadIdentity {
        preset: Preset::AnyOidc,
        issuer: IssuerUrl::parse("https://issuer.example").unwrap(),
        audience: Some(text.to_owned()),
        key_set: Some(text.to_owned()),
        accepts,
    };
    let condition = |name: &str| Condition::equals(ClaimName::parse(name).unwrap(), text).ok();
    let conditions = Conditions::new(
        Preset::AnyOidc,
        condition("sub").into_iter().collect(),
        condition("other").into_iter().collect(),
    );
    let accepted_dangers = BTreeSet::from([Danger::ReusedTokens]);
    let mut identities = vec![
        Identity::WorkloadIdentity(workload(Accepts::Waiting { until_ms: NOW.ms() + 1 })),
        Identity::WorkloadIdentity(workload(Accepts::Waiting { until_ms: 0 })),
        Identity::PrivateKeyJwt(ClientKeys::KeySet(
            serde_json::json!({ "keys": [{ "kid": text }] }).to_string(),
        )),
        Identity::PrivateKeyJwt(ClientKeys::Url(IssuerUrl::parse("https://client.example/jwks").unwrap())),
    ];
    identities.extend(conditions.ok().map(|conditions| {
        Identity::WorkloadIdentity(workload(Accepts::Workloads { conditions, accepted_dangers }))
    }));
    identities.into_iter().map(|identity| overview(text, identity)).collect()
}

pub(crate) fn panel(text: &str, is_live: bool) -> AttemptsPanel {
    AttemptsPanel {
        id: text.to_owned(),
        is_live,
        is_waiting: is_live,
        first_run: Some(RunLink {
            title: text.to_owned(),
            url: Some("https://github.com/acme/shop".to_owned()),
        }),
        attempts: vec![attempt(text)],
        fingerprint: "1f".to_owned(),
    }
}

fn forms(text: &str, is_public_keys: bool) -> Vec<IdentityForm> {
    let names = ["issuer", "audience", "key_set", "pins", "conditions", "public_keys", "public_keys_url"];
    let presets = ["", "github_actions", "kubernetes", "buildkite"].map(|preset| ("preset", preset));
    let forms = presets.into_iter().flat_map(move |preset| {
        let fields = names.into_iter().map(|name| (name, text)).chain([preset]).collect::<Fields>();
        [IdentityForm::sent(&fields, is_public_keys), IdentityForm::of_preset(&fields, is_public_keys)]
    });
    forms.collect::<Vec<_>>()
}

#[test]
fn no_value_of_a_token_or_form_becomes_markup() {
    for text in template_tests::texts() {
        for is_live in [true, false] {
            template_tests::render(&panel(&text, is_live));
            template_tests::render(&allow_form(&text, attempt(&text), is_live));
        }
        template_tests::render(&AttemptsPanel { attempts: Vec::new(), ..panel(&text, true) });
        let check = |is_passed| TokenCheck {
            name: text.clone(),
            expected: text.clone(),
            got: text.clone(),
            is_passed,
        };
        let key = template_tests::key(&text).key;
        for report in [
            None,
            Some(TokenReport { checks: vec![check(true)], run: None }),
            Some(TokenReport { checks: vec![check(true), check(false)], run: None }),
        ] {
            let chrome = template_tests::form(&text, "token");
            let (id, label) = (key.id.clone(), key.label.clone());
            template_tests::render(&check::Page { chrome, id, label, report });
        }
        for field in [
            "",
            "preset",
            "issuer",
            "pins",
            "conditions",
            "acceptedDangers",
            "audience",
            "keySet",
            "publicKeys",
        ] {
            for is_public_keys in [true, false] {
                for entered in forms(&text, is_public_keys) {
                    template_tests::render(&generate::Form {
                        chrome: template_tests::form(&text, field),
                        entered,
                        label: text.clone(),
                        days: text.clone(),
                        maximum_days: 365,
                        duplicate: text.clone(),
                        issuer_of_ours: text.clone(),
                        makes_secrets: is_public_keys,
                    });
                }
                for entered in forms(&text, is_public_keys) {
                    template_tests::render(&change::Form {
                        chrome: template_tests::form(&text, field),
                        id: key.id.clone(),
                        label: key.label.clone(),
                        entered,
                        end_issued_tokens: true,
                        issuer_of_ours: text.clone(),
                    });
                }
            }
            for entered in forms(&text, false) {
                template_tests::render(&replace::Form {
                    chrome: template_tests::form(&text, field),
                    id: key.id.clone(),
                    label: key.label.clone(),
                    entered,
                    graces: vec![(0, "None", true)],
                    issuer_of_ours: text.clone(),
                });
            }
        }
        template_tests::render(&generate::Choice {
            chrome: template_tests::form(&text, "preset"),
            makes_secrets: true,
        });
        template_tests::render(&renew::Form {
            chrome: template_tests::form(&text, ""),
            id: key.id.clone(),
            label: key.label.clone(),
            end_issued_tokens: true,
        });
    }
}

#[test]
fn a_key_shows_what_opens_it() {
    let views: Vec<_> = overviews("x")
        .iter()
        .map(|one| {
            IdentityView::of(
                one,
                "https://auth.example",
                ("https://auth.example/token", "https://a.example/graphql"),
                NOW,
            )
            .unwrap()
        })
        .collect();
    let seen: Vec<_> =
        views.iter().map(|view| (view.is_waiting, view.waiting_until.is_some(), view.pins.len())).collect();
    assert_eq!(
        seen,
        [(true, true, 0), (true, false, 0), (false, false, 0), (false, false, 0), (false, false, 1)]
    );
    assert_eq!(views[2].key_ids, ["x"]);
    assert_eq!(views[3].issuer, "https://client.example/jwks");
    assert!(views[0].pipeline.as_ref().is_some_and(|lines| lines.blocks[0] == ("Audience", "x".to_owned())));
}
