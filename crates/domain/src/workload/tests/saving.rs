//! What is rejected, or must be accepted, when conditions are saved.

use super::*;

#[test]
fn every_preset_takes_its_pins() {
    for (preset, pins) in [
        (Preset::GitHubActions, &GITHUB_PINS[..]),
        (Preset::GitLabCi, &[("project_id", "28"), ("namespace_id", "1")]),
        (
            Preset::Kubernetes,
            &[
                ("/kubernetes.io/namespace", "shop"),
                ("/kubernetes.io/serviceaccount/name", "deploy"),
                ("/kubernetes.io/serviceaccount/uid", UUID),
            ],
        ),
        (Preset::CircleCi, &[("oidc.circleci.com/project-id", UUID)]),
        (Preset::Buildkite, &[("organization_id", UUID), ("pipeline_id", UUID)]),
        (Preset::GoogleCloud, &[("sub", "112233445566778899000")]),
        (Preset::Aws, &[("sub", "arn:aws:iam::123456789012:role/deploy")]),
        (
            Preset::HcpTerraform,
            &[
                ("terraform_organization_id", "org-GRNbCjYNpBB6NEH9"),
                ("terraform_workspace_id", "ws-mbsd5E3Ktt5Rg2Xm"),
            ],
        ),
        (Preset::AnyOidc, &[("sub", "robot")]),
        (Preset::AnyOidc, &[("/realm/project/id", "7")]),
    ] {
        assert!(try_conditions(preset, pins, &[]).is_ok(), "{preset:?}");
        for missing in 0..pins.len() {
            let fewer: Vec<_> =
                pins.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, pin)| *pin).collect();
            let rejection = try_conditions(preset, &fewer, &[]).unwrap_err();
            assert_eq!(rejection.field, "pins", "{preset:?}");
            assert!(rejection.message.contains(pins[missing].0) || preset == Preset::AnyOidc, "{rejection}");
        }
    }
}

#[test]
fn misconfiguration_is_rejected_when_it_is_saved() {
    let kubernetes = |account, uid| {
        [
            ("/kubernetes.io/namespace", "shop"),
            ("/kubernetes.io/serviceaccount/name", account),
            ("/kubernetes.io/serviceaccount/uid", uid),
        ]
    };
    for (preset, pins, others, field, advice) in [
        (
            Preset::GitHubActions,
            &[("sub", "repo:acme/shop:ref:refs/heads/main")][..],
            &[][..],
            "pins",
            "customised",
        ),
        (Preset::GitHubActions, &[], &[("sub", "repo:acme/*:ref:refs/heads/main")], "pins", "customised"),
        (
            Preset::GitHubActions,
            &[],
            &[("repository", "acme/shop")],
            "pins",
            "repository_id and repository_owner_id",
        ),
        (
            Preset::GitHubActions,
            &[("repository_id", "acme"), ("repository_owner_id", "2020")],
            &[],
            "pins",
            "digits",
        ),
        (
            Preset::GitHubActions,
            &[("repository_id", "42*"), ("repository_owner_id", "2020")],
            &[],
            "pins",
            "no pattern",
        ),
        (
            Preset::GitHubActions,
            &[("repository_id", "424242"), ("repository_owner_id", "2020"), ("ref", "refs/heads/main")],
            &[],
            "pins",
            "make a condition of `ref`",
        ),
        (Preset::GitHubActions, &GITHUB_PINS, &[("ref", "main")], "conditions", "refs/heads/main"),
        (Preset::GitHubActions, &GITHUB_PINS, &[("ref", "refs/*")], "conditions", "no slash"),
        (Preset::GitHubActions, &GITHUB_PINS, &[("repository", "acme*")], "conditions", "acme/*"),
        (Preset::GitHubActions, &GITHUB_PINS, &[("workflow_ref", "deploy.yml")], "conditions", "deploy.yml@"),
        (Preset::GitHubActions, &GITHUB_PINS, &[("environment", "*")], "conditions", "every value"),
        (
            Preset::GitHubActions,
            &GITHUB_PINS,
            &[("ref", "refs/heads/a"), ("ref", "refs/heads/b")],
            "conditions",
            "join",
        ),
        (
            Preset::GitHubActions,
            &GITHUB_PINS,
            &[("/ref", "refs/heads/a"), ("ref", "refs/heads/*")],
            "conditions",
            "join",
        ),
        (Preset::GitHubActions, &GITHUB_PINS, &[("repository_id", "7")], "conditions", "join"),
        (Preset::GitHubActions, &GITHUB_PINS, &[("aud", "x")], "conditions", "every token"),
        (Preset::GitHubActions, &GITHUB_PINS, &[("runner_environment", "mine")], "conditions", "self-hosted"),
        (
            Preset::GitLabCi,
            &[("project_id", "1"), ("namespace_id", "2")],
            &[("ref", "main")],
            "conditions",
            "ref_type",
        ),
        (
            Preset::GitLabCi,
            &[("project_id", "1"), ("namespace_id", "2")],
            &[("ref", "refs/heads/main"), ("ref_type", "branch")],
            "conditions",
            "without refs/heads/",
        ),
        (Preset::Kubernetes, &kubernetes("default", UUID), &[], "pins", "service account"),
        (
            Preset::CircleCi,
            &[("oidc.circleci.com/project-id", UUID)],
            &[("oidc.circleci.com/context-ids", UUID)],
            "conditions",
            "list",
        ),
        (Preset::CircleCi, &[("oidc.circleci.com/project-id", "shop")], &[], "pins", "UUID"),
        (Preset::GoogleCloud, &[("sub", "deploy@acme.iam.gserviceaccount.com")], &[], "pins", "digits"),
        (Preset::Aws, &[("sub", "arn:aws:iam::123456789012:user/ada")], &[], "pins", "ARN"),
        (Preset::AnyOidc, &[], &[], "pins", "sub"),
        (Preset::AnyOidc, &[("sub", "*")], &[], "pins", "no pattern"),
        (Preset::AnyOidc, &[("iss", "https://issuer.example")], &[], "conditions", "every token"),
        (Preset::AnyOidc, &[("sub", "robot")], &[("team", "*")], "conditions", "every value"),
    ] {
        let rejection = try_conditions(preset, pins, others).unwrap_err();
        assert_eq!(rejection.field, field, "{pins:?} {others:?} gave {rejection}");
        assert!(rejection.message.contains(advice), "{pins:?} {others:?} gave {rejection}");
    }
    let many = (0..MAXIMUM_CONDITIONS).map(|number| condition(&format!("claim{number}"), "x")).collect();
    let rejection = Conditions::new(Preset::AnyOidc, list(&[("sub", "robot")]), many).unwrap_err();
    assert!(rejection.message.contains("at most 20"), "{rejection}");
}

#[test]
fn what_is_dangerous_must_be_accepted_when_it_is_saved() {
    use Danger::{AnyBranch, AnyWorkflow, PullRequests, UntrustedCode};
    let branch = ("ref", "refs/heads/main");
    let workflow = ("workflow_ref", WORKFLOW);
    for (others, dangers) in [
        (&[][..], &[AnyBranch, AnyWorkflow][..]),
        (&[branch], &[AnyWorkflow]),
        (&[workflow], &[]),
        (&[("environment", "production")], &[AnyWorkflow]),
        (&[("environment", "prod-*")], &[AnyBranch, AnyWorkflow]),
        (&[("ref", "refs/heads/*"), ("job_workflow_ref", WORKFLOW)], &[AnyBranch]),
        (&[branch, ("workflow_ref", "acme/shop/.github/workflows/*@refs/heads/main")], &[AnyWorkflow]),
        (&[branch, ("workflow_ref", "acme/shop/.github/workflows/a.yml@refs/tags/*")], &[]),
        (&[branch, ("workflow", "Deploy")], &[AnyWorkflow]),
        (&[workflow, ("event_name", "pull_request")], &[PullRequests]),
        (&[workflow, ("event_name", "pull_request*")], &[PullRequests, UntrustedCode]),
        (&[workflow, ("event_name", "issue_comment")], &[UntrustedCode]),
        (&[workflow, ("event_name", "push")], &[]),
        (&[workflow, ("ref", "refs/pull/*/merge")], &[PullRequests]),
        (&[workflow, ("ref", "refs/*/*/merge")], &[PullRequests]),
        (&[workflow, ("ref", "refs/pull/77/head")], &[PullRequests]),
    ] {
        let conditions = github(others);
        let expected: BTreeSet<_> = dangers.iter().copied().collect();
        assert_eq!(conditions.dangers(), expected, "{others:?}");
        assert!(conditions.require_accepted(&expected).is_ok());
        if let Some(danger) = dangers.first() {
            let rejection = conditions.require_accepted(&BTreeSet::new()).unwrap_err();
            assert_eq!(rejection.field, "acceptedDangers");
            assert!(rejection.message.contains(danger.describe()), "{rejection}");
        }
    }
    let gitlab = |others: &[(&str, &str)]| {
        try_conditions(Preset::GitLabCi, &[("project_id", "1"), ("namespace_id", "2")], others)
            .unwrap()
            .dangers()
    };
    assert_eq!(gitlab(&[("ref_protected", "false")]), [AnyBranch].into());
    assert_eq!(gitlab(&[("ref_protected", "true")]), BTreeSet::new());
    assert_eq!(gitlab(&[("ref", "main"), ("ref_type", "branch")]), BTreeSet::new());
    assert_eq!(
        gitlab(&[("ref_protected", "true"), ("pipeline_source", "*_event")]).into_iter().next(),
        Some(PullRequests)
    );
    let circleci = |others: &[(&str, &str)]| {
        try_conditions(Preset::CircleCi, &[("oidc.circleci.com/project-id", UUID)], others).unwrap().dangers()
    };
    let reference = ("oidc.circleci.com/vcs-ref", "refs/heads/main");
    assert_eq!(circleci(&[reference]), [PullRequests].into());
    assert_eq!(
        circleci(&[reference, ("oidc.circleci.com/vcs-origin", "github.com/acme/shop")]),
        BTreeSet::new()
    );
    assert_eq!(
        circleci(&[reference, ("oidc.circleci.com/vcs-origin", "github.com/*/shop")]),
        [PullRequests].into()
    );
    let google = try_conditions(Preset::GoogleCloud, &[("sub", "1")], &[]).unwrap();
    assert_eq!(google.dangers(), BTreeSet::new());
}
