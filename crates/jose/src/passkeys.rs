//! Passkeys (Web Authentication Level 3): challenges for authenticators, and what they answer. A thin wrapper of `webauthn-rs`.
//!
//! User verification is always required, so an answer proves two factors: the device, and its PIN or its owner's body.
//! Credentials are discoverable, so nobody types an address to sign in. The library draws its challenges from the
//! operating system's random source itself.

use domain::UserId;
use serde_json::Value;
use std::time::Duration;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder,
};

/// How long an authenticator may take to answer, in seconds: what browsers are told, and how long a challenge is good.
pub const CEREMONY_SECONDS: i64 = 300;

/// Why an answer is not accepted, or a challenge cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The answer does not fit its challenge or its credential: for the log, never for who asks.
    #[error("the authenticator's answer is rejected: {0}")]
    Rejected(String),
    /// What was stored cannot be read, or a challenge cannot be made.
    #[error("passkeys: {0}")]
    Broken(String),
}

fn broken(error: impl std::fmt::Display) -> PasskeyError {
    PasskeyError::Broken(error.to_string())
}

fn rejected(error: impl std::fmt::Display) -> PasskeyError {
    PasskeyError::Rejected(error.to_string())
}

/// A challenge: what the browser is given, and what has to be kept until it answers.
#[derive(Debug)]
pub struct Challenge {
    /// The `publicKey` options of `navigator.credentials`, as JSON with binary values in base64url.
    pub options: String,
    /// What checks the answer. It stays on the server.
    pub state: String,
}

/// A passkey that an authenticator has just made.
#[derive(Debug)]
pub struct NewCredential {
    /// The authenticator's name for it.
    pub id: Vec<u8>,
    /// Public key and counter, for storage.
    pub credential: String,
}

/// An authenticator's answer to a sign-in, not yet checked.
#[derive(Debug)]
pub struct Assertion {
    answer: PublicKeyCredential,
    handle: Uuid,
}

impl Assertion {
    /// Reads what the browser sent.
    ///
    /// # Errors
    /// It is no answer, or names no person.
    pub fn parse(json: &str) -> Result<Self, PasskeyError> {
        let answer: PublicKeyCredential = serde_json::from_str(json).map_err(rejected)?;
        let handle = answer.get_user_unique_id().and_then(|handle| Uuid::from_slice(handle).ok());
        Ok(Self { handle: handle.ok_or_else(|| rejected("it names no person"))?, answer })
    }

    /// The credential that it claims to be of.
    pub fn credential_id(&self) -> &[u8] {
        self.answer.get_credential_id()
    }

    /// Whether it claims to be of this person.
    pub fn names(&self, person: &UserId) -> bool {
        self.handle == handle_of(person)
    }
}

/// Who asks authenticators: the installation, under a domain that all its pages for people are in.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// Accepts answers that were given to Viewport.
    adding: Webauthn,
    /// Accepts answers that were given to the authorization server.
    signing_in: Webauthn,
}

impl RelyingParty {
    /// The relying party of an installation whose authorization server and Viewport have these URLs. None where browsers
    /// allow no passkeys: the hosts share no domain, or are IP addresses, or have no TLS (but for `localhost`).
    pub fn new(issuer: &str, viewport: &str) -> Option<Self> {
        let (issuer, viewport) = (Url::parse(issuer).ok()?, Url::parse(viewport).ok()?);
        let id = shared_domain(issuer.domain()?, viewport.domain()?)?;
        let is_local = id == "localhost";
        if !is_local && (issuer.scheme() != "https" || viewport.scheme() != "https") {
            return None;
        }
        Some(Self { adding: of(id, &viewport)?, signing_in: of(id, &issuer)? })
    }

    /// Asks for a new passkey of a person who has the `known` ones already.
    ///
    /// # Errors
    /// The library fails.
    pub fn begin_adding(
        &self,
        person: &UserId,
        email: &str,
        known: Vec<Vec<u8>>,
    ) -> Result<Challenge, PasskeyError> {
        let (options, state) = self
            .adding
            .start_passkey_registration(handle_of(person), email, email, Some(known))
            .map_err(broken)?;
        let mut options = serde_json::to_value(options).map_err(broken)?;
        // The library leaves it to the device whether the credential can be found without an address; here it must.
        if let Some(Value::Object(selection)) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection.insert("residentKey".to_owned(), "required".into());
            selection.insert("requireResidentKey".to_owned(), true.into());
        }
        challenge(&mut options, &state)
    }

    /// Checks the answer to [`Self::begin_adding`].
    ///
    /// # Errors
    /// It does not fit.
    pub fn finish_adding(&self, state: &str, answer: &str) -> Result<NewCredential, PasskeyError> {
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(broken)?;
        let answer: RegisterPublicKeyCredential = serde_json::from_str(answer).map_err(rejected)?;
        let passkey = self.adding.finish_passkey_registration(&answer, &state).map_err(rejected)?;
        Ok(NewCredential {
            id: passkey.cred_id().clone(),
            credential: serde_json::to_string(&passkey).map_err(broken)?,
        })
    }

    /// Asks whoever is there to sign in.
    ///
    /// # Errors
    /// The library fails.
    pub fn begin_sign_in(&self) -> Result<Challenge, PasskeyError> {
        let (options, state) = self.signing_in.start_discoverable_authentication().map_err(broken)?;
        challenge(&mut serde_json::to_value(options).map_err(broken)?, &state)
    }

    /// Checks the answer to [`Self::begin_sign_in`] with the stored credential; gives the credential as it is after it.
    ///
    /// # Errors
    /// It does not fit, or the authenticator's counter did not grow: the credential may have been copied.
    pub fn finish_sign_in(
        &self,
        state: &str,
        assertion: &Assertion,
        credential: &str,
    ) -> Result<String, PasskeyError> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(broken)?;
        let mut passkey: Passkey = serde_json::from_str(credential).map_err(broken)?;
        let result = self
            .signing_in
            .finish_discoverable_authentication_v2(&assertion.answer, state, &passkey)
            .map_err(rejected)?;
        if !result.user_verified() {
            return Err(rejected("the user was not verified"));
        }
        match passkey.update_credential(&result) {
            None => Err(rejected("it is of another credential")),
            // Written anew, the same credential might look different.
            Some(false) => Ok(credential.to_owned()),
            Some(true) => serde_json::to_string(&passkey).map_err(broken),
        }
    }
}

fn of(id: &str, origin: &Url) -> Option<Webauthn> {
    let timeout = Duration::from_secs(CEREMONY_SECONDS.unsigned_abs());
    WebauthnBuilder::new(id, origin).ok()?.rp_name("Duku").timeout(timeout).build().ok()
}

fn challenge(options: &mut Value, state: &impl serde::Serialize) -> Result<Challenge, PasskeyError> {
    let options = options.get_mut("publicKey").map(Value::take).ok_or_else(|| broken("no options"))?;
    Ok(Challenge { options: options.to_string(), state: serde_json::to_string(state).map_err(broken)? })
}

/// What authenticators know a person by: it says nothing to who finds it there.
fn handle_of(person: &UserId) -> Uuid {
    let digest = crate::sha256(format!("duku passkeys: {person}").as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
    Uuid::from_bytes(bytes)
}

/// The host itself if both are the same, else the longest domain of two labels or more that both are in.
fn shared_domain<'a>(one: &'a str, other: &str) -> Option<&'a str> {
    if one == other {
        return Some(one);
    }
    let is_in =
        |domain: &str| other == domain || other.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let mut domain = one;
    while domain.contains('.') {
        if is_in(domain) {
            return Some(domain);
        }
        domain = domain.split_once('.')?.1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_the_host_or_what_both_hosts_are_in() {
        for (auth, viewport, shared) in [
            ("duku.example.org", "duku.example.org", Some("duku.example.org")),
            ("auth.example.org", "viewport.example.org", Some("example.org")),
            ("auth.duku.example.org", "viewport.duku.example.org", Some("duku.example.org")),
            ("example.org", "viewport.example.org", Some("example.org")),
            ("auth.example.org", "example.org", Some("example.org")),
            ("localhost", "localhost", Some("localhost")),
            ("auth.org", "viewport.org", None),
            ("auth.badexample.org", "viewport.example.org", None),
            ("auth.one.org", "viewport.two.org", None),
        ] {
            assert_eq!(shared_domain(auth, viewport), shared, "{auth} and {viewport}");
        }
    }

    #[test]
    fn passkeys_need_tls_and_a_shared_domain() {
        let offered = |issuer: &str, viewport: &str| RelyingParty::new(issuer, viewport).is_some();
        assert!(offered("https://auth.example.org/realms/duku", "https://viewport.example.org"));
        assert!(offered("https://duku.example.org:8443/realms/duku", "https://duku.example.org:8443"));
        assert!(offered("http://localhost:8080/realms/duku", "http://localhost:8080"));
        assert!(!offered("http://duku.example.org/realms/duku", "http://duku.example.org"));
        assert!(!offered("https://auth.one.org/realms/duku", "https://viewport.two.org"));
        assert!(!offered("http://127.0.0.1:8080/realms/duku", "http://127.0.0.1:8080"));
        assert!(!offered("https://[::1]/realms/duku", "https://[::1]"));
    }

    #[test]
    fn the_options_ask_for_a_verified_user_and_a_credential_that_is_found_without_an_address() {
        let party = RelyingParty::new("https://auth.example.org/realms/duku", "https://viewport.example.org")
            .unwrap();
        let person = UserId::parse("usr_00000000000000000000000000").unwrap();
        let adding = party.begin_adding(&person, "ada@example.org", vec![vec![7; 16]]).unwrap();
        let options: Value = serde_json::from_str(&adding.options).unwrap();
        assert_eq!(options["rp"]["id"], "example.org");
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
        assert!(!adding.options.contains("usr_"), "{}", adding.options);
        let sign_in = party.begin_sign_in().unwrap();
        let options: Value = serde_json::from_str(&sign_in.options).unwrap();
        assert_eq!(
            (options["rpId"].as_str(), options["userVerification"].as_str()),
            (Some("example.org"), Some("required"))
        );
        assert_eq!(options["allowCredentials"], serde_json::json!([]));
    }
}
