//! The master key: 32 random bytes outside the database, under which the database's secrets (signing
//! keys above all) are sealed. Whoever has only the database, or only a backup of it, can sign nothing.

use crate::{base64url, digest};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use domain::{Entropy, entropy};
use std::fmt;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

/// HKDF's salt: constant and public, it keeps our keys apart from another product's under the same master key.
const SALT: [u8; 32] = *b"duku master key, derivation 2026";
/// The first byte of everything sealed: AES-256-GCM under an HKDF-SHA-256 key. Another scheme takes another number.
const VERSION: u8 = 1;

/// 32 secret bytes, wiped when dropped.
#[derive(Clone, zeroize::Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

/// What can go wrong with a master key. No message contains a key or what was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not 32 bytes in a known notation.
    #[error(
        "a master key is 32 random bytes as 44 base64 or 64 hexadecimal characters; make one with `openssl rand -base64 32`"
    )]
    NotAKey,
    /// The text is well formed, but one byte repeated: a placeholder that nobody replaced.
    #[error(
        "this master key is one byte repeated 32 times; make a random one with `openssl rand -base64 32`"
    )]
    NotRandom,
    /// The library refused to seal: no memory, or more than 64 GiB.
    #[error("the secret could not be sealed")]
    Seal,
    /// What was to be opened has no known form.
    #[error("this is not a sealed secret, or one of a newer version")]
    NotSealed,
    /// The authentication tag does not agree.
    #[error(
        "the sealed secret does not open: it was sealed with another master key, for another purpose, or changed since"
    )]
    Open,
}

impl MasterKey {
    /// Reads 64 hexadecimal characters, or 43 or 44 of base64 or base64url; white space around them is ignored.
    ///
    /// # Errors
    /// Anything else, or one byte repeated 32 times.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bytes = Zeroizing::new(
            match text.len() {
                64 => decode_hex(text),
                43 => STANDARD_NO_PAD.decode(text).ok().or_else(|| base64url::decode(text)),
                44 => STANDARD.decode(text).ok().or_else(|| base64url::decode(text.strip_suffix('=')?)),
                _ => None,
            }
            .ok_or(MasterKeyError::NotAKey)?,
        );
        let mut key = Self(bytes.as_slice().try_into().map_err(|_| MasterKeyError::NotAKey)?);
        if key.0.iter().all(|byte| Some(byte) == key.0.first()) {
            key.zeroize();
            return Err(MasterKeyError::NotRandom);
        }
        Ok(key)
    }

    /// Makes a new key out of 256 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(entropy::random(entropy))
    }

    /// The key in the notation that `openssl rand -base64 32` gives: only for the one who keeps it.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0))
    }

    /// Encrypts `plain` so that only this key, with the same `context`, opens it unchanged: a version byte, a
    /// random 96-bit nonce, AES-256-GCM's ciphertext and its tag (NIST SP 800-38D). `context` names the
    /// secret and its owner (`signing-key:<kid>`) and is not stored: it selects the derived key and is authenticated.
    ///
    /// # Errors
    /// [`MasterKeyError::Seal`], which in practice means that there is no memory.
    pub fn seal(
        &self,
        context: &str,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, MasterKeyError> {
        let nonce = entropy::random::<NONCE_LEN>(entropy);
        // The whole length at once: growing would leave a copy of the plain text in freed memory.
        let mut body = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        body.extend_from_slice(plain);
        self.sealing_key(context)
            .ok_or(MasterKeyError::Seal)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut *body,
            )
            .map_err(|_| MasterKeyError::Seal)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Decrypts what [`Self::seal`] made with the same `context`.
    ///
    /// # Errors
    /// Another key, another context, a changed or shortened text, or an unknown version.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, MasterKeyError> {
        let Some((&VERSION, rest)) = sealed.split_first() else { return Err(MasterKeyError::NotSealed) };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(MasterKeyError::NotSealed)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let length = self
            .sealing_key(context)
            .ok_or(MasterKeyError::Open)?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context.as_bytes()),
                plain.as_mut_slice(),
            )
            .map_err(|_| MasterKeyError::Open)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    /// 16 hexadecimal characters by which people and start-up checks tell master keys apart. Derived one way: safe to show.
    pub fn fingerprint(&self) -> String {
        digest::hex(&self.expand("fingerprint", "")).chars().take(16).collect()
    }

    /// 32 bytes for `purpose`, independent of those for any other purpose and of the sealing keys.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.expand("derive", purpose)
    }

    fn sealing_key(&self, context: &str) -> Option<LessSafeKey> {
        let key = Zeroizing::new(self.expand("seal", context));
        UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
    }

    /// `kind` has no slash, so no two pairs of kind and name share an `info`.
    fn expand(&self, kind: &str, name: &str) -> [u8; 32] {
        digest::hkdf(&SALT, &self.0, format!("duku/{kind}/{name}").as_bytes())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push((digit(high)? << 4) | digit(low)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
