//! Tokens that nearly match.

use super::*;

/// The attacks, each as what it changes in a token that is accepted.
#[test]
fn tokens_of_strangers_are_rejected() {
    use RejectionReason::{Conditions as Others, Pins};
    let conditions =
        github(&[("ref", "refs/heads/*"), ("workflow_ref", WORKFLOW), ("repository", "acme/shop")]);
    assert_eq!(verdict(&conditions, &github_token(json!({}))), Ok(()));
    for (changes, expected) in [
        // Names are not told apart by case, and numbers may come as such.
        (json!({ "repository": "Acme/SHOP" }), None),
        (json!({ "workflow_ref": "ACME/Shop/.github/workflows/deploy.yml@refs/heads/main" }), None),
        (json!({ "repository_id": 424_242, "repository_owner_id": 2020 }), None),
        // Renamed and registered anew: the same names, other ids.
        (json!({ "repository_id": "999" }), Some(Pins)),
        (json!({ "repository_owner_id": "999" }), Some(Pins)),
        (json!({ "repository_id": "0424242" }), Some(Pins)),
        (json!({ "repository_id": " 424242" }), Some(Pins)),
        (json!({ "repository_id": "424242\u{200B}" }), Some(Pins)),
        (json!({ "repository_id": "４２４２４２" }), Some(Pins)),
        // Claims of other kinds.
        (json!({ "repository_id": null }), Some(Pins)),
        (json!({ "repository_id": ["424242"] }), Some(Pins)),
        (json!({ "repository_id": { "424242": "424242" } }), Some(Pins)),
        (json!({ "repository_id": true }), Some(Pins)),
        (json!({ "repository_id": 424_242.0 }), Some(Pins)),
        (json!({ "ref": ["refs/heads/main"] }), Some(Others)),
        (json!({ "ref": null }), Some(Others)),
        // Look-alikes.
        (json!({ "repository": "acme/shop-evil" }), Some(Others)),
        (json!({ "repository": "acme/sh\u{43E}p" }), Some(Others)),
        (json!({ "repository": "acme/shop/" }), Some(Others)),
        (json!({ "repository": "\u{FF21}cme/shop" }), Some(Others)),
        (json!({ "repository": "acme/\u{212A}" }), Some(Others)),
        // The case of the rest counts.
        (json!({ "ref": "refs/Heads/main" }), Some(Others)),
        (json!({ "workflow_ref": "acme/shop/.github/workflows/Deploy.yml@refs/heads/main" }), Some(Others)),
        // No * crosses / or :.
        (json!({ "ref": "refs/heads/a/b" }), Some(Others)),
        (json!({ "ref": "refs/heads/a:b" }), Some(Others)),
        (json!({ "ref": "refs/heads/" }), Some(Others)),
        (json!({ "ref": "refs/heads/main\n" }), Some(Others)),
        // Events that nobody accepted.
        (json!({ "event_name": "pull_request_target" }), Some(Others)),
        (json!({ "event_name": "Workflow_Run" }), Some(Others)),
        (json!({ "event_name": "issue_comment" }), Some(Others)),
        (json!({ "event_name": "pull_request" }), Some(Others)),
        (json!({ "event_name": null }), Some(Others)),
        (json!({ "event_name": ["push"] }), Some(Others)),
        (json!({ "event_name": "release" }), None),
    ] {
        let token = github_token(changes.clone());
        assert_eq!(verdict(&conditions, &token).err(), expected, "{changes}");
    }
    for missing in ["repository_id", "repository_owner_id", "ref", "workflow_ref", "repository", "event_name"]
    {
        let mut token = github_token(json!({}));
        token.remove(missing);
        assert!(verdict(&conditions, &token).is_err(), "{missing}");
        let report = check(&conditions, &token, &BTreeSet::new());
        assert_eq!(report.first_failure().unwrap().got, "missing");
    }
}

#[test]
fn a_report_without_pins_matches_nobody() {
    let nothing = Report { pins: Vec::new(), others: Vec::new() };
    assert!(!nothing.pins_match() && !nothing.is_match());
    assert_eq!(nothing.require_match().unwrap_err().reason, RejectionReason::Pins);
}

#[test]
fn only_names_of_owners_and_repositories_are_compared_without_case() {
    for (name, value, sent, expected) in [
        ("repository_owner", "Acme", "aCME", true),
        ("repository", "Acme/*", "acme/Shop", true),
        ("repository_owner", "st\u{E4}dte", "ST\u{C4}DTE", false),
        ("environment", "Production", "production", false),
        ("actor", "Ada", "ada", false),
    ] {
        let token = github_token(json!({ name: sent }));
        assert_eq!(verdict(&github(&[(name, value)]), &token).is_ok(), expected, "{name} {value}");
    }
    let google =
        try_conditions(Preset::GoogleCloud, &[("sub", "1")], &[("repository", "Acme/shop")]).unwrap();
    assert!(verdict(&google, &claims(json!({ "sub": "1", "repository": "acme/shop" }))).is_err());
}

#[test]
fn nested_claims_are_not_taken_for_others() {
    let conditions = try_conditions(
        Preset::Kubernetes,
        &[
            ("/kubernetes.io/namespace", "shop"),
            ("/kubernetes.io/serviceaccount/name", "deploy"),
            ("/kubernetes.io/serviceaccount/uid", UUID),
        ],
        &[],
    )
    .unwrap();
    let account = json!({ "name": "deploy", "uid": UUID });
    for (token, expected) in [
        (json!({ "kubernetes.io": { "namespace": "shop", "serviceaccount": account } }), true),
        (json!({ "kubernetes.io": [{ "namespace": "shop", "serviceaccount": account }] }), false),
        (json!({ "kubernetes.io/namespace": "shop", "kubernetes.io": { "serviceaccount": account } }), false),
        (json!({ "kubernetes.io": { "namespace": "shop", "serviceaccount": [account] } }), false),
        (json!({ "kubernetes.io": "shop" }), false),
        // The same account made anew, and one of the same name elsewhere.
        (
            json!({ "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "deploy", "uid": "x" } } }),
            false,
        ),
        (json!({ "kubernetes.io": { "namespace": "evil", "serviceaccount": account } }), false),
    ] {
        assert_eq!(verdict(&conditions, &claims(token.clone())).is_ok(), expected, "{token}");
    }
}

#[test]
fn an_accepted_danger_is_not_rejected() {
    let conditions = github(&[("workflow_ref", WORKFLOW)]);
    for (event, danger) in
        [("pull_request_target", Danger::UntrustedCode), ("pull_request", Danger::PullRequests)]
    {
        let token = github_token(json!({ "event_name": event }));
        let rejected = check(&conditions, &token, &BTreeSet::new());
        assert!(rejected.pins_match() && !rejected.is_match());
        assert_eq!(rejected.first_failure().unwrap().danger, Some(danger));
        assert_eq!(
            rejected.require_match().unwrap_err().message,
            format!(
                "`event_name` must be without the danger `{}`, which this key does not accept; it is {event}",
                danger.as_str()
            )
        );
        assert!(check(&conditions, &token, &[danger].into()).is_match());
    }
    let conditions = try_conditions(
        Preset::GitLabCi,
        &[("project_id", "1"), ("namespace_id", "2")],
        &[("ref", "main"), ("ref_type", "branch")],
    )
    .unwrap();
    let token = |source| {
        claims(
            json!({ "project_id": "1", "namespace_id": "2", "ref": "main", "ref_type": "branch", "pipeline_source": source }),
        )
    };
    assert_eq!(verdict(&conditions, &token("push")), Ok(()));
    assert_eq!(verdict(&conditions, &token("merge_request_event")), Err(RejectionReason::Conditions));
}

#[test]
fn a_report_says_claim_by_claim_what_was_expected_and_what_came() {
    let conditions = github(&[("ref", "refs/heads/*"), ("environment", "production")]);
    let hostile = format!("a\u{202E}\n{}", "x".repeat(300));
    let report = check(&conditions, &github_token(json!({ "environment": hostile })), &BTreeSet::new());
    assert!(report.pins_match());
    let lines: Vec<_> = report.checks().map(|check| (check.claim.to_string(), check.is_match)).collect();
    let expected =
        [("repository_id", true), ("repository_owner_id", true), ("ref", true), ("environment", false)];
    assert_eq!(lines, expected.map(|(claim, is_match)| (claim.to_owned(), is_match)));
    let failure = report.first_failure().unwrap();
    assert!(
        failure.got.starts_with("a<U+202E><U+000A>xxx") && failure.got.ends_with("..."),
        "{}",
        failure.got
    );
    assert!(failure.got.chars().count() < 230);
    let pattern = &report.others[0];
    assert_eq!((pattern.expected.as_str(), pattern.got.as_str()), ("like refs/heads/*", "refs/heads/main"));
}
