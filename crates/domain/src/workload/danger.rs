//! What an Admin must accept by name before a key allows it.

use super::{ClaimName, Claims, Condition, Conditions, Preset, claims::scalar_at};
use crate::Invalid;
use std::collections::BTreeSet;

words! {
    /// Something that lets more people use a key than an Admin may think of.
    #[derive(PartialOrd, Ord, Hash)]
    pub enum Danger {
        /// No condition names the branches, tags or environments.
        AnyBranch = "any_branch",
        /// No condition names the workflow's file.
        AnyWorkflow = "any_workflow",
        /// Pull requests, whose code nobody may have reviewed yet.
        PullRequests = "pull_requests",
        /// Events that run in the repository's name on the word of a stranger.
        UntrustedCode = "untrusted_code",
        /// A token may be exchanged more than once while it lives. No condition brings it about: it is asked for.
        ReusedTokens = "reused_tokens",
    }
}

/// GitHub's events that run with the repository's rights and that a stranger can start, or whose code a stranger wrote.
const UNTRUSTED_EVENTS: [&str; 9] = [
    "pull_request_target",
    "workflow_run",
    "issue_comment",
    "issues",
    "discussion",
    "discussion_comment",
    "fork",
    "watch",
    "gollum",
];
/// GitHub's events that run the code of a pull request.
const PULL_REQUEST_EVENTS: [&str; 3] = ["pull_request", "pull_request_review", "pull_request_review_comment"];
/// GitLab's sources of pipelines that run the code of a merge request.
const MERGE_REQUEST_SOURCES: [&str; 2] = ["merge_request_event", "external_pull_request_event"];
/// References of pull requests, one of each form. CircleCI names the branch of a fork `pull/1`.
const PULL_REQUEST_REFERENCES: [&str; 4] =
    ["refs/pull/1/merge", "refs/pull/1/head", "refs/merge-requests/1/head", "refs/heads/pull/1"];

const EVENT: &[&str] = &["event_name"];
const REFERENCE: &[&str] = &["ref"];
const SOURCE: &[&str] = &["pipeline_source"];
const REFERENCE_PATH: &[&str] = &["ref_path"];
const ORIGIN: &[&str] = &["oidc.circleci.com/vcs-origin"];
const CIRCLECI_REFERENCE: &[&str] = &["oidc.circleci.com/vcs-ref"];

impl Danger {
    /// Every danger.
    pub const ALL: [Self; 5] =
        [Self::AnyBranch, Self::AnyWorkflow, Self::PullRequests, Self::UntrustedCode, Self::ReusedTokens];

    /// What it means, as a sentence for a person.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::AnyBranch => {
                "Any branch or tag that matches can use this key, so whoever can push one can: name the branch or an environment."
            }
            Self::AnyWorkflow => {
                "Any workflow in the repository can use this key, also one that somebody adds: name the workflow's file."
            }
            Self::PullRequests => "Pull requests can use this key before anybody has reviewed their code.",
            Self::UntrustedCode => {
                "Events such as pull_request_target, workflow_run and issue_comment can use this key: strangers start them, and \
                 their code may run with the repository's rights."
            }
            Self::ReusedTokens => {
                "A platform's token can be exchanged again until it expires: whoever copies one out of a job can use it meanwhile. Jobs \
                 that get one token for all their time need this to run longer than an access token lives."
            }
        }
    }
}

impl Conditions {
    /// What these conditions allow and an Admin must accept when they are saved.
    pub fn dangers(&self) -> BTreeSet<Danger> {
        let mut dangers = BTreeSet::new();
        if !branch_claims(self.preset()).is_empty() && !self.names_branch() {
            dangers.insert(Danger::AnyBranch);
        }
        if self.preset() == Preset::GitHubActions {
            if ![&["workflow_ref"][..], &["job_workflow_ref"]]
                .iter()
                .any(|names| self.on(names).is_some_and(names_workflow))
            {
                dangers.insert(Danger::AnyWorkflow);
            }
            if self.allows(EVENT, &UNTRUSTED_EVENTS) {
                dangers.insert(Danger::UntrustedCode);
            }
        }
        if self.allows_pull_requests() {
            dangers.insert(Danger::PullRequests);
        }
        dangers
    }

    /// Checks that every danger of these conditions is among those `accepted`.
    ///
    /// # Errors
    /// One is not; the message says what it means.
    pub fn require_accepted(&self, accepted: &BTreeSet<Danger>) -> Result<(), Invalid> {
        match self.dangers().difference(accepted).next() {
            Some(danger) => Err(Invalid::new(
                "acceptedDangers",
                format!("accept `{}`: {}", danger.as_str(), danger.describe()),
            )),
            None => Ok(()),
        }
    }

    fn names_branch(&self) -> bool {
        branch_claims(self.preset()).iter().any(|(names, only)| {
            self.on(names).is_some_and(|condition| {
                condition.is_exact() && only.is_none_or(|only| condition.texts().all(|value| value == only))
            })
        })
    }

    /// Whether a condition on the claim that `names` lead to allows one of `values`. Without a condition it names none: then what a
    /// token presents is judged when it comes.
    fn allows(&self, names: &[&str], values: &[&str]) -> bool {
        self.on(names)
            .is_some_and(|condition| values.iter().any(|value| condition.matches_text(self.preset(), value)))
    }

    fn allows_pull_requests(&self) -> bool {
        match self.preset() {
            Preset::GitHubActions => {
                self.allows(EVENT, &PULL_REQUEST_EVENTS) || self.allows_pull_request_reference(REFERENCE)
            }
            Preset::GitLabCi => {
                self.allows(SOURCE, &MERGE_REQUEST_SOURCES)
                    || self.allows_pull_request_reference(REFERENCE_PATH)
            }
            // Forks build in the project that they were made from, if its settings allow it: only the origin tells them apart.
            Preset::CircleCi => {
                !self.on(ORIGIN).is_some_and(Condition::is_exact)
                    || self.allows_pull_request_reference(CIRCLECI_REFERENCE)
            }
            _ => false,
        }
    }

    fn allows_pull_request_reference(&self, names: &[&str]) -> bool {
        self.allows(names, &PULL_REQUEST_REFERENCES)
            || self.on(names).is_some_and(|condition| condition.texts().any(is_pull_request_reference))
    }
}

/// The claims that tell which branch, tag or environment a run is of, each with the one value that does, if not all do.
const fn branch_claims(preset: Preset) -> &'static [(&'static [&'static str], Option<&'static str>)] {
    match preset {
        Preset::GitHubActions => &[(REFERENCE, None), (&["environment"], None), (&["workflow_ref"], None)],
        Preset::GitLabCi => &[
            (REFERENCE, None),
            (REFERENCE_PATH, None),
            (&["environment"], None),
            (&["ci_config_ref_uri"], None),
            (&["ref_protected"], Some("true")),
        ],
        Preset::CircleCi => &[(CIRCLECI_REFERENCE, None)],
        Preset::Buildkite => &[(&["build_branch"], None), (&["build_tag"], None)],
        Preset::Kubernetes | Preset::GoogleCloud | Preset::Aws | Preset::HcpTerraform | Preset::AnyOidc => {
            &[]
        }
    }
}

/// Whether a condition on a workflow's reference names the file: no `*` stands before its `@`.
fn names_workflow(condition: &Condition) -> bool {
    condition.texts().all(|text| text.split_once('@').is_some_and(|(file, _)| !file.contains('*')))
}

fn is_pull_request_reference(reference: &str) -> bool {
    ["refs/pull/", "refs/merge-requests/", "refs/heads/pull/"]
        .iter()
        .any(|beginning| reference.starts_with(beginning))
}

/// The claims by which a token of `preset` is judged for dangers even if no condition names them, and the danger that `claims`
/// present with each.
///
/// A token of GitHub without `event_name` is judged as if it had the worst one.
pub(super) fn presented(preset: Preset, claims: &Claims) -> Vec<(ClaimName, Option<Danger>)> {
    let text = |names| scalar_at(claims, names);
    let reference = |names| {
        let is_pull_request = text(names).is_some_and(|text| is_pull_request_reference(&text));
        (ClaimName::of(names), is_pull_request.then_some(Danger::PullRequests))
    };
    match preset {
        Preset::GitHubActions => {
            let event = text(EVENT).filter(|event| !event.is_empty());
            let is_one_of = |events: &[&str]| {
                event.as_deref().is_some_and(|event| events.iter().any(|one| event.eq_ignore_ascii_case(one)))
            };
            let danger = if event.is_none() || is_one_of(&UNTRUSTED_EVENTS) {
                Some(Danger::UntrustedCode)
            } else {
                is_one_of(&PULL_REQUEST_EVENTS).then_some(Danger::PullRequests)
            };
            vec![(ClaimName::of(EVENT), danger), reference(REFERENCE)]
        }
        Preset::GitLabCi => {
            let is_merge_request =
                text(SOURCE).is_some_and(|source| MERGE_REQUEST_SOURCES.contains(&&*source));
            let danger = is_merge_request.then_some(Danger::PullRequests);
            vec![(ClaimName::of(SOURCE), danger), reference(REFERENCE_PATH)]
        }
        Preset::CircleCi => vec![reference(CIRCLECI_REFERENCE)],
        _ => Vec::new(),
    }
}
