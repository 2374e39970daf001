//! Which conditions a token meets, one by one.

use super::{
    AssertionRejection, ClaimName, Claims, Condition, Conditions, Danger, RejectionReason, claims::scalar,
    condition::SHOWN, danger::presented,
};
use crate::text::shown;
use serde_json::Value;
use std::{collections::BTreeSet, fmt};

/// The most checks that failed which a rejection names.
const TOLD: usize = 4;

/// What became of a token's claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The pins, in the order in which the key has them.
    pub pins: Vec<ClaimCheck>,
    /// The further conditions, then what no condition needs to name: dangers that were not accepted.
    pub others: Vec<ClaimCheck>,
}

/// What became of one claim. Its texts are cut, and free of what nobody can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimCheck {
    /// Which claim.
    pub claim: ClaimName,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub got: String,
    /// Whether that is enough.
    pub is_match: bool,
    /// The danger that would have to be accepted, if that is why it does not match.
    pub danger: Option<Danger>,
}

/// Compares the `claims` of a verified token with `conditions`.
///
/// What a token presents of the [`Danger`]s `PullRequests` and `UntrustedCode` must have been accepted, even if no condition names
/// the claim that shows it.
pub fn check(conditions: &Conditions, claims: &Claims, accepted: &BTreeSet<Danger>) -> Report {
    let check_all =
        |list: &[Condition]| list.iter().map(|condition| check_one(conditions, condition, claims)).collect();
    let mut others: Vec<_> = check_all(conditions.others());
    others.extend(presented(conditions.preset(), claims).into_iter().filter_map(|(claim, danger)| {
        let danger = danger.filter(|danger| !accepted.contains(danger))?;
        let got = describe(&claim, claims);
        let expected = format!("without the danger `{}`, which this key does not accept", danger.as_str());
        Some(ClaimCheck { claim, expected, got, is_match: false, danger: Some(danger) })
    }));
    Report { pins: check_all(conditions.pins()), others }
}

fn check_one(conditions: &Conditions, condition: &Condition, claims: &Claims) -> ClaimCheck {
    ClaimCheck {
        claim: condition.claim().clone(),
        expected: condition.to_string(),
        got: describe(condition.claim(), claims),
        is_match: condition.matches(conditions.preset(), claims),
        danger: None,
    }
}

/// What a claim is, for people.
fn describe(claim: &ClaimName, claims: &Claims) -> String {
    let Some(value) = claim.value(claims) else { return "missing".to_owned() };
    match (scalar(value), value) {
        (Some(text), _) if text.is_empty() => "empty".to_owned(),
        (Some(text), _) => shown(&text, SHOWN),
        (None, Value::Array(_)) => "a list".to_owned(),
        (None, Value::Object(_)) => "an object".to_owned(),
        (None, other) => shown(&other.to_string(), SHOWN),
    }
}

impl Report {
    /// Whether it is the workload that the key is for. Only then may whoever presents the token be told more.
    pub fn pins_match(&self) -> bool {
        !self.pins.is_empty() && self.pins.iter().all(|check| check.is_match)
    }

    /// Whether everything matches.
    pub fn is_match(&self) -> bool {
        self.pins_match() && self.first_failure().is_none()
    }

    /// Every check in its order: pins first.
    pub fn checks(&self) -> impl Iterator<Item = &ClaimCheck> {
        self.pins.iter().chain(&self.others)
    }

    /// The first check that failed.
    pub fn first_failure(&self) -> Option<&ClaimCheck> {
        self.checks().find(|check| !check.is_match)
    }

    /// Nothing if everything matches.
    ///
    /// # Errors
    /// Every check that failed, the first [`TOLD`] in words.
    pub fn require_match(&self) -> Result<(), AssertionRejection> {
        let reason = if self.pins_match() { RejectionReason::Conditions } else { RejectionReason::Pins };
        let failures: Vec<_> = self.checks().filter(|check| !check.is_match).collect();
        if failures.is_empty() && self.pins.is_empty() {
            return Err(AssertionRejection::new(reason, "no pin names the workload"));
        }
        if failures.is_empty() {
            return Ok(());
        }
        let mut told: Vec<String> = failures.iter().take(TOLD).map(ToString::to_string).collect();
        if failures.len() > TOLD {
            told.push(format!("{} more differ", failures.len() - TOLD));
        }
        Err(AssertionRejection::new(reason, told.join("; ")))
    }
}

/// The check as one sentence.
impl fmt::Display for ClaimCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` must be {}; it is {}", self.claim, self.expected, self.got)
    }
}
