//! What an installation may set about its credentials. Every value has a default that suits most.

use jose::Algorithm;

/// The rules of one installation.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `iss` of every token: the authorization server's base URL and realm.
    pub issuer: String,
    /// `aud` of every token: the GraphQL API's URL.
    pub audience: String,
    /// How long an access token lives, in seconds.
    pub token_lifetime_seconds: i64,
    /// How many Active keys an organisation may have.
    pub active_keys: usize,
    /// The algorithm of new signing keys.
    pub algorithm: Algorithm,
    /// How long a signing key signs before the next one does, in seconds.
    pub signing_key_lifetime_seconds: i64,
    /// How long a signing key is published before it signs, in seconds.
    pub signing_key_lead_seconds: i64,
    /// How far into the future a token's `iat` may lie, for nodes whose clocks differ, in seconds.
    pub clock_skew_seconds: i64,
    /// Failed exchanges a minute of one client before they are answered 429; 0 for no limit.
    pub failures_per_client: u32,
    /// Failed exchanges and API calls a minute from one address before they are answered 429; 0 for no limit.
    pub failures_per_address: u32,
    /// How many verified signatures are remembered, so that a token's second call is cheap.
    pub verified_tokens: usize,
    /// The largest page of a list.
    pub page_maximum: i64,
    /// For how many days the use counters are kept.
    pub usage_days: i64,
}

impl Policy {
    /// The defaults for an installation reached at these URLs.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            token_lifetime_seconds: 300,
            active_keys: 10,
            algorithm: Algorithm::Es256,
            signing_key_lifetime_seconds: 30 * 86_400,
            signing_key_lead_seconds: 3600,
            clock_skew_seconds: 5,
            failures_per_client: 60,
            failures_per_address: 600,
            verified_tokens: 20_000,
            page_maximum: 1000,
            usage_days: 400,
        }
    }
}
