//! Opaque secrets that browsers, command lines and links hold: 256 random bits. Storage knows their SHA-256.

use crate::Tokens;
use domain::{Entropy, SecretDigest, entropy};
use std::fmt;
use zeroize::Zeroizing;

/// A session cookie, a refresh token, a code, or the secret part of a link. Shown once, redacted in `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct OpaqueToken(Zeroizing<String>);

/// 32 bytes in base64url.
const CHARACTERS: usize = 43;

impl OpaqueToken {
    /// Draws a new one: 43 characters of base64url.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        let bytes = Zeroizing::new(entropy::random::<32>(entropy));
        Self(Zeroizing::new(jose::base64url::encode(&*bytes)))
    }

    /// The first refresh token of a command line, or with `family` the next one: 86 characters, of which the first 43,
    /// the family, are the same in all of them. So a former one is known whatever its age, without a row for each.
    pub(crate) fn generate_refresh(entropy: &dyn Entropy, family: Option<&str>) -> Self {
        let family =
            family.map_or_else(|| Self::generate(entropy), |family| Self(Zeroizing::new(family.to_owned())));
        Self(Zeroizing::new(format!("{}{}", family.expose(), Self::generate(entropy).expose())))
    }

    /// The secret itself, for the one answer that hands it over.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> SecretDigest {
        jose::digest(&self.0)
    }
}

/// The family of a refresh token; none if it is none.
pub(crate) fn family_of(refresh_token: &str) -> Option<&str> {
    let (family, rest) = refresh_token.split_at_checked(CHARACTERS)?;
    (rest.len() == CHARACTERS).then_some(family)
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(redacted)")
    }
}

impl Tokens<'_> {
    /// Draws a secret that is nobody's yet: a `state`, a PKCE verifier, the name of a form.
    pub fn generate_opaque_token(self) -> OpaqueToken {
        OpaqueToken::generate(self.0.entropy())
    }
}
