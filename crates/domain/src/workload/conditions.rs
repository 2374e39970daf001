//! What a token must say, as an Admin decides it for one key.

use super::{
    ClaimName, Claims, Condition, Danger, KnownClaim, Preset, check,
    claims::{scalar, scalar_at},
    danger::presented,
};
use crate::Invalid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most conditions of one key, pins included.
pub const MAXIMUM_CONDITIONS: usize = 20;

/// Claims that are checked for every token by rules of their own.
const CHECKED_ANYWAY: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// Pins, which name the workload, and further conditions, which say when and how it may run. All must match. No claim is named
/// twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ConditionsJson", into = "ConditionsJson")]
pub struct Conditions {
    preset: Preset,
    pins: Vec<Condition>,
    others: Vec<Condition>,
}

impl Conditions {
    /// Checks what an Admin decided for an issuer of `preset`.
    ///
    /// # Errors
    /// `pins`: one that the preset requires is missing, one that it does not know, a pattern, or `default` as a service account.
    /// `conditions`: too many, a claim twice, a claim that is checked anyway, a value that no token has, a pattern that allows
    /// everything, or GitLab's `ref` without `ref_type`.
    pub fn new(preset: Preset, pins: Vec<Condition>, others: Vec<Condition>) -> Result<Self, Invalid> {
        let conditions = Self { preset, pins, others };
        conditions.check_names()?;
        conditions.check_pins()?;
        conditions.check_values()?;
        conditions.check_others()?;
        Ok(conditions)
    }

    /// The conditions that the workload with `claims` meets: the preset's pins, those of its claims that are preselected and that the
    /// token has, and those that show a danger. [`Preset::AnyOidc`] is pinned by `sub`.
    ///
    /// # Errors
    /// A pin is missing from the claims, or its value is one that [`Self::new`] rejects.
    pub fn exactly(preset: Preset, claims: &Claims) -> Result<Self, Invalid> {
        let condition = |known: &KnownClaim| {
            scalar_at(claims, known.names).map(|value| Condition::equals(known.name(), &value)).transpose()
        };
        let pins = if preset.pins().is_empty() {
            let subject =
                scalar_at(claims, &["sub"]).map(|value| Condition::equals(ClaimName::of(&["sub"]), &value));
            subject.transpose()?.into_iter().collect()
        } else {
            preset.pins().iter().filter_map(|known| condition(known).transpose()).collect::<Result<_, _>>()?
        };
        // An empty claim says nothing: some issuers send one for what a run does not have.
        let others = preset
            .offered()
            .iter()
            .filter(|known| {
                known.is_preselected && scalar_at(claims, known.names).is_some_and(|value| !value.is_empty())
            })
            .filter_map(|known| condition(known).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        // What is dangerous is named: another dangerous event is another decision.
        let dangerous = presented(preset, claims).into_iter().filter_map(|(claim, danger)| {
            let value = claim.value(claims).and_then(scalar).filter(|value| !value.is_empty())?;
            let is_named = danger.is_none() || others.iter().any(|known| *known.claim() == claim);
            (!is_named).then(|| Condition::equals(claim, &value))
        });
        let dangerous = dangerous.collect::<Result<Vec<_>, _>>()?;
        Self::new(preset, pins, others.into_iter().chain(dangerous).collect())
    }

    /// The same conditions with what the workload with `claims` fails taken into them, as further values. Its pins must match.
    ///
    /// # Errors
    /// `attempt`: it is another workload. `conditions`: a condition that it fails is on a claim that it has not.
    pub fn widened(&self, claims: &Claims, accepted: &BTreeSet<Danger>) -> Result<Self, Invalid> {
        let report = check(self, claims, accepted);
        if let Some(pin) = report.pins.iter().find(|check| !check.is_match) {
            return Err(Invalid::new(
                "attempt",
                format!("it is another workload: {pin}. Generate a key for that one"),
            ));
        }
        let others = self.others.iter().map(|condition| {
            if condition.matches(self.preset, claims) {
                return Ok(condition.clone());
            }
            match condition.claim().value(claims).and_then(scalar) {
                Some(value) if !value.is_empty() => condition.with_value(&value),
                _ => Err(Invalid::new(
                    "conditions",
                    format!("the run has no `{}`: remove the condition under Change", condition.claim()),
                )),
            }
        });
        Self::new(self.preset, self.pins.clone(), others.collect::<Result<_, _>>()?)
    }

    /// The kind of issuer that they are for.
    pub const fn preset(&self) -> Preset {
        self.preset
    }

    /// The pins.
    pub fn pins(&self) -> &[Condition] {
        &self.pins
    }

    /// The further conditions.
    pub fn others(&self) -> &[Condition] {
        &self.others
    }

    /// The condition on the claim that `names` lead to.
    pub(super) fn on(&self, names: &[&str]) -> Option<&Condition> {
        self.all().find(|condition| condition.claim().is(names))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Condition> {
        self.pins.iter().chain(&self.others)
    }

    fn check_names(&self) -> Result<(), Invalid> {
        let reject = |message: String| Err(Invalid::new("conditions", message));
        let count = self.pins.len() + self.others.len();
        if count > MAXIMUM_CONDITIONS {
            return reject(format!("write at most {MAXIMUM_CONDITIONS} conditions; there are {count}"));
        }
        let mut names: Vec<_> = self.all().map(Condition::claim).collect();
        names.sort();
        if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
            return reject(format!("join the conditions on `{twice}` into one: a claim has one value"));
        }
        match names.into_iter().find(|name| CHECKED_ANYWAY.iter().any(|checked| name.is(&[*checked]))) {
            Some(checked) => reject(format!("remove `{checked}`: it is checked for every token")),
            None => Ok(()),
        }
    }

    fn check_pins(&self) -> Result<(), Invalid> {
        let reject = |message: String| Err(Invalid::new("pins", message));
        let is_pinned = |known: &KnownClaim| self.pins.iter().any(|pin| pin.claim().is(known.names));
        let required = self.preset.pins();
        let missing: Vec<_> =
            required.iter().filter(|known| !is_pinned(known)).map(|known| known.name().to_string()).collect();
        if !missing.is_empty() {
            let why = if self.preset == Preset::GitHubActions && self.on(&["sub"]).is_some() {
                "the format of `sub` can be customised, and names in it pass to new owners"
            } else {
                "names pass to new owners, ids do not"
            };
            return reject(format!("pin {} for {}: {why}", missing.join(" and "), self.preset.name()));
        }
        if self.pins.is_empty() {
            return reject(
                "pin `sub`, or another claim that names the workload and never changes hands".to_owned(),
            );
        }
        for pin in &self.pins {
            let claim = pin.claim();
            if !required.is_empty() && !required.iter().any(|known| claim.is(known.names)) {
                return reject(format!(
                    "make a condition of `{claim}`: it is no pin of {}",
                    self.preset.name()
                ));
            }
            if !pin.is_exact() {
                return reject(format!("write the whole value of `{claim}`: a pin is no pattern"));
            }
        }
        let account = self.on(&["kubernetes.io", "serviceaccount", "name"]);
        if self.preset == Preset::Kubernetes
            && account.is_some_and(|name| name.texts().any(|name| name == "default"))
        {
            return reject(
                "make a service account for this workload: every pod without one of its own runs as `default`".to_owned(),
            );
        }
        Ok(())
    }

    /// Rejects what no token of the preset can meet.
    fn check_values(&self) -> Result<(), Invalid> {
        for condition in self.all() {
            let Some(known) = self.preset.known_claim(condition.claim()) else { continue };
            for text in condition.texts() {
                if let Some(advice) = known.form.advice(text) {
                    let field = if self.pins.contains(condition) { "pins" } else { "conditions" };
                    return Err(Invalid::new(
                        field,
                        format!("`{text}` matches no `{}`: write {advice}", condition.claim()),
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_others(&self) -> Result<(), Invalid> {
        let reject = |message: String| Err(Invalid::new("conditions", message));
        if let [only] = self.others.as_slice()
            && only.texts().any(|text| text == "*")
        {
            return reject(format!("remove `{}`, or write more than *: it allows every value", only.claim()));
        }
        if self.preset == Preset::CircleCi && self.on(&["oidc.circleci.com/context-ids"]).is_some() {
            return reject(
                "remove `oidc.circleci.com/context-ids`: it is a list, and no condition matches a list"
                    .to_owned(),
            );
        }
        if self.preset == Preset::GitLabCi && self.on(&["ref"]).is_some() && self.on(&["ref_type"]).is_none()
        {
            return reject("add `ref_type`: a tag can have the name of a branch".to_owned());
        }
        Ok(())
    }
}

/// Conditions in storage and in the API.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionsJson {
    preset: String,
    pins: Vec<Condition>,
    conditions: Vec<Condition>,
}

impl TryFrom<ConditionsJson> for Conditions {
    type Error = Invalid;

    fn try_from(json: ConditionsJson) -> Result<Self, Invalid> {
        let preset = Preset::parse(&json.preset).ok_or_else(|| {
            let known = Preset::ALL.map(Preset::as_str).join(", ");
            Invalid::new("preset", format!("write one of {known}"))
        })?;
        Self::new(preset, json.pins, json.conditions)
    }
}

impl From<Conditions> for ConditionsJson {
    fn from(conditions: Conditions) -> Self {
        Self {
            preset: conditions.preset.as_str().to_owned(),
            pins: conditions.pins,
            conditions: conditions.others,
        }
    }
}
