//! The part of a form that says what a key is authenticated with instead of a secret.

use super::platform;
use crate::frame::{answer, form::Fields};
use domain::{
    Invalid,
    workload::{Accepts, ClaimName, ClientKeys, Condition, Conditions, Danger, Identity, Preset},
};
use pages::FormError;
use service::keys::identities::{NewConditions, NewIdentity, NewPublicKeys, NewWorkload};
use std::collections::BTreeSet;

/// A danger that can be accepted, and whether it is.
pub(super) struct DangerChoice {
    pub(super) word: &'static str,
    pub(super) text: &'static str,
    pub(super) is_accepted: bool,
}

/// What stands in the fields.
pub(super) struct IdentityForm {
    pub(super) is_public_keys: bool,
    /// The platform, if one is chosen.
    pub(super) preset: Option<Preset>,
    /// Whether the form is that platform's own, and no other can be chosen in it.
    pub(super) is_of_preset: bool,
    /// Every preset with its word and name, and whether it is chosen.
    pub(super) presets: Vec<(&'static str, &'static str, bool)>,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) key_set: String,
    pub(super) pins: String,
    pub(super) conditions: String,
    pub(super) dangers: Vec<DangerChoice>,
    pub(super) public_keys: String,
    pub(super) public_keys_url: String,
}

impl IdentityForm {
    /// The fields as they were sent.
    pub(super) fn sent(fields: &Fields, is_public_keys: bool) -> Self {
        let preset = preset(fields);
        let accepted = accepted(fields);
        let read = conditions(fields).ok().flatten();
        let found =
            read.zip(preset).and_then(|(new, preset)| Conditions::new(preset, new.pins, new.others).ok());
        let mut offered = found.map(|conditions| conditions.dangers()).unwrap_or_default();
        offered.extend(&accepted);
        if !preset.is_some_and(Preset::hands_out_tokens_again) {
            offered.insert(Danger::ReusedTokens);
        }
        let choice = |danger: Danger| DangerChoice {
            word: danger.as_str(),
            text: danger.describe(),
            is_accepted: accepted.contains(&danger),
        };
        Self {
            is_public_keys,
            preset,
            is_of_preset: false,
            presets: Preset::ALL.map(|one| (one.as_str(), one.name(), Some(one) == preset)).to_vec(),
            issuer: fields.text("issuer").to_owned(),
            audience: fields.text("audience").to_owned(),
            key_set: fields.text("key_set").to_owned(),
            pins: fields.text("pins").to_owned(),
            conditions: fields.text("conditions").to_owned(),
            dangers: offered.into_iter().map(choice).collect(),
            public_keys: fields.text("public_keys").to_owned(),
            public_keys_url: fields.text("public_keys_url").to_owned(),
        }
    }

    /// The fields of one platform, or of public keys.
    pub(super) fn of_preset(fields: &Fields, is_public_keys: bool) -> Self {
        Self { is_of_preset: true, ..Self::sent(fields, is_public_keys) }
    }

    /// What the first run shows.
    pub(super) fn workload(&self) -> &'static str {
        self.preset.map_or("repository", platform::workload)
    }

    /// Whether nothing says which workload may use the key, so that it waits for its first run.
    pub(super) fn awaits_first_run(&self) -> bool {
        self.pins.trim().is_empty() && self.conditions.trim().is_empty()
    }

    pub(super) fn needs_issuer(&self) -> bool {
        self.preset.is_some_and(platform::needs_issuer)
    }

    /// Empty if the platform has one issuer, so that there is none to enter.
    pub(super) fn issuer_hint(&self) -> &'static str {
        self.preset.map_or("", platform::issuer_hint)
    }

    /// Whether the field for the issuer's keys is where to go on.
    pub(super) fn leads_to_key_set(&self, errors: &FormError) -> bool {
        self.is_of_preset && self.issuer_hint().is_empty() && !errors.of("issuer").is_empty()
    }

    /// Whether the folded part is open: something stands there, or has to.
    pub(super) fn is_open(&self, errors: &FormError) -> bool {
        // An issuer that cannot be reached leads to the field for its keys.
        const LEADS_HERE: [&str; 6] =
            ["pins", "conditions", "acceptedDangers", "audience", "keySet", "issuer"];
        !self.awaits_first_run() || LEADS_HERE.iter().any(|field| !errors.of(field).is_empty())
    }
}

/// The fields as they show what is stored.
pub(super) fn stored(identity: &Identity) -> Fields {
    match identity {
        Identity::PrivateKeyJwt(ClientKeys::KeySet(jwks)) => {
            Fields::from_iter([("public_keys", jwks.as_str())])
        }
        Identity::PrivateKeyJwt(ClientKeys::Url(url)) => {
            Fields::from_iter([("public_keys_url", url.as_str())])
        }
        Identity::WorkloadIdentity(workload) => {
            let list = |conditions: Option<&[Condition]>| written(conditions.unwrap_or_default());
            let pins = list(workload.conditions().map(Conditions::pins));
            let others = list(workload.conditions().map(Conditions::others));
            let mut fields = vec![
                ("preset", workload.preset.as_str()),
                ("issuer", workload.issuer.as_str()),
                ("audience", workload.audience.as_deref().unwrap_or_default()),
                ("key_set", workload.key_set.as_deref().unwrap_or_default()),
                ("pins", pins.as_str()),
                ("conditions", others.as_str()),
            ];
            if let Accepts::Workloads { accepted_dangers, .. } = &workload.accepts {
                fields.extend(accepted_dangers.iter().map(|danger| (danger.as_str(), "1")));
            }
            Fields::from_iter(fields)
        }
    }
}

/// What was sent, as far as it can be read.
pub(super) fn read(fields: &Fields, is_public_keys: bool) -> Result<NewIdentity, FormError> {
    if is_public_keys {
        return match (fields.lines("public_keys"), fields.filled("public_keys_url")) {
            (Some(keys), None) => Ok(NewIdentity::PublicKeys(NewPublicKeys::Pasted(keys))),
            (None, Some(url)) => Ok(NewIdentity::PublicKeys(NewPublicKeys::Url(url.trim().to_owned()))),
            (None, None) => {
                Err(FormError::new("publicKeys", "Paste the public keys, or write their URL below."))
            }
            (Some(_), Some(_)) => {
                Err(FormError::new("publicKeys", "Paste the keys or write their URL, not both."))
            }
        };
    }
    let preset = preset(fields).ok_or_else(|| FormError::new("preset", "Choose where it runs."))?;
    let conditions = conditions(fields)
        .map_err(|invalid| FormError::new(invalid.field, answer::sentence(&invalid.message)))?;
    let filled = |name| fields.filled(name).map(|text| text.trim().to_owned());
    Ok(NewIdentity::Workload(NewWorkload {
        preset,
        issuer: filled("issuer"),
        audience: filled("audience"),
        key_set: filled("key_set"),
        conditions,
    }))
}

/// The dangers that are ticked.
pub(super) fn accepted(fields: &Fields) -> BTreeSet<Danger> {
    Danger::ALL.into_iter().filter(|danger| fields.is_ticked(danger.as_str())).collect()
}

fn preset(fields: &Fields) -> Option<Preset> {
    Preset::parse(fields.text("preset"))
}

/// None if nothing is written, so that the key waits for its first run.
fn conditions(fields: &Fields) -> Result<Option<NewConditions>, Invalid> {
    let (pins, others) = (fields.lines("pins"), fields.lines("conditions"));
    if pins.is_none() && others.is_none() {
        return Ok(None);
    }
    Ok(Some(NewConditions {
        pins: listed("pins", &pins.unwrap_or_default())?,
        others: listed("conditions", &others.unwrap_or_default())?,
        accepted_dangers: accepted(fields),
    }))
}

/// One condition a line, `claim = value`. Several lines of one claim are values and patterns of which it may have any; those
/// with `*` are patterns.
fn listed(field: &'static str, text: &str) -> Result<Vec<Condition>, Invalid> {
    let mut claims: Vec<(ClaimName, Vec<&str>)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((claim, value)) = line.split_once('=') else {
            return Err(Invalid::new(
                field,
                format!("write each line as claim = value; `{}` has no =", domain::text::shown(line, 80)),
            ));
        };
        let at_field = |invalid: Invalid| Invalid::new(field, invalid.message);
        let (claim, value) = (ClaimName::parse(claim.trim()).map_err(at_field)?, value.trim());
        match claims.iter_mut().find(|(known, _)| *known == claim) {
            Some((_, values)) => values.push(value),
            None => claims.push((claim, vec![value])),
        }
    }
    let made = claims.into_iter().map(|(claim, values)| Condition::of_texts(claim, &values));
    made.collect::<Result<_, _>>().map_err(|invalid| Invalid::new(field, invalid.message))
}

/// Conditions as lines.
fn written(conditions: &[Condition]) -> String {
    let lines = conditions
        .iter()
        .flat_map(|condition| condition.texts().map(move |value| format!("{} = {value}", condition.claim())));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_lines_and_read_back() {
        let text = "ref = refs/heads/main\nref = refs/heads/release\nref = refs/heads/feature/*\nworkflow_ref = acme/*/x.yml@refs/heads/main";
        let read = listed("conditions", &format!("\n  {text}\n\n")).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(written(&read), text);
        assert_eq!(listed("conditions", &written(&read)).unwrap(), read);
        for bad in ["ref", "= x", "ref =", "ref = **"] {
            assert_eq!(listed("pins", bad).unwrap_err().field, "pins", "{bad}");
        }
    }

    #[test]
    fn nothing_written_waits_for_the_first_run() {
        let fields = Fields::from_iter([("preset", "gitlab_ci"), ("pins", " "), ("conditions", "\r\n")]);
        match read(&fields, false).unwrap() {
            NewIdentity::Workload(new) => {
                assert!(new.conditions.is_none() && new.issuer.is_none());
                assert_eq!(new.preset, Preset::GitLabCi);
            }
            NewIdentity::PublicKeys(_) => panic!("no workload"),
        }
        for preset in ["", "jenkins"] {
            assert_eq!(read(&Fields::from_iter([("preset", preset)]), false).unwrap_err().field, "preset");
        }
        for (fields, is_right) in [
            (vec![("public_keys", "x")], true),
            (vec![("public_keys_url", "https://a.example/jwks")], true),
            (vec![], false),
            (vec![("public_keys", "x"), ("public_keys_url", "y")], false),
        ] {
            assert_eq!(read(&Fields::from_iter(fields), true).is_ok(), is_right);
        }
    }
}
