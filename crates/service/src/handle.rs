//! Opaque secrets that browsers, command lines and links hold: 256 random bits. Storage knows their SHA-256.

use crate::Service;
use domain::{Entropy, SecretDigest, environment};
use std::fmt;
use zeroize::Zeroizing;

/// A session cookie, a refresh token, a code, or the secret part of a link. Shown once, redacted in `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct Handle(Zeroizing<String>);

impl Handle {
    /// Draws a new one: 43 characters of base64url.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        let bytes = Zeroizing::new(environment::random::<32>(entropy));
        Self(Zeroizing::new(jose::base64url::encode(&*bytes)))
    }

    /// The secret itself, for the one answer that hands it over.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> SecretDigest {
        jose::digest(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(redacted)")
    }
}

impl Service {
    /// Draws a secret that is nobody's yet: a `state`, a PKCE verifier, the name of a form.
    pub fn draw_handle(&self) -> Handle {
        Handle::generate(self.entropy())
    }
}
