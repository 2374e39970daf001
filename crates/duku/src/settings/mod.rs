//! Settings: a flag beats the environment, the environment beats the file, the file beats the default.

#![expect(clippy::doc_markdown, reason = "what documents a setting is its help text, shown as it stands")]

#[macro_use]
mod declare;
mod documentation;
mod mail;
mod memory;
mod urls;

pub use mail::{MailServer, Protection};
pub use urls::{Urls, authorization_server_of, base_url, token_endpoint, viewport_of};

use crate::command_error::CommandError;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use service::Policy;
use std::path::{Path, PathBuf};

const POLICY: Policy = Policy::DEFAULT;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For eyes.
    Pretty,
    /// For machines, one object a line.
    Json,
}

/// What stands between Duku and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabasePooler {
    /// Nothing.
    None,
    /// A pooler that gives each connection a backend for as long as it lasts.
    Session,
    /// A pooler that gives a connection a backend for each transaction.
    Transaction,
}

settings! {
    /// The directory of the data and the master key
    data_dir: PathBuf = PathBuf::from("./duku-data"), "DUKU_DATA_DIR";
    /// The address and port that the server listens on
    listen: String = "127.0.0.1:8080".to_owned(), "DUKU_LISTEN";
    /// The address and port of /metrics, or "off" [default: 127.0.0.1:9090, left out with a warning if that port is taken]
    metrics_listen: String, "DUKU_METRICS_LISTEN";
    /// The URL at which clients and browsers reach the server [default: http:// and the listening address]
    public_url: String, "DUKU_PUBLIC_URL";
    /// The authorization server's URL, if it has a host name of its own [default: --platform-url, "platform." replaced by "auth."]
    auth_url: String, "DUKU_AUTH_URL";
    /// The GraphQL API's URL, if it has a host name of its own [default: --public-url]
    platform_url: String, "DUKU_PLATFORM_URL";
    /// Viewport's URL, if it has a host name of its own [default: --platform-url, "platform." replaced by "viewport."]
    viewport_url: String, "DUKU_VIEWPORT_URL";
    /// The documentation's URL, if it has a host name of its own [default: /docs at --public-url]
    docs_url: String, "DUKU_DOCS_URL";
    /// A folder of Markdown to serve as the documentation instead of Duku's own
    docs_folder: PathBuf, "DUKU_DOCS_FOLDER";
    /// sqlite://PATH or postgres://… [default: sqlite, in the data directory]. A URL with a password belongs in the environment
    database_url: String, "DUKU_DATABASE_URL";
    /// PostgreSQL: the most connections that this node opens
    database_connections: usize = 16, [2..=1000], "DUKU_DATABASE_CONNECTIONS";
    /// How long an operation waits for the database before it is answered 503, in seconds
    database_timeout_seconds: u64 = 5, [1..=300], "DUKU_DATABASE_TIMEOUT_SECONDS";
    /// What kind of connection pooler stands between Duku and PostgreSQL: "session" or "transaction", as PgBouncer's pool_mode, or "none"
    database_pooler: DatabasePooler = DatabasePooler::None, "DUKU_DATABASE_POOLER";
    /// How long a start waits for another node's migration, or for transactions that use what a migration changes, in seconds
    migration_timeout_seconds: u64 = 3600, [1..=604_800], "DUKU_MIGRATION_TIMEOUT_SECONDS";
    /// PostgreSQL: a PEM file of certificates to trust instead of the system's
    database_ca: PathBuf, "DUKU_DATABASE_CA";
    /// The file that holds the master key, unless DUKU_MASTER_KEY does [default: master.key in the data directory]
    master_key_file: PathBuf, "DUKU_MASTER_KEY_FILE";
    /// The mail server: smtp://USER@HOST:587 (STARTTLS), smtps://USER@HOST:465, or smtp+insecure://HOST for a relay on this machine [default: no mail]. A URL with a password belongs in the environment
    smtp_url: String, "DUKU_SMTP_URL";
    /// A file with the mail server's password, unless DUKU_SMTP_PASSWORD holds it
    smtp_password_file: PathBuf, "DUKU_SMTP_PASSWORD_FILE";
    /// The sender of mails, like "Duku <duku@example.org>"; required with --smtp-url
    mail_from: String, "DUKU_MAIL_FROM";
    /// How long the mail server may take to accept a mail, in seconds
    mail_timeout_seconds: u64 = 10, [1..=300], "DUKU_MAIL_TIMEOUT_SECONDS";
    /// The realm's name in the authorization server's paths
    realm: String = auth::Settings::default().realm, "DUKU_REALM";
    /// The algorithm of new signing keys: ES256, RS256 or EdDSA
    signing_algorithm: String = POLICY.algorithm.to_string(), "DUKU_SIGNING_ALGORITHM";
    /// How long a signing key is used before the next one takes over, in days
    signing_key_days: i64 = POLICY.signing_key_lifetime_seconds / DAY, [1..=3650], "DUKU_SIGNING_KEY_DAYS";
    /// How long a new signing key is published in the JWKS before it signs, in seconds
    signing_key_lead_seconds: i64 = POLICY.signing_key_lead_seconds, [0..=86_400], "DUKU_SIGNING_KEY_LEAD_SECONDS";
    /// How long an access token lives, in seconds
    token_lifetime_seconds: i64 = POLICY.token_lifetime_seconds, [10..=86_400], "DUKU_TOKEN_LIFETIME_SECONDS";
    /// How many Active keys an organisation may have
    active_keys: usize = POLICY.active_keys, [1..=10_000], "DUKU_ACTIVE_KEYS";
    /// How far clocks of several nodes may differ, in seconds
    clock_skew_seconds: i64 = POLICY.clock_skew_seconds, [0..=300], "DUKU_CLOCK_SKEW_SECONDS";
    /// How far the clock may be from what confirms it (PostgreSQL's clock; on SQLite the last confirmed time) before cleaning, warnings and new signing keys wait, in seconds
    clock_tolerance_seconds: i64 = POLICY.clock_tolerance_seconds, [60..=43_200], "DUKU_CLOCK_TOLERANCE_SECONDS";
    /// Whether failed attempts are rate limited; off is for load tests only
    rate_limit: Switch = Switch::On, "DUKU_RATE_LIMIT";
    /// Failed exchanges a minute of one client before they are answered 429
    failures_per_client: u32 = POLICY.failures_per_client, "DUKU_FAILURES_PER_CLIENT";
    /// Failed exchanges and API calls a minute from one address before they are answered 429
    failures_per_address: u32 = POLICY.failures_per_address, "DUKU_FAILURES_PER_ADDRESS";
    /// Reverse proxies whose X-Forwarded-For is trusted: addresses and networks, separated by commas
    #[arg(value_delimiter = ',')]
    trusted_proxies: Vec<String> = Vec::new(), "DUKU_TRUSTED_PROXIES";
    /// Issuers of workloads' tokens inside the network: hosts whose addresses may be private, separated by commas
    #[arg(value_delimiter = ',')]
    inside_issuers: Vec<String> = Vec::new(), "DUKU_INSIDE_ISSUERS";
    /// A PEM file of certificates to trust besides the system's where keys of issuers are fetched
    issuer_ca: PathBuf, "DUKU_ISSUER_CA";
    /// Whether assertions that clients sign themselves must have the type client-authentication+jwt
    client_assertion_type: Switch = Switch::Off, "DUKU_CLIENT_ASSERTION_TYPE";
    /// The largest form that the authorization server reads, in bytes
    form_bytes: usize = auth::Settings::default().form_bytes, [1024..=1 << 20], "DUKU_FORM_BYTES";
    /// The largest form that Viewport reads, in bytes
    viewport_form_bytes: usize = viewport::FORM_BYTES, [4096..=1 << 20], "DUKU_VIEWPORT_FORM_BYTES";
    /// The shortest password, in characters
    password_minimum: usize = POLICY.password_minimum, [8..=128], "DUKU_PASSWORD_MINIMUM";
    /// How many passwords are checked at once, each on a core of its own with 19 MiB; 0 for 2, or 1 where `memory_bytes` is below 384 MiB
    password_checks: usize = 0, [0..=256], "DUKU_PASSWORD_CHECKS";
    /// Sign-in attempts a minute of one person from one network before they are answered 429
    sign_ins_per_person: u32 = POLICY.sign_ins_per_person, "DUKU_SIGN_INS_PER_PERSON";
    /// Sign-in attempts a minute from one address before they are answered 429
    sign_ins_per_address: u32 = POLICY.sign_ins_per_address, "DUKU_SIGN_INS_PER_ADDRESS";
    /// How long a person stays signed in at most, in hours
    session_hours: i64 = POLICY.session_lifetime_seconds / HOUR, [1..=8760], "DUKU_SESSION_HOURS";
    /// How long a session lasts without use, in minutes
    session_idle_minutes: i64 = POLICY.session_idle_seconds / MINUTE, [1..=525_600], "DUKU_SESSION_IDLE_MINUTES";
    /// For how long after giving the password keys, people, settings and the second factor may be changed, in minutes
    sign_in_fresh_minutes: i64 = POLICY.sign_in_fresh_seconds / MINUTE, [1..=1440], "DUKU_SIGN_IN_FRESH_MINUTES";
    /// How long `duku login` lasts unused, in days
    command_line_days: i64 = POLICY.command_line_lifetime_seconds / DAY, [1..=365], "DUKU_COMMAND_LINE_DAYS";
    /// How long `duku login` lasts at most, however much it is used, in days
    command_line_maximum_days: i64 = POLICY.command_line_maximum_seconds / DAY, [1..=3650], "DUKU_COMMAND_LINE_MAXIMUM_DAYS";
    /// How long an invitation's link works, in days
    invitation_days: i64 = POLICY.invitation_lifetime_seconds / DAY, [1..=365], "DUKU_INVITATION_DAYS";
    /// How long a link that sets a new password works, in minutes
    reset_minutes: i64 = POLICY.reset_lifetime_seconds / MINUTE, [1..=1440], "DUKU_RESET_MINUTES";
    /// The largest GraphQL request, in bytes
    graphql_bytes: usize = platform::Settings::default().body_bytes, [1024..=64 << 20], "DUKU_GRAPHQL_BYTES";
    /// How deep a GraphQL document may nest
    graphql_depth: usize = platform::Settings::default().depth, [2..=1000], "DUKU_GRAPHQL_DEPTH";
    /// How many values a GraphQL document may ask for: its fields, times the `first` of the lists around them
    graphql_complexity: usize = platform::Settings::default().complexity, [10..=i64::MAX], "DUKU_GRAPHQL_COMPLEXITY";
    /// How many aliases a GraphQL document may use
    graphql_aliases: usize = platform::Settings::default().aliases, "DUKU_GRAPHQL_ALIASES";
    /// The largest answer of the GraphQL API, in bytes; what is read for it may take four times as much; 0 for 8 MiB, or a 64th of `memory_bytes` if that is less; otherwise at least 64 KiB
    graphql_answer_bytes: usize = 0, [0..=1 << 30], "DUKU_GRAPHQL_ANSWER_BYTES";
    /// How much memory all GraphQL answers in progress may take together, in bytes; 0 for 16 times `graphql_answer_bytes`, or an eighth of `memory_bytes` if that is less; in any case at least 8 times `graphql_answer_bytes`
    graphql_memory_bytes: usize = 0, "DUKU_GRAPHQL_MEMORY_BYTES";
    /// How many parsed GraphQL documents of up to 2 KiB are cached
    graphql_documents: usize = platform::Settings::default().documents, "DUKU_GRAPHQL_DOCUMENTS";
    /// The most entries of a page of a GraphQL list (`first`)
    page_maximum: i64 = POLICY.page_maximum, [20..=10_000], "DUKU_PAGE_MAXIMUM";
    /// The most products of an organisation
    products_per_organisation: i64 = POLICY.products_per_organisation, [1..=10_000_000], "DUKU_PRODUCTS_PER_ORGANISATION";
    /// The most targets of a product
    targets_per_product: i64 = POLICY.targets_per_product, [1..=10_000_000], "DUKU_TARGETS_PER_PRODUCT";
    /// The most people in an organisation
    members_per_organisation: i64 = POLICY.members_per_organisation, [1..=1_000_000], "DUKU_MEMBERS_PER_ORGANISATION";
    /// The most open invitations of an organisation
    open_invitations_per_organisation: i64 = POLICY.open_invitations_per_organisation, [1..=100_000], "DUKU_OPEN_INVITATIONS_PER_ORGANISATION";
    /// A file to which the end of each audit log chain is appended every minute (the witness); keep it where nobody who can write the database can write [default: the log alone]
    audit_witness_file: PathBuf, "DUKU_AUDIT_WITNESS_FILE";
    /// How often last use and use counters are written to the database, in seconds
    usage_flush_seconds: u64 = 1, [1..=3600], "DUKU_USAGE_FLUSH_SECONDS";
    /// For how many days use counters are kept
    usage_days: i64 = POLICY.usage_days, [1..=3650], "DUKU_USAGE_DAYS";
    /// How much memory the process may take, in bytes, from which other limits follow; 0 for what its cgroup allows or the machine has; otherwise at least 64 MiB
    memory_bytes: u64 = 0, "DUKU_MEMORY_BYTES";
    /// How much memory requests in progress may take with their bodies and answers, in bytes; 0 for an eighth of `memory_bytes`; otherwise at least 1 MiB
    request_memory_bytes: usize = 0, "DUKU_REQUEST_MEMORY_BYTES";
    /// The most connections that are open at once; 0 for 10000, or one for each 512 KiB of `memory_bytes` if that is less
    connections: usize = 0, [0..=1_000_000], "DUKU_CONNECTIONS";
    /// The most connections of one client address; trusted proxies are not limited; 0 for as many as are free, so half of them at most
    connections_per_address: usize = 0, [0..=1_000_000], "DUKU_CONNECTIONS_PER_ADDRESS";
    /// The most requests of one class (tokens, GraphQL, sign-in, pages) in progress at once; more are answered 503 with Retry-After (load shedding)
    requests: usize = 1000, [1..=1_000_000], "DUKU_REQUESTS";
    /// How long requests may take under overload, in milliseconds; what would take longer is answered 503 instead, unless its client uses less than its share
    wait_milliseconds: u64 = 500, [10..=60_000], "DUKU_WAIT_MILLISECONDS";
    /// How long a client may take to send its headers, in seconds
    header_timeout_seconds: u64 = 10, [1..=3600], "DUKU_HEADER_TIMEOUT_SECONDS";
    /// How long a connection may stay open between two requests, in seconds
    idle_timeout_seconds: u64 = 75, [1..=86_400], "DUKU_IDLE_TIMEOUT_SECONDS";
    /// How long a client may read nothing of an answer before its connection is closed, in seconds
    write_timeout_seconds: u64 = 30, [1..=3600], "DUKU_WRITE_TIMEOUT_SECONDS";
    /// How long a request may take in all before it is answered 408, in seconds
    request_timeout_seconds: u64 = 30, [1..=3600], "DUKU_REQUEST_TIMEOUT_SECONDS";
    /// Graceful shutdown: how long /readyz answers 503 after SIGTERM while requests are still served, so that load balancers take the node out, in seconds
    drain_seconds: u64 = 5, [0..=3600], "DUKU_DRAIN_SECONDS";
    /// Graceful shutdown: how long a stop waits for running requests, in seconds
    stop_seconds: u64 = 10, "DUKU_STOP_SECONDS";
    /// SQLite: how long a stop may take to bring the write-ahead log into the database file, in seconds
    checkpoint_seconds: u64 = 10, [1..=3600], "DUKU_CHECKPOINT_SECONDS";
    /// What is logged: error, warn, info, debug, or a filter like info,store=debug [default: info]
    log: String, "DUKU_LOG";
    /// The format of log lines; auto is pretty on a terminal and JSON otherwise
    log_format: LogFormat = LogFormat::Auto, "DUKU_LOG_FORMAT";
}

impl GivenSettings {
    /// Adds what the file says and the defaults. Without a file, `duku.toml` in the working directory is not read.
    ///
    /// # Errors
    /// The file cannot be read or says something unknown, or a value is outside its range.
    pub fn resolve(self, file: Option<&Path>) -> Result<Settings, CommandError> {
        let from_file = file.map(read_file).transpose()?.unwrap_or_default();
        let settings = self.or(from_file).filled();
        settings.check()?;
        Ok(settings)
    }
}

fn read_file(path: &Path) -> Result<GivenSettings, CommandError> {
    let rejection = |error: &dyn std::fmt::Display| {
        CommandError::new(format!("cannot use the configuration file {}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| rejection(&error))?;
    toml::from_str(&text).map_err(|error| rejection(&error.to_string().trim_end()))
}

impl Settings {
    fn check(&self) -> Result<(), CommandError> {
        for (name, value, bounds) in self.bounded() {
            if !bounds.contains(&value) {
                let flag = name.replace('_', "-");
                return Err(CommandError::new(format!(
                    "--{flag} is {value}; it must be {}",
                    declare::in_words(&bounds)
                )));
            }
        }
        memory::check(self)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if self.realm.is_empty() || !self.realm.chars().all(plain) {
            return Err(CommandError::new("--realm takes letters, digits, - and _"));
        }
        mail::check(self)
    }

    /// Where the data live.
    pub fn store_options(&self) -> Result<store::Options, CommandError> {
        let location = match &self.database_url {
            Some(url) => store::Location::parse(url)?,
            None => store::Location::Sqlite(self.data_dir.join("duku.db")),
        };
        Ok(store::Options {
            pool_size: self.database_connections,
            patience: std::time::Duration::from_secs(self.database_timeout_seconds),
            migration_timeout: std::time::Duration::from_secs(self.migration_timeout_seconds),
            pooler: match self.database_pooler {
                DatabasePooler::None => store::Pooler::None,
                DatabasePooler::Session => store::Pooler::Session,
                DatabasePooler::Transaction => store::Pooler::Transaction,
            },
            certificate_authority: self.database_ca.clone(),
            ..store::Options::new(location)
        })
    }

    /// The rules for credentials, for an installation at `urls`.
    pub fn policy(&self, urls: &Urls) -> Result<Policy, CommandError> {
        let algorithm = jose::Algorithm::parse(&self.signing_algorithm)
            .map_err(|error| CommandError::new(format!("--signing-algorithm: {error}")))?;
        let limited = |per_minute| if self.rate_limit == Switch::On { per_minute } else { 0 };
        Ok(Policy {
            token_lifetime_seconds: self.token_lifetime_seconds,
            active_keys: self.active_keys,
            algorithm,
            signing_key_lifetime_seconds: self.signing_key_days * DAY,
            signing_key_lead_seconds: self.signing_key_lead_seconds,
            clock_skew_seconds: self.clock_skew_seconds,
            clock_tolerance_seconds: self.clock_tolerance_seconds,
            failures_per_client: limited(self.failures_per_client),
            failures_per_address: limited(self.failures_per_address),
            client_assertion_type_required: self.client_assertion_type == Switch::On,
            page_maximum: self.page_maximum,
            products_per_organisation: self.products_per_organisation,
            targets_per_product: self.targets_per_product,
            members_per_organisation: self.members_per_organisation,
            open_invitations_per_organisation: self.open_invitations_per_organisation,
            usage_days: self.usage_days,
            viewport: urls.viewport.clone(),
            password_minimum: self.password_minimum,
            password_checks: self.most_password_checks(),
            sign_ins_per_person: limited(self.sign_ins_per_person),
            sign_ins_per_address: limited(self.sign_ins_per_address),
            session_lifetime_seconds: self.session_hours * HOUR,
            session_idle_seconds: self.session_idle_minutes * MINUTE,
            sign_in_fresh_seconds: self.sign_in_fresh_minutes * MINUTE,
            command_line_lifetime_seconds: self.command_line_days * DAY,
            command_line_maximum_seconds: self.command_line_maximum_days * DAY,
            invitation_lifetime_seconds: self.invitation_days * DAY,
            reset_lifetime_seconds: self.reset_minutes * MINUTE,
            ..Policy::new(urls.issuer(&self.realm), urls.audience())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(given: GivenSettings, file: &str) -> Result<Settings, CommandError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("duku.toml");
        std::fs::write(&path, file).unwrap();
        given.resolve(Some(&path))
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_beats_the_default() {
        let given = GivenSettings { listen: Some("0.0.0.0:1".into()), ..GivenSettings::default() };
        let settings =
            resolve(given, "listen = \"x:2\"\nrealm = \"acme\"\ntrusted_proxies = [\"::1\"]").unwrap();
        assert_eq!((settings.listen.as_str(), settings.realm.as_str()), ("0.0.0.0:1", "acme"));
        assert_eq!((settings.trusted_proxies, settings.active_keys), (vec!["::1".to_owned()], 10));
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("lisen = \"x\"", "lisen"),
            ("active_keys = 0", "active-keys"),
            ("token_lifetime_seconds = 5", "token-lifetime-seconds"),
            ("realm = \"a/b\"", "realm"),
            ("graphql_answer_bytes = 65535", "graphql-answer-bytes"),
            (
                "graphql_memory_bytes = 67108863",
                "graphql-memory-bytes is 67108863; it must be at least 8 times",
            ),
            ("rate_limit = \"maybe\"", "maybe"),
            ("listen = ", "duku.toml"),
        ];
        for (file, named) in cases {
            let error = resolve(GivenSettings::default(), file).unwrap_err().to_string();
            assert!(error.contains(named), "{file}: {error}");
        }
        let missing = GivenSettings::default().resolve(Some(Path::new("/nowhere/duku.toml"))).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/duku.toml"));
    }
}
