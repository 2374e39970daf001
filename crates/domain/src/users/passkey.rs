//! Passkeys, and the challenges that wait for an authenticator's answer.

use crate::{PasskeyId, Timestamp, UserId};

/// How many passkeys a user may have.
pub const PASSKEYS_MAXIMUM: usize = 20;

/// One passkey of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id, `pky_…`.
    pub id: PasskeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the user calls it.
    pub name: String,
    /// The authenticator's name for it.
    pub credential_id: Vec<u8>,
    /// Public key and counter, as the library writes them.
    pub credential: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Option<Timestamp>,
}

words! {
    /// What a challenge is for.
    pub enum CeremonyPurpose {
        /// Adding a passkey.
        Add = "add",
        /// Signing in.
        SignIn = "sign_in",
    }
}

/// A challenge and what was said when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyCeremony {
    /// Whose passkey is being added; none for a sign-in.
    pub user_id: Option<UserId>,
    /// How it will be called; none for a sign-in.
    pub name: Option<String>,
    /// What the library needs to check the answer.
    pub state: String,
}
