//! A client's public keys, as an Admin pastes them.

use super::{
    AssertionKey, AssertionKeyError, KeySet, MAXIMUM_KEY_SET_LENGTH,
    key::is_private,
    pem::{blocks, is_pem},
};
use domain::workload::{Claims, parse_claims};
use serde_json::{Value, json};

/// The most keys that a client may have at a time: enough to replace one after the other.
pub const MAXIMUM_PUBLIC_KEYS: usize = 5;

/// Why pasted text is not taken as public keys. Every message says what to do, and none repeats what was pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeysError {
    /// There is nothing, or a set without keys.
    #[error("paste a public key: a JWK, a JWKS, or PEM that begins with -----BEGIN PUBLIC KEY-----")]
    Empty,
    /// Longer than [`MAXIMUM_KEY_SET_LENGTH`].
    #[error("this is longer than 64 KiB: paste 1 to 5 public keys and nothing else")]
    TooLong,
    /// Neither JSON nor PEM.
    #[error(
        "this is neither a JWK, nor a JWKS, nor PEM: copy the whole public key, with its first and last line"
    )]
    UnknownForm,
    /// Not a JSON object, or one in which a name stands twice.
    #[error("this JSON cannot be read: copy the whole JWK or JWKS; no name may stand twice in it")]
    Json,
    /// A PEM block without end, or with a body that is no base64.
    #[error(
        "this PEM cannot be read: copy it whole, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----"
    )]
    Pem,
    /// A private or symmetric key, as PEM or as JWK.
    #[error(
        "this is a private or secret key, and now it has been shown: throw it away, make a new pair \
         (`duku keys generate --method private-key-jwt`), and paste its public half only"
    )]
    PrivateKey,
    /// A certificate or a request for one.
    #[error(
        "this is a certificate, and a client is known by its public key alone: take the key out of it with \
         `openssl x509 -in FILE -noout -pubkey` and paste that"
    )]
    Certificate,
    /// A key in the form of SSH.
    #[error(
        "this is a key for SSH: write it as PEM with `ssh-keygen -e -m PKCS8 -f FILE.pub` and paste that"
    )]
    SshKey,
    /// A PEM block of another kind.
    #[error(
        "this PEM holds something else than a public key: paste the one that begins with -----BEGIN PUBLIC KEY-----"
    )]
    WrongLabel,
    /// More than [`MAXIMUM_PUBLIC_KEYS`].
    #[error("these are {0} keys: a client has 5 at most; leave out those that nobody signs with any more")]
    TooMany(usize),
    /// One of the keys cannot verify.
    #[error("key {number} {why}")]
    Key {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        why: AssertionKeyError,
    },
    /// The same key, in whatever spelling.
    #[error("key {0} stands here already: leave it out")]
    SameKey(usize),
    /// Two keys with one `kid`.
    #[error("key {0} has the `kid` of another key here: give each key its own")]
    SameKid(usize),
}

/// 1 to [`MAXIMUM_PUBLIC_KEYS`] public keys of one client. Each has a `kid`: its own, or its thumbprint.
#[derive(Debug, Clone)]
pub struct PublicKeys {
    keys: Vec<AssertionKey>,
}

impl PublicKeys {
    /// Reads a JWK, a JWKS, or PEM with `PUBLIC KEY` (or `RSA PUBLIC KEY`).
    ///
    /// Other than in an issuer's set, nothing is left out: whoever pastes a key means it.
    ///
    /// # Errors
    /// See [`PublicKeysError`]. A private key in PEM is noticed before everything else, one in JSON as soon as the JSON can be read.
    pub fn parse(text: &str) -> Result<Self, PublicKeysError> {
        let text = text.trim();
        // Also in what is cut off or otherwise broken.
        if text.contains("PRIVATE KEY-----") {
            return Err(PublicKeysError::PrivateKey);
        }
        if text.is_empty() {
            return Err(PublicKeysError::Empty);
        }
        if text.len() > MAXIMUM_KEY_SET_LENGTH {
            return Err(PublicKeysError::TooLong);
        }
        if text.starts_with('{') {
            return Self::of_json(text);
        }
        if is_pem(text) {
            return Self::of_pem(text);
        }
        let is_ssh = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "---- BEGIN SSH2"];
        if is_ssh.iter().any(|start| text.starts_with(start)) {
            return Err(PublicKeysError::SshKey);
        }
        Err(if text.starts_with('[') { PublicKeysError::Json } else { PublicKeysError::UnknownForm })
    }

    fn of_json(text: &str) -> Result<Self, PublicKeysError> {
        let object = parse_claims(text.as_bytes()).map_err(|_| PublicKeysError::Json)?;
        let listed = match object.get("keys") {
            Some(Value::Array(keys)) => keys.clone(),
            Some(_) => return Err(PublicKeysError::Json),
            None => vec![Value::Object(object.clone())],
        };
        let holds_private = |jwk: &Value| jwk.as_object().is_some_and(is_private);
        if is_private(&object) || listed.iter().any(holds_private) {
            return Err(PublicKeysError::PrivateKey);
        }
        Self::of(&listed, AssertionKey::of_jwk)
    }

    fn of_pem(text: &str) -> Result<Self, PublicKeysError> {
        let blocks = blocks(text).ok_or(PublicKeysError::Pem)?;
        for block in &blocks {
            match block.label {
                "PUBLIC KEY" | "RSA PUBLIC KEY" => {}
                label if label.contains("CERTIFICATE") => return Err(PublicKeysError::Certificate),
                _ => return Err(PublicKeysError::WrongLabel),
            }
        }
        Self::of(&blocks, |block| AssertionKey::of_der(&block.bytes))
    }

    fn of<T>(
        listed: &[T],
        read: impl Fn(&T) -> Result<AssertionKey, AssertionKeyError>,
    ) -> Result<Self, PublicKeysError> {
        match listed.len() {
            0 => return Err(PublicKeysError::Empty),
            1..=MAXIMUM_PUBLIC_KEYS => {}
            more => return Err(PublicKeysError::TooMany(more)),
        }
        let mut keys: Vec<AssertionKey> = Vec::new();
        for (number, written) in (1..).zip(listed) {
            let key = read(written).map_err(|why| PublicKeysError::Key { number, why })?.named();
            if keys.iter().any(|other| other.is_same_key(&key)) {
                return Err(PublicKeysError::SameKey(number));
            }
            if keys.iter().any(|other| other.kid() == key.kid()) {
                return Err(PublicKeysError::SameKid(number));
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// The keys, in the order in which they were pasted.
    pub fn keys(&self) -> &[AssertionKey] {
        &self.keys
    }

    /// The keys as a JWKS in its one form, for storage: [`KeySet::parse`] and [`Self::parse`] read it back.
    pub fn jwks(&self) -> Claims {
        let keys: Vec<Value> = self.keys.iter().map(AssertionKey::jwk).collect();
        Claims::from_iter([("keys".to_owned(), json!(keys))])
    }

    /// The keys, to verify assertions with.
    pub fn key_set(&self) -> KeySet {
        KeySet::of(self.keys.clone())
    }
}
