//! Which workloads a new key accepts, as it is said on the command line.

use crate::{cli::secrets, command_error::CommandError};
use clap::{Args, builder::PossibleValuesParser};
use domain::workload::{Danger, Preset};
use serde_json::{Value, json};
use std::path::PathBuf;

/// With --method workload-identity: whose runs may use the key.
#[derive(Debug, Args)]
pub(super) struct Workload {
    /// With workload-identity: the platform
    #[arg(long, value_parser = PossibleValuesParser::new(Preset::ALL.map(Preset::as_str)))]
    #[arg(required_if_eq("method", "workload-identity"))]
    preset: Option<String>,
    /// The issuer's URL, where the platform has more than one
    #[arg(long, value_name = "URL", requires = "preset")]
    issuer: Option<String>,
    /// What the platform's tokens must be made for [default: the server's issuer]
    #[arg(long, requires = "preset")]
    audience: Option<String>,
    /// A file with the issuer's JWKS, if the server cannot reach the issuer
    #[arg(long, value_name = "FILE", requires = "preset")]
    key_set_file: Option<PathBuf>,
    /// What names the workload, like repository_id=4711; without any, the key waits for the first run
    #[arg(long, value_name = "CLAIM=VALUE", value_parser = claim_and_value, requires = "preset")]
    pin: Vec<ClaimAndValue>,
    /// What else its token must say, like ref=refs/heads/main; once more for another value, * for any part
    #[arg(long, value_name = "CLAIM=VALUE", value_parser = claim_and_value, requires = "pin")]
    condition: Vec<ClaimAndValue>,
    /// What is dangerous and accepted by name
    #[arg(long, value_name = "DANGER", value_parser = dangers(), requires = "pin")]
    accept: Vec<String>,
}

/// The names of what can be accepted.
pub(super) fn dangers() -> PossibleValuesParser {
    PossibleValuesParser::new(Danger::ALL.map(Danger::as_str))
}

/// As GraphQL names them.
pub(super) fn accepted(dangers: &[String]) -> Vec<String> {
    dangers.iter().map(|danger| danger.to_uppercase()).collect()
}

/// One `claim=value`.
#[derive(Debug, Clone)]
struct ClaimAndValue {
    claim: String,
    value: String,
}

fn claim_and_value(text: &str) -> Result<ClaimAndValue, String> {
    match text.split_once('=') {
        Some((claim, value)) if !claim.is_empty() && !value.is_empty() => {
            Ok(ClaimAndValue { claim: claim.to_owned(), value: value.to_owned() })
        }
        _ => Err("write the claim's name, =, and its value, like repository_id=4711".to_owned()),
    }
}

impl Workload {
    /// Whether anything was said of workloads.
    pub(super) const fn is_given(&self) -> bool {
        self.preset.is_some()
    }

    /// The `WorkloadIdentityInput`.
    pub(super) fn input(&self) -> Result<Value, CommandError> {
        let key_set = self.key_set_file.as_deref().map(secrets::read_whole).transpose()?;
        let mut input = json!({
            "preset": self.preset.as_deref().unwrap_or_default().to_uppercase(),
            "issuer": self.issuer,
            "audience": self.audience,
            "keySet": key_set.as_ref().map(|text| text.as_str()),
        });
        if let (false, Some(members)) = (self.pin.is_empty(), input.as_object_mut()) {
            members.insert("pins".to_owned(), conditions(&self.pin));
            members.insert("conditions".to_owned(), conditions(&self.condition));
            members.insert("acceptedDangers".to_owned(), json!(accepted(&self.accept)));
        }
        Ok(input)
    }
}

/// A claim that is named more than once may have any of the values; one with `*` in it is a pattern.
fn conditions(given: &[ClaimAndValue]) -> Value {
    let mut claims: Vec<&str> = Vec::new();
    for one in given {
        if !claims.contains(&one.claim.as_str()) {
            claims.push(&one.claim);
        }
    }
    let made = claims.into_iter().map(|claim| {
        let values = given.iter().filter(|one| one.claim == claim).map(|one| one.value.as_str());
        let (patterns, values): (Vec<&str>, Vec<&str>) = values.partition(|value| value.contains('*'));
        json!({ "claim": claim, "equals": values, "patterns": patterns })
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[&str]) -> Result<Value, String> {
        let read: Result<Vec<_>, String> = given.iter().map(|text| claim_and_value(text)).collect();
        read.map(|read| conditions(&read))
    }

    #[test]
    fn a_claim_has_any_of_its_values_and_patterns() {
        assert_eq!(of(&[]), Ok(json!([])));
        assert_eq!(
            of(&["ref=refs/heads/main", "/kubernetes.io/namespace=a=b", "ref=refs/heads/next"]),
            Ok(json!([
                { "claim": "ref", "equals": ["refs/heads/main", "refs/heads/next"], "patterns": [] },
                { "claim": "/kubernetes.io/namespace", "equals": ["a=b"], "patterns": [] },
            ]))
        );
        assert_eq!(
            of(&["ref=refs/tags/v*", "ref=refs/heads/main"]),
            Ok(json!([{ "claim": "ref", "equals": ["refs/heads/main"], "patterns": ["refs/tags/v*"] }]))
        );
        for text in ["", "ref", "=main", "ref="] {
            assert!(of(&[text]).unwrap_err().contains("repository_id=4711"), "{text:?}");
        }
    }
}
