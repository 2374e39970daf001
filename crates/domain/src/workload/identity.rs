//! How a key that has no secret is authenticated.

use super::{AuthenticationMethod, Conditions, Danger, IssuerUrl, Preset};
use crate::{Invalid, KeyId, OrganisationId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::collections::BTreeSet;

/// How long a key waits for its first run, in seconds. An Admin can begin it again.
pub const WAITING_SECONDS: i64 = 3600;

/// What a key is authenticated with instead of a secret, as storage holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyIdentity {
    /// The key.
    pub key_id: KeyId,
    /// That key's organisation.
    pub organisation_id: OrganisationId,
    /// What must be presented.
    pub identity: Identity,
    /// Raised by every change, so that what was checked against an earlier one counts no more.
    pub version: i64,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// What must be presented instead of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// A token that the workload's platform signed.
    WorkloadIdentity(WorkloadIdentity),
    /// An assertion that the client signed itself (RFC 7523 §2.2).
    PrivateKeyJwt(ClientKeys),
}

/// Which tokens of which issuer a key accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadIdentity {
    /// The kind of issuer.
    pub preset: Preset,
    /// Who signs the tokens.
    pub issuer: IssuerUrl,
    /// What `aud` must contain; none for this server's own issuer URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The issuer's public keys as a JWKS, where it cannot be reached; none if they are fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_set: Option<String>,
    /// Which of its workloads.
    pub accepts: Accepts,
}

/// Which workloads of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepts {
    /// None yet: until then the runs that ask are shown to an Admin.
    Waiting {
        /// The first instant at which they are not shown any more, in milliseconds since 1970.
        until_ms: i64,
    },
    /// Those that meet these conditions.
    Workloads {
        /// What their tokens must say.
        conditions: Conditions,
        /// What an Admin accepted by name.
        #[serde(default)]
        accepted_dangers: BTreeSet<Danger>,
    },
}

/// The public keys of a client that signs its own assertions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeys {
    /// As a JWKS.
    KeySet(String),
    /// Where the client publishes its JWKS.
    Url(IssuerUrl),
}

impl ClientKeys {
    /// The `kid` of each key that was given.
    pub fn key_ids(&self) -> Vec<String> {
        let Self::KeySet(jwks) = self else { return Vec::new() };
        let jwks: serde_json::Value = serde_json::from_str(jwks).unwrap_or_default();
        let keys = jwks.get("keys").and_then(serde_json::Value::as_array);
        let kid = |key: &serde_json::Value| Some(key.get("kid")?.as_str()?.to_owned());
        keys.into_iter().flatten().filter_map(kid).collect()
    }
}

impl Identity {
    /// How the key is authenticated.
    pub const fn method(&self) -> AuthenticationMethod {
        match self {
            Self::WorkloadIdentity(_) => AuthenticationMethod::WorkloadIdentity,
            Self::PrivateKeyJwt(_) => AuthenticationMethod::PrivateKeyJwt,
        }
    }

    /// The workload's side, if it is one.
    pub const fn workload(&self) -> Option<&WorkloadIdentity> {
        match self {
            Self::WorkloadIdentity(workload) => Some(workload),
            Self::PrivateKeyJwt(_) => None,
        }
    }
}

impl WorkloadIdentity {
    /// The longest audience, in bytes.
    pub const AUDIENCE_MAXIMUM: usize = 512;

    /// Checks an audience that a person typed.
    ///
    /// # Errors
    /// Empty, too long, or with characters outside printable ASCII.
    pub fn check_audience(text: &str) -> Result<String, Invalid> {
        let fits = (1..=Self::AUDIENCE_MAXIMUM).contains(&text.len());
        if fits && text.chars().all(|c| c.is_ascii_graphic()) {
            Ok(text.to_owned())
        } else {
            Err(Invalid::new(
                "audience",
                format!(
                    "write 1 to {} visible ASCII characters without blanks, or nothing for this server's own issuer",
                    Self::AUDIENCE_MAXIMUM
                ),
            ))
        }
    }

    /// What must hold, once an Admin has decided it.
    pub const fn conditions(&self) -> Option<&Conditions> {
        match &self.accepts {
            Accepts::Waiting { .. } => None,
            Accepts::Workloads { conditions, .. } => Some(conditions),
        }
    }

    /// What an Admin accepted by name.
    pub fn accepted_dangers(&self) -> BTreeSet<Danger> {
        match &self.accepts {
            Accepts::Waiting { .. } => BTreeSet::new(),
            Accepts::Workloads { accepted_dangers, .. } => accepted_dangers.clone(),
        }
    }

    /// Until when the runs that ask are shown, if it waits at `now`.
    pub fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.accepts {
            Accepts::Waiting { until_ms } => Some(Timestamp::from_ms(until_ms)).filter(|until| now < *until),
            Accepts::Workloads { .. } => None,
        }
    }

    /// Whether a token is used up by the exchange that it is granted. Not where a platform hands out one token for a while
    /// and an Admin accepted that it is used again.
    pub fn uses_up_tokens(&self) -> bool {
        !self.preset.hands_out_tokens_again() && !self.accepted_dangers().contains(&Danger::ReusedTokens)
    }
}

/// A run, as access tokens carry it in `workload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadClaim {
    /// `iss` of the token that was exchanged.
    pub issuer: String,
    /// Its `sub`, cut to a sensible length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The run, as a person says it.
    pub run: String,
    /// Its page on its platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// The repository, project or workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch or tag.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The workflow's file, step or phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
}

/// A run that presented a validly signed token for a key and was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id among the key's attempts: 16 hexadecimal digits for the workload's owner, and 32 for what it was rejected for and the claims
    /// by which a person tells runs apart ([`Preset::distinguishing_claims`](super::Preset::distinguishing_claims)). So what an id stands for never
    /// changes.
    pub id: String,
    /// The key that it named.
    pub key_id: KeyId,
    /// When it was last made.
    pub at: Timestamp,
    /// How often it was made.
    pub times: i64,
    /// Why it was rejected.
    pub reason: String,
    /// What was expected and what came.
    pub message: String,
    /// The token's claims, as JSON.
    pub claims: String,
    /// From where.
    pub address: Option<String>,
}

/// The most attempts of a key that are kept: the newest.
pub const ATTEMPTS_OF_A_KEY: i64 = 20;
/// The most of them that are of one owner. Beyond all, those go first whose owner has most: nobody pushes the run of another out by
/// asking in many ways.
pub const ATTEMPTS_OF_AN_OWNER: i64 = 5;

/// Words that stand as themselves in storage.
macro_rules! stored_words {
    ($($word:ident: $name:literal),*) => {$(
        impl Serialize for $word {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $word {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| D::Error::custom(format!("`{word}` is no {}", $name)))
            }
        }
    )*};
}
stored_words!(Preset: "preset", Danger: "danger");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{ClaimName, Condition};

    fn pinned() -> Conditions {
        let pins = [("repository_id", "1"), ("repository_owner_id", "2")]
            .map(|(claim, value)| Condition::equals(ClaimName::parse(claim).unwrap(), value).unwrap());
        Conditions::new(Preset::GitHubActions, pins.to_vec(), Vec::new()).unwrap()
    }

    fn workload(accepts: Accepts) -> WorkloadIdentity {
        WorkloadIdentity {
            preset: Preset::GitHubActions,
            issuer: IssuerUrl::parse("https://token.actions.githubusercontent.com").unwrap(),
            audience: Some("https://duku.example".to_owned()),
            key_set: None,
            accepts,
        }
    }

    #[test]
    fn an_identity_reads_back_from_json() {
        let accepted_dangers = BTreeSet::from([Danger::AnyBranch, Danger::ReusedTokens]);
        for identity in [
            Identity::WorkloadIdentity(workload(Accepts::Waiting { until_ms: 5 })),
            Identity::WorkloadIdentity(workload(Accepts::Workloads {
                conditions: pinned(),
                accepted_dangers,
            })),
            Identity::PrivateKeyJwt(ClientKeys::KeySet(r#"{"keys":[]}"#.to_owned())),
            Identity::PrivateKeyJwt(ClientKeys::Url(
                IssuerUrl::parse("https://client.example/jwks").unwrap(),
            )),
        ] {
            let json = serde_json::to_string(&identity).unwrap();
            assert_eq!(serde_json::from_str::<Identity>(&json).unwrap(), identity, "{json}");
        }
        for bad in [
            r#"{"workload_identity":{"preset":"github","issuer":"https://a.example","accepts":{"waiting":{"until_ms":1}}}}"#,
            r#"{"workload_identity":{"preset":"oidc","issuer":"http://a.example","accepts":{"waiting":{"until_ms":1}}}}"#,
            r#"{"workload_identity":{"preset":"oidc","issuer":"https://a.example","accepts":{"anybody":{}}}}"#,
        ] {
            assert!(serde_json::from_str::<Identity>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_waits_for_its_hour_and_no_longer() {
        let waiting = workload(Accepts::Waiting { until_ms: 1000 });
        assert_eq!(waiting.waits_until(Timestamp::from_ms(999)), Some(Timestamp::from_ms(1000)));
        assert_eq!(waiting.waits_until(Timestamp::from_ms(1000)), None);
        assert_eq!(waiting.conditions(), None);
        let decided =
            workload(Accepts::Workloads { conditions: pinned(), accepted_dangers: BTreeSet::new() });
        assert_eq!(decided.waits_until(Timestamp::from_ms(0)), None);
        assert!(decided.uses_up_tokens());
    }

    #[test]
    fn an_audience_is_one_visible_word() {
        assert_eq!(WorkloadIdentity::check_audience("api://duku").unwrap(), "api://duku");
        for bad in ["", "a b", "a\n", "ü", &"a".repeat(WorkloadIdentity::AUDIENCE_MAXIMUM + 1)] {
            assert_eq!(WorkloadIdentity::check_audience(bad).unwrap_err().field, "audience");
        }
    }
}
