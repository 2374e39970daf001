//! For tests: a key pair of any algorithm that signs whatever it is given. In the feature `assertion-signer`.

use super::AssertionAlgorithm;
use crate::{base64url, keys::KeyError};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::fmt;

/// An issuer's or a client's key pair in a test. It checks nothing of what it signs.
pub struct AssertionSigner {
    algorithm: AssertionAlgorithm,
    private: Private,
    /// The public half as a `SubjectPublicKeyInfo`.
    spki: Vec<u8>,
    /// The public half as a JWK without `kid`.
    jwk: Value,
}

enum Private {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ed25519(Ed25519KeyPair),
}

impl AssertionSigner {
    /// Makes a key pair. RSA keys have 2048 bits.
    ///
    /// # Errors
    /// A failure of the library.
    pub fn generate(algorithm: AssertionAlgorithm) -> Result<Self, KeyError> {
        let (private, spki) = generate(algorithm).map_err(|_| KeyError::Sign)?;
        let key = super::AssertionKey::of_der(&spki).map_err(|_| KeyError::Sign)?;
        let mut jwk = key.jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("alg".to_owned(), algorithm.as_str().into());
        }
        Ok(Self { algorithm, private, spki, jwk })
    }

    /// The algorithm that it signs with.
    pub const fn algorithm(&self) -> AssertionAlgorithm {
        self.algorithm
    }

    /// The public half as a JWK under a name, with `use` and `alg`.
    pub fn public_jwk(&self, kid: &str) -> Value {
        let mut jwk = self.jwk.clone();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), kid.into());
        }
        jwk
    }

    /// The public half as PEM, label `PUBLIC KEY`.
    pub fn public_pem(&self) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&self.spki))
    }

    /// A token with `claims` and the header that issuers send: `alg`, `typ` and `kid`.
    ///
    /// # Errors
    /// A failure of the library.
    pub fn sign_claims(&self, kid: &str, claims: &Value) -> Result<String, KeyError> {
        let header = json!({ "typ": "JWT", "alg": self.algorithm.as_str(), "kid": kid });
        self.sign(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A token with any header and any payload.
    ///
    /// # Errors
    /// A failure of the library.
    pub fn sign(&self, header: &[u8], payload: &[u8]) -> Result<String, KeyError> {
        let message = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = self.signature(message.as_bytes()).map_err(|_| KeyError::Sign)?;
        Ok(format!("{message}.{}", base64url::encode(&signature)))
    }

    /// The signature of any message, in JOSE's form.
    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &self.private {
            Private::Ec(key) => Ok(key.sign(&random, message)?.as_ref().to_vec()),
            Private::Ed25519(key) => Ok(key.try_sign(message)?.as_ref().to_vec()),
            Private::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

fn generate(algorithm: AssertionAlgorithm) -> Result<(Private, Vec<u8>), Unspecified> {
    let encoding: &'static dyn RsaEncoding = match algorithm {
        AssertionAlgorithm::Es256 | AssertionAlgorithm::Es384 => {
            let key = EcdsaKeyPair::generate(match algorithm {
                AssertionAlgorithm::Es384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
                _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
            })?;
            let spki = key.public_key().as_der()?.as_ref().to_vec();
            return Ok((Private::Ec(key), spki));
        }
        AssertionAlgorithm::EdDsa => {
            let key = Ed25519KeyPair::generate()?;
            let spki = key.public_key().as_der()?.as_ref().to_vec();
            return Ok((Private::Ed25519(key), spki));
        }
        AssertionAlgorithm::Ps256 => &RSA_PSS_SHA256,
        AssertionAlgorithm::Rs256 => &RSA_PKCS1_SHA256,
    };
    let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let spki = key.public_key().as_der()?.as_ref().to_vec();
    Ok((Private::Rsa(key, encoding), spki))
}

impl fmt::Debug for AssertionSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssertionSigner({}, redacted)", self.algorithm)
    }
}
