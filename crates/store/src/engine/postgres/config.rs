//! What is made of the database URL.

use crate::{Pooler, Result, StoreError};
use std::{str::FromStr, time::Duration};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

/// After how long a silent connection is asked whether its other end is still there. A migration waits for its answer without a
/// limit, and must not wait for a server that is gone.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// The limits that the server puts on each session, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionLimits([(&'static str, u128); 3]);

impl SessionLimits {
    pub(super) const fn new(patience: Duration) -> Self {
        let milliseconds = patience.as_millis();
        Self([
            ("statement_timeout", milliseconds),
            ("lock_timeout", milliseconds),
            ("idle_in_transaction_session_timeout", milliseconds.saturating_mul(4)),
        ])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, u128)> {
        self.0.iter().copied()
    }

    /// As the options of a new connection.
    fn options(&self) -> String {
        self.iter().map(|(name, value)| format!("-c {name}={value}")).collect::<Vec<_>>().join(" ")
    }

    /// As statements; `scope` is `SESSION` or `LOCAL`.
    pub(super) fn statements(&self, scope: &str) -> String {
        let statements = self.iter().map(|(name, value)| format!("SET {scope} {name} = {value};"));
        statements.collect::<Vec<_>>().join(" ")
    }
}

pub(super) fn configure(url: &str, patience: Duration, pooler: Pooler) -> Result<Config> {
    // The reason is not shown: it may quote a part of the password.
    let mut config = Config::from_str(url).map_err(|_| unreadable())?;
    require_tls_beyond_this_machine(&mut config);
    config
        .application_name("duku")
        .connect_timeout(patience)
        .keepalives_idle(KEEPALIVE)
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    let given = config.get_options().unwrap_or_default();
    match pooler {
        Pooler::None => {
            // PostgreSQL takes the last of several values: what the URL sets besides these stays.
            let options = format!("{given} {}", SessionLimits::new(patience).options());
            config.options(options.trim_start());
        }
        // Poolers reject a connection with options, or drop these.
        Pooler::Session | Pooler::Transaction if given.is_empty() => {}
        Pooler::Session | Pooler::Transaction => {
            return Err(StoreError::Configuration(
                "the database URL has options, which a connection pooler does not pass on: set them for Duku's role with \
                 ALTER ROLE … SET …, and leave them out of the URL"
                    .into(),
            ));
        }
    }
    Ok(config)
}

/// Left to itself the library falls back to plain text where a server, or somebody on the way, says that it has no TLS.
/// Within this machine that is fine; beyond it plain text is something that the URL must ask for.
fn require_tls_beyond_this_machine(config: &mut Config) {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    };
    if config.get_hosts().iter().all(is_here) {
        return;
    }
    match config.get_ssl_mode() {
        SslMode::Disable => tracing::warn!(
            "the connection to PostgreSQL is not encrypted: the database URL says sslmode=disable, and the server is another machine"
        ),
        _ => {
            config.ssl_mode(SslMode::Require);
        }
    }
}

/// Where the server is, as a person would say it.
pub(super) fn server_of(config: &Config) -> Result<String> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        // An `@` of the password that should have been `%40` ends up here, with what follows it.
        Some(Host::Tcp(host)) if host.contains('@') => Err(unreadable()),
        Some(Host::Tcp(host)) => Ok(format!("{host}:{port}")),
        Some(Host::Unix(path)) => Ok(path.display().to_string()),
        None => Err(unreadable()),
    }
}

fn unreadable() -> StoreError {
    StoreError::Configuration(
        "the database URL cannot be read: it should look like postgres://user:password@host:5432/duku, with \
         an @ in the password written as %40"
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_required_beyond_this_machine_unless_the_url_says_otherwise() {
        let mode = |url: &str| configure(url, Duration::from_secs(5), Pooler::None).unwrap().get_ssl_mode();
        for near in [
            "postgres://u@localhost/d",
            "postgres://u@127.0.0.1/d",
            "postgres://u@[::1]/d",
            "host=/run/pg user=u",
        ] {
            assert_eq!(mode(near), SslMode::Prefer, "{near}");
        }
        for far in [
            "postgres://u@db.example/d",
            "postgres://u@10.0.0.7/d?sslmode=prefer",
            "postgres://u@localhost,db/d",
        ] {
            assert_eq!(mode(far), SslMode::Require, "{far}");
        }
        assert_eq!(mode("postgres://u@db.example/d?sslmode=disable"), SslMode::Disable);
    }

    #[test]
    fn options_of_the_url_are_rejected_where_a_pooler_would_drop_them() {
        let url = "postgres://u@localhost/d?options=-c%20search_path%3Dapart";
        for pooler in [Pooler::Session, Pooler::Transaction] {
            let error = configure(url, Duration::from_secs(5), pooler).unwrap_err().to_string();
            assert!(error.contains("ALTER ROLE"), "{error}");
            let config = configure("postgres://u@localhost/d", Duration::from_secs(5), pooler).unwrap();
            assert_eq!(config.get_options(), None);
        }
    }
}
