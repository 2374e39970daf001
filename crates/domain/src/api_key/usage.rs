//! What keys were used for, and from where.

use crate::{
    ApiKey, KeyId, SecretDigest, Timestamp,
    workload::{KeyIdentity, RunLink},
};

/// A key with what is known of its use.
#[derive(Debug, Clone)]
pub struct KeyOverview {
    /// The key.
    pub key: ApiKey,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// The address it was last used from.
    pub last_used_from: Option<String>,
    /// When the secret that the key has now last fetched a token. Uses of earlier secrets and of tokens do not count.
    pub secret_used_at: Option<Timestamp>,
    /// The address it was fetched from.
    pub secret_used_from: Option<String>,
    /// The run that last fetched a token, where its platform vouched for it.
    pub last_run: Option<RunLink>,
    /// How often former secrets of it turned up.
    pub dead_secret_uses: i64,
    /// When one last did.
    pub dead_secret_seen_at: Option<Timestamp>,
    /// What it is authenticated with; none for a secret.
    pub identity: Option<KeyIdentity>,
}

/// One day of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Days since the Unix epoch.
    pub day: i64,
    /// Tokens issued.
    pub exchanges: i64,
    /// Of these, with the previous secret, during a rotation's grace.
    pub grace_exchanges: i64,
    /// API calls made.
    pub api_calls: i64,
    /// How often an address was left out of the list of where the key was used from, because there were too many.
    pub other_addresses: i64,
}

/// The most addresses of a key that are kept: the newest.
pub const SOURCES_OF_A_KEY: i64 = 100;

/// Where a key was used from.
#[derive(Debug, Clone)]
pub struct RecentSource {
    /// The address.
    pub address: String,
    /// Whether it was the previous secret, during a rotation's grace.
    pub previous_secret: bool,
    /// What the program said of itself at last.
    pub user_agent: Option<String>,
    /// When it last was.
    pub last_used_at: Timestamp,
    /// The last token that was fetched there; none if tokens were only used there.
    pub exchange: Option<Exchange>,
    /// The run that last fetched a token there, where its platform vouched for it.
    pub run: Option<RunLink>,
}

/// A token that was fetched. The secret says which one it was, where times cannot: a rotation and its key's uses overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// When.
    pub at: Timestamp,
    /// With which secret.
    pub secret: SecretDigest,
}

/// A former secret that turned up.
#[derive(Debug, Clone)]
pub struct DeadSecretUse {
    /// The key that it belonged to.
    pub key_id: KeyId,
    /// Which secret.
    pub digest: SecretDigest,
    /// How often since the last batch.
    pub times: i64,
    /// When it last did.
    pub at: Timestamp,
    /// From where.
    pub address: Option<String>,
}
