//! Signing keys and what they sign: JWS in compact form (RFC 7515 §7.1) with the algorithms of RFC 7518 §3 and RFC 8037 §3.1.

pub use crate::jwk::VerifyingKey;

use crate::{assertion::pem, base64url, jwk::Members, jwt};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use std::fmt;
use zeroize::Zeroizing;

/// A signature algorithm for tokens. All are asymmetric: `none` and the HMAC family cannot be expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256, signature in fixed form (RFC 7518 §3.4).
    #[default]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), for clients that know nothing newer.
    Rs256,
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, the default first.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];

    /// The `alg` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads an algorithm's name as people write it, in any case. (A token's `alg` is case-sensitive: see [`jwt`].)
    ///
    /// # Errors
    /// Another name; the message lists the choices.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let named = |algorithm: &Self| algorithm.as_str().eq_ignore_ascii_case(text.trim());
        Self::ALL.into_iter().find(named).ok_or(KeyError::UnknownAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can go wrong with a key. No message contains key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the name of a supported algorithm.
    #[error("unknown signature algorithm: choose ES256, RS256 or EdDSA")]
    UnknownAlgorithm,
    /// The library could not make a key.
    #[error("the {0} key could not be generated")]
    Generate(Algorithm),
    /// Not an unencrypted PKCS#8 document with a sound private key for the algorithm.
    #[error("this is not an unencrypted PKCS#8 private key for {0}")]
    PrivateKey(Algorithm),
    /// Not one unencrypted private key as PEM.
    #[error(
        "this is not one private key for ES256, RS256 or EdDSA as PEM that begins with -----BEGIN PRIVATE KEY-----: \
         `openssl pkcs8 -topk8 -nocrypt -in FILE` writes another form as this one"
    )]
    Pem,
    /// Not a JWK that can verify here, and why.
    #[error("this JWK cannot verify signatures: {0}")]
    Jwk(&'static str),
    /// The claims are not a JSON object of a size that fits a token.
    #[error("the claims cannot be signed: {0}")]
    Claims(String),
    /// The library could not sign, or could not write the public key out.
    #[error("the library failed at signing or at writing the public key")]
    Sign,
}

/// The label of a PKCS#8 document in PEM.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// A private key that signs access tokens, or a client's own assertions.
pub struct SigningKey {
    private: Private,
    public: VerifyingKey,
    /// The encoded header and the dot behind it: the same in every token of this key.
    header: String,
    signature_length: usize,
}

enum Private {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a new key, and its PKCS#8 document (DER) for [`crate::master::MasterKey::seal`]. RSA keys have 2048 bits.
    ///
    /// The randomness is the library's own: it has no way to take ours for this.
    ///
    /// # Errors
    /// The library fails, which in practice means that there is no memory.
    pub fn generate(algorithm: Algorithm) -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let document = generate_pkcs8(algorithm).ok_or(KeyError::Generate(algorithm))?;
        Ok((Self::from_pkcs8(algorithm, &document)?, document))
    }

    /// Reads a key back from its PKCS#8 document (DER, RFC 5958, not encrypted).
    ///
    /// # Errors
    /// Not such a document, a key of another kind, or an RSA key outside 2048 to 8192 bits.
    pub fn from_pkcs8(algorithm: Algorithm, document: &[u8]) -> Result<Self, KeyError> {
        let (private, members, signature_length) =
            parse_pkcs8(algorithm, document).ok_or(KeyError::PrivateKey(algorithm))?;
        let public = VerifyingKey::new(&members, None).map_err(|_| KeyError::PrivateKey(algorithm))?;
        let header = header(algorithm, "at+jwt", public.kid());
        Ok(Self { private, public, header, signature_length })
    }

    /// Reads a client's own key: PEM with the label `PRIVATE KEY` (RFC 7468 §10), of any algorithm here.
    ///
    /// # Errors
    /// Something else than exactly one such key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = pem::blocks(text).ok_or(KeyError::Pem)?;
        let [block] = <[_; 1]>::try_from(blocks).map_err(|_| KeyError::Pem)?;
        let document = Zeroizing::new(block.bytes);
        if block.label != PRIVATE_KEY {
            return Err(KeyError::Pem);
        }
        let read = |algorithm| Self::from_pkcs8(algorithm, &document).ok();
        Algorithm::ALL.into_iter().find_map(read).ok_or(KeyError::Pem)
    }

    /// The key's name: its RFC 7638 SHA-256 thumbprint.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The algorithm that this key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The public half for a JWKS: the key's members, `kid`, `use: "sig"` and `alg`.
    pub fn public_jwk(&self) -> serde_json::Value {
        self.public.jwk().clone()
    }

    /// The public half as a `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7), for clients that do not read JWKs.
    ///
    /// # Errors
    /// A failure of the library.
    pub fn public_key_der(&self) -> Result<Vec<u8>, KeyError> {
        let document = match &self.private {
            Private::Es256(key) => key.public_key().as_der(),
            Private::Rs256(key) => key.public_key().as_der(),
            Private::EdDsa(key) => key.public_key().as_der(),
        };
        document.map(|der| der.as_ref().to_vec()).map_err(|_| KeyError::Sign)
    }

    /// The public half for checking tokens.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.public.clone()
    }

    /// Signs `claims` as an access token (RFC 9068 §2): compact JWS with the header `{"alg":…,"typ":"at+jwt","kid":…}`.
    ///
    /// # Errors
    /// Claims that are not a JSON object or make a token longer than [`jwt::MAXIMUM_LENGTH`], which
    /// no one here would accept; or a failure of the library.
    pub fn sign<C: serde::Serialize>(&self, claims: &C) -> Result<String, KeyError> {
        self.sign_under(&self.header, claims)
    }

    /// Signs `claims` as an ID token (OpenID Connect Core 1.0 §2): the header's `typ` is `JWT`, so that nobody takes it
    /// for an access token (RFC 8725 §3.11).
    pub fn sign_id_token<C: serde::Serialize>(&self, claims: &C) -> Result<String, KeyError> {
        self.sign_under(&header(self.algorithm(), "JWT", self.kid()), claims)
    }

    /// Signs `claims` as a client's own assertion (RFC 7523 §2.2), with the `typ` that the RFC's successor asks for.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_client_assertion<C: serde::Serialize>(&self, claims: &C) -> Result<String, KeyError> {
        self.sign_under(&header(self.algorithm(), "client-authentication+jwt", self.kid()), claims)
    }

    fn sign_under<C: serde::Serialize>(&self, header: &str, claims: &C) -> Result<String, KeyError> {
        let payload = serde_json::to_vec(claims).map_err(|error| KeyError::Claims(error.to_string()))?;
        if payload.first() != Some(&b'{') {
            return Err(KeyError::Claims("they are not a JSON object".to_owned()));
        }
        let length = header.len()
            + base64url::encoded_length(payload.len())
            + ".".len()
            + base64url::encoded_length(self.signature_length);
        if length > jwt::MAXIMUM_LENGTH {
            let limit = jwt::MAXIMUM_LENGTH;
            return Err(KeyError::Claims(format!(
                "the token would have {length} characters of {limit} at most"
            )));
        }
        let mut token = String::with_capacity(length);
        token.push_str(header);
        base64url::append(&mut token, &payload);
        self.append_signature(&mut token).map_err(|_| KeyError::Sign)?;
        Ok(token)
    }

    fn append_signature(&self, token: &mut String) -> Result<(), aws_lc_rs::error::Unspecified> {
        let message = token.as_bytes();
        match &self.private {
            Private::Es256(key) => {
                let signature = key.sign(&SystemRandom::new(), message)?;
                token.push('.');
                base64url::append(token, signature.as_ref());
            }
            Private::Rs256(key) => {
                let mut signature = vec![0; self.signature_length];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
                token.push('.');
                base64url::append(token, &signature);
            }
            Private::EdDsa(key) => {
                let signature = key.try_sign(message)?;
                token.push('.');
                base64url::append(token, signature.as_ref());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {}, redacted)", self.algorithm(), self.kid())
    }
}

/// A private key's PKCS#8 document as PEM (RFC 7468 §10).
pub fn private_key_pem(document: &[u8]) -> Zeroizing<String> {
    pem::write(PRIVATE_KEY, document)
}

/// An encoded header and the dot behind it.
fn header(algorithm: Algorithm, typ: &str, kid: &str) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"{typ}","kid":"{kid}"}}"#);
    format!("{}.", base64url::encode(header.as_bytes()))
}

fn generate_pkcs8(algorithm: Algorithm) -> Option<Zeroizing<Vec<u8>>> {
    let document = match algorithm {
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .ok()?
            .to_pkcs8v1()
            .ok()?
            .as_ref()
            .to_vec(),
        Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).ok()?.as_der().ok()?.as_ref().to_vec(),
        Algorithm::EdDsa => Ed25519KeyPair::generate().ok()?.to_pkcs8v1().ok()?.as_ref().to_vec(),
    };
    Some(Zeroizing::new(document))
}

/// The key pair, its public half and the length of its signatures in bytes.
fn parse_pkcs8(algorithm: Algorithm, document: &[u8]) -> Option<(Private, Members, usize)> {
    match algorithm {
        Algorithm::Es256 => {
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).ok()?;
            let members = Members::of_point(key.public_key().as_ref())?;
            Some((Private::Es256(key), members, 64))
        }
        Algorithm::Rs256 => {
            let key = RsaKeyPair::from_pkcs8(document).ok()?;
            let (modulus, exponent) = (key.public_key().modulus(), key.public_key().exponent());
            let members = Members::of_rsa(
                modulus.big_endian_without_leading_zero(),
                exponent.big_endian_without_leading_zero(),
            );
            let length = key.public_modulus_len();
            Some((Private::Rs256(key), members, length))
        }
        Algorithm::EdDsa => {
            let key = Ed25519KeyPair::from_pkcs8(document).ok()?;
            let members = Members::of_ed25519(key.public_key().as_ref());
            Some((Private::EdDsa(key), members, 64))
        }
    }
}

#[cfg(test)]
mod tests;
