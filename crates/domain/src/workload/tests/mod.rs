//! Conditions as Admins write them, and tokens as strangers would like them to be.

mod attacks;
mod saving;
mod storage;

use super::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const UUID: &str = "5a301f56-eaa7-4cce-9441-37810f7c8452";

fn claims(value: Value) -> Claims {
    let Value::Object(claims) = value else { panic!("no object") };
    claims
}

fn claim(text: &str) -> ClaimName {
    ClaimName::parse(text).unwrap()
}

/// A condition as people note it: with a `*` it is a pattern.
fn condition(name: &str, value: &str) -> Condition {
    let made = if value.contains('*') {
        Condition::pattern(claim(name), value)
    } else {
        Condition::equals(claim(name), value)
    };
    made.unwrap()
}

fn list(conditions: &[(&str, &str)]) -> Vec<Condition> {
    conditions.iter().map(|(name, value)| condition(name, value)).collect()
}

fn try_conditions(
    preset: Preset,
    pins: &[(&str, &str)],
    others: &[(&str, &str)],
) -> Result<Conditions, crate::Invalid> {
    Conditions::new(preset, list(pins), list(others))
}

const GITHUB_PINS: [(&str, &str); 2] = [("repository_id", "424242"), ("repository_owner_id", "2020")];
const WORKFLOW: &str = "acme/shop/.github/workflows/deploy.yml@refs/heads/main";

fn github(others: &[(&str, &str)]) -> Conditions {
    try_conditions(Preset::GitHubActions, &GITHUB_PINS, others).unwrap()
}

/// A token of GitHub (names and forms as in its documentation), with `changes`.
fn github_token(changes: Value) -> Claims {
    let mut token = claims(json!({
        "iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme@2020/shop@424242:ref:refs/heads/main",
        "repository": "acme/shop", "repository_id": "424242", "repository_owner": "acme", "repository_owner_id": "2020",
        "ref": "refs/heads/main", "ref_type": "branch", "event_name": "push", "workflow_ref": WORKFLOW,
        "job_workflow_ref": WORKFLOW, "runner_environment": "github-hosted", "run_id": "22259804324", "run_number": "42",
        "sha": "c9ed89cf4dacf01feb527c42a26e0a8920d14c61", "actor": "ada",
    }));
    token.extend(claims(changes));
    token
}

fn verdict(conditions: &Conditions, token: &Claims) -> Result<(), RejectionReason> {
    check(conditions, token, &BTreeSet::new()).require_match().map_err(|rejection| rejection.reason)
}

#[test]
fn words_of_methods_reasons_and_dangers_read_back() {
    for method in AuthenticationMethod::ALL {
        assert_eq!(AuthenticationMethod::parse(method.as_str()), Some(method));
    }
    for danger in Danger::ALL {
        assert_eq!(Danger::parse(danger.as_str()), Some(danger));
        assert!(danger.describe().ends_with('.'));
    }
    for reason in RejectionReason::ALL {
        assert_eq!(RejectionReason::parse(reason.as_str()), Some(reason));
    }
    assert!(RejectionReason::ALL.is_sorted());
    assert!(
        RejectionReason::Audience < RejectionReason::Pins
            && RejectionReason::Pins < RejectionReason::Conditions
    );
}
