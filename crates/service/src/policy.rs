//! What an installation may set about credentials, users and how much an organisation may have. Every value has a default that suits most.

use domain::users::session::CommandLineLimits;
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
    /// How far the clock may be from what confirms it before cleaning, warnings and new signing keys wait, in seconds.
    pub clock_tolerance_seconds: i64,
    /// Failed exchanges a minute of one client before they are answered 429; 0 for no limit.
    pub failures_per_client: u32,
    /// Failed exchanges and API calls a minute from one address before they are answered 429; 0 for no limit.
    pub failures_per_address: u32,
    /// Whether an assertion that a client signed itself must have the type `client-authentication+jwt`.
    pub client_assertion_type_required: bool,
    /// How many verified signatures are remembered, so that a token's second call is cheap.
    pub verified_tokens: usize,
    /// The largest page of a list.
    pub page_maximum: i64,
    /// The most products of an organisation.
    pub products_per_organisation: i64,
    /// The most targets of a product.
    pub targets_per_product: i64,
    /// The most people in an organisation.
    pub members_per_organisation: i64,
    /// The most invitations of an organisation that nobody has taken.
    pub open_invitations_per_organisation: i64,
    /// For how many days the use counters are kept.
    pub usage_days: i64,
    /// Viewport's base URL: where links in mails lead, and where its authorization codes go.
    pub viewport: String,
    /// The shortest password, in characters.
    pub password_minimum: usize,
    /// How many passwords are checked at once; each takes about 20 ms of a core and 19 MiB.
    pub password_checks: usize,
    /// Sign-in attempts a minute of one person from one network, and of one browser's second factor, before they are
    /// answered 429; 0 for no limit.
    pub sign_ins_per_person: u32,
    /// Sign-in attempts a minute from one address before they are answered 429; 0 for no limit.
    pub sign_ins_per_address: u32,
    /// How long a person stays signed in at most, in seconds.
    pub session_lifetime_seconds: i64,
    /// How long a session may be unused, in seconds.
    pub session_idle_seconds: i64,
    /// For how long after proving the password keys may be changed in Viewport, in seconds.
    pub sign_in_fresh_seconds: i64,
    /// How long an authorization code works, in seconds.
    pub code_lifetime_seconds: i64,
    /// How long a device may wait for the approval of a user, in seconds.
    pub device_lifetime_seconds: i64,
    /// How long a command line stays signed in unused, in seconds.
    pub command_line_lifetime_seconds: i64,
    /// How long a command line stays signed in at most, however much it is used, in seconds.
    pub command_line_maximum_seconds: i64,
    /// How long an invitation's link works, in seconds.
    pub invitation_lifetime_seconds: i64,
    /// How long a link that sets a password works, in seconds.
    pub reset_lifetime_seconds: i64,
    /// How long the first start's setup link works, in seconds.
    pub setup_lifetime_seconds: i64,
}

impl Policy {
    /// The defaults, without URLs.
    pub const DEFAULT: Self = Self {
        issuer: String::new(),
        viewport: String::new(),
        audience: String::new(),
        token_lifetime_seconds: 300,
        active_keys: 10,
        algorithm: Algorithm::Es256,
        signing_key_lifetime_seconds: 30 * 86_400,
        signing_key_lead_seconds: 3600,
        clock_skew_seconds: 5,
        clock_tolerance_seconds: 3600,
        failures_per_client: 60,
        failures_per_address: 600,
        client_assertion_type_required: false,
        verified_tokens: 20_000,
        page_maximum: 1000,
        products_per_organisation: 10_000,
        targets_per_product: 10_000,
        members_per_organisation: 10_000,
        open_invitations_per_organisation: 1000,
        usage_days: 400,
        password_minimum: domain::PASSWORD_MINIMUM,
        password_checks: 2,
        sign_ins_per_person: 10,
        sign_ins_per_address: 60,
        session_lifetime_seconds: 7 * 86_400,
        session_idle_seconds: 12 * 3600,
        sign_in_fresh_seconds: 600,
        code_lifetime_seconds: 60,
        device_lifetime_seconds: 600,
        command_line_lifetime_seconds: 30 * 86_400,
        command_line_maximum_seconds: 90 * 86_400,
        invitation_lifetime_seconds: 7 * 86_400,
        reset_lifetime_seconds: 3600,
        setup_lifetime_seconds: 86_400,
    };

    pub(crate) const fn command_line_limits(&self) -> CommandLineLimits {
        CommandLineLimits {
            unused: self.command_line_lifetime_seconds,
            maximum: self.command_line_maximum_seconds,
        }
    }

    /// The defaults for an installation reached at these URLs.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        let audience = audience.into();
        let viewport = audience.strip_suffix("/graphql").unwrap_or(&audience).to_owned();
        Self { issuer: issuer.into(), viewport, audience, ..Self::DEFAULT }
    }
}
