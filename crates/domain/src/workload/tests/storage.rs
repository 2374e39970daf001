//! Conditions made from a run, and as they are stored.

use super::*;
use proptest::prelude::*;

#[test]
fn the_first_run_is_allowed_exactly_as_it_came() {
    let token = github_token(json!({ "environment": "" }));
    let conditions = Conditions::exactly(Preset::GitHubActions, &token).unwrap();
    assert_eq!(verdict(&conditions, &token), Ok(()));
    assert_eq!(conditions.dangers(), BTreeSet::new());
    let names: Vec<_> = conditions.others().iter().map(|condition| condition.claim().to_string()).collect();
    assert_eq!(names, ["ref", "workflow_ref", "runner_environment"]);
    assert_eq!(
        verdict(&conditions, &github_token(json!({ "ref": "refs/heads/dev" }))),
        Err(RejectionReason::Conditions)
    );
    // What is dangerous is named, so that another dangerous event is another decision.
    let comment = github_token(json!({ "event_name": "issue_comment" }));
    let conditions = Conditions::exactly(Preset::GitHubActions, &comment).unwrap();
    assert_eq!(conditions.dangers(), BTreeSet::from([Danger::UntrustedCode]));
    assert_eq!(
        verdict(&conditions, &github_token(json!({ "event_name": "workflow_run" }))),
        Err(RejectionReason::Conditions)
    );
    let gitlab = claims(
        json!({ "project_id": "1", "namespace_id": "2", "ref": "main", "ref_type": "branch", "ref_protected": "true" }),
    );
    assert!(Conditions::exactly(Preset::GitLabCi, &gitlab).unwrap().dangers().is_empty());
    assert!(Conditions::exactly(Preset::AnyOidc, &claims(json!({ "sub": "robot" }))).is_ok());
    assert_eq!(
        Conditions::exactly(Preset::GitHubActions, &claims(json!({ "sub": "x" }))).unwrap_err().field,
        "pins"
    );
}

#[test]
fn stored_conditions_are_checked_when_they_are_read() {
    let json = json!({
        "preset": "github_actions",
        "pins": [{ "claim": "repository_id", "equals": ["1"] }, { "claim": "repository_owner_id", "equals": ["2"] }],
        "conditions": [{ "claim": "ref", "equals": ["refs/heads/main"], "patterns": ["refs/heads/*"] }],
    });
    let read = |value: &Value| serde_json::from_value::<Conditions>(value.clone());
    let conditions = read(&json).unwrap();
    assert_eq!(serde_json::to_value(&conditions).unwrap(), json);
    for (pointer, bad) in [
        ("/preset", json!("github")),
        ("/pins", json!([])),
        ("/pins/0/equals", json!(["acme"])),
        ("/conditions/0/patterns/0", json!("main*")),
        ("/conditions/0/claim", json!("aud")),
    ] {
        let mut changed = json.clone();
        *changed.pointer_mut(pointer).unwrap() = bad;
        assert!(read(&changed).is_err(), "{pointer}");
    }
    for name in ["preset", "pins", "conditions"] {
        let mut fewer = json.clone();
        fewer.as_object_mut().unwrap().remove(name);
        assert!(read(&fewer).is_err(), "{name}");
    }
    // As it was written when a claim had one pattern at most.
    let mut former = json.clone();
    former["conditions"] = json!([{ "claim": "ref", "pattern": "refs/heads/*" }]);
    let (former, texts) = (read(&former).unwrap(), |conditions: &Conditions| {
        conditions.others()[0].texts().map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(texts(&former), ["refs/heads/*"]);
    assert_eq!(texts(&conditions), ["refs/heads/main", "refs/heads/*"]);
    let mut more = json;
    more["regex"] = true.into();
    assert!(read(&more).unwrap_err().to_string().contains("regex"));
}

prop_compose! {
    fn any_conditions()(
        ids in prop::collection::vec("[0-9]{1,10}", 1..4),
        owner in "[0-9]{1,10}",
        others in prop::collection::btree_map("[a-z]{3,8}", ("[a-zA-Z0-9:/. ]{1,10}x", any::<bool>()), 0..5),
    ) -> Conditions {
        let pins = vec![
            Condition::any_of(claim("repository_id"), &ids).unwrap(),
            Condition::equals(claim("repository_owner_id"), &owner).unwrap(),
        ];
        let others = others.into_iter().map(|(name, (text, is_pattern))| {
            // No claim of these tests has a form of its own.
            let name = claim(&format!("x_{name}"));
            let made = if is_pattern { Condition::pattern(name, &format!("{text}*")) } else { Condition::equals(name, &text) };
            made.unwrap()
        });
        Conditions::new(Preset::GitHubActions, pins, others.collect()).unwrap()
    }
}

proptest! {
    #[test]
    fn conditions_read_back_from_json(conditions in any_conditions()) {
        let json = serde_json::to_string(&conditions).unwrap();
        prop_assert_eq!(serde_json::from_str::<Conditions>(&json).unwrap(), conditions);
    }

    #[test]
    fn a_token_that_lacks_a_pin_is_of_no_use(
        conditions in any_conditions(), id in "[0-9]{1,10}", owner in "[0-9]{1,10}", event in "[a-z_]{0,12}",
    ) {
        let token = claims(json!({ "repository_id": id, "repository_owner_id": owner, "event_name": event }));
        let report = check(&conditions, &token, &Danger::ALL.into());
        let is_pinned = conditions.pins().iter().all(|pin| pin.matches(Preset::GitHubActions, &token));
        prop_assert_eq!(report.pins_match(), is_pinned);
        prop_assert_eq!(report.is_match(), is_pinned && conditions.others().is_empty());
        prop_assert_eq!(report.require_match().is_ok(), report.is_match());
    }

    #[test]
    fn whatever_the_claims_are_they_are_judged(text in ".{0,40}", pairs in prop::collection::vec(("[a-z_.]{1,14}", ".{0,20}"), 0..8)) {
        let mut token = Claims::new();
        for (name, value) in pairs {
            token.insert(name, value.into());
        }
        token.insert("repository_id".to_owned(), text.into());
        let conditions = github(&[("ref", "refs/heads/*")]);
        let report = check(&conditions, &token, &BTreeSet::new());
        prop_assert!(!report.is_match());
        prop_assert!(report.checks().all(|check| check.got.chars().count() <= 2000));
    }
}
