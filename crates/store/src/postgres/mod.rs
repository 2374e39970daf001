//! PostgreSQL: a pool of connections with prepared statements.

mod conversation;
pub(crate) mod lookups;
pub(crate) mod shares;
mod tls;

pub(crate) use conversation::Conversation;

use crate::{Options, StoreError};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use lookups::Lookups;
use std::{
    str::FromStr,
    time::{Duration, Instant},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

/// By how much the client waits longer than the server does, at most.
const MARGIN: Duration = Duration::from_millis(500);

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    patience: Duration,
}

/// The pool and the lines in which the hot path's reads wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gathering {
    postgres: Postgres,
    lookups: Lookups,
}

impl Gathering {
    pub(crate) async fn connect(url: &str, options: &Options) -> Result<Self, StoreError> {
        let postgres = Postgres::connect(url, options).await?;
        Ok(Self { lookups: Lookups::start(&postgres), postgres })
    }

    pub(crate) const fn pool(&self) -> &Postgres {
        &self.postgres
    }

    pub(crate) const fn lookups(&self) -> &Lookups {
        &self.lookups
    }
}

impl Postgres {
    async fn connect(url: &str, options: &Options) -> Result<Self, StoreError> {
        let config = configure(url, options.patience)?;
        let server = server_of(&config)?;
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if config.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(config, tokio_postgres::NoTls, manager_config)
        } else {
            let tls = tls::connector(options.certificate_authority.as_deref())?;
            Manager::from_config(config, tls, manager_config)
        };
        let pool = Pool::builder(manager)
            .max_size(options.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.patience))
            .create_timeout(Some(options.patience))
            .recycle_timeout(Some(options.patience))
            .build()
            .map_err(|error| StoreError::Configuration(error.to_string()))?;
        let postgres = Self { pool, patience: options.patience };
        postgres.connection(Instant::now()).await.map(drop).map_err(|error| match error {
            StoreError::Unavailable(why) => StoreError::Unavailable(format!(
                "no connection to PostgreSQL at {server} ({why}): check the database URL, and that the server runs"
            )),
            other => other,
        })?;
        Ok(postgres)
    }

    /// A connection, for whoever has been waiting for an answer since `started`.
    async fn connection(&self, started: Instant) -> Result<Object, StoreError> {
        let busy = || {
            StoreError::Unavailable("PostgreSQL did not answer in time, or every connection is busy".into())
        };
        // The pool limits each of its steps; together they must not take longer than one may.
        let rest = self.patience.saturating_sub(started.elapsed());
        let connection = tokio::time::timeout(rest, self.pool.get()).await.map_err(|_| busy())?;
        connection.map_err(|error| match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => busy(),
            other => StoreError::Unavailable(other.to_string()),
        })
    }

    /// A client's own limit for one answer, for a server that is gone without a word. The server's limits come a little before
    /// it, and leave the connection as it is.
    fn limit(&self) -> Duration {
        self.patience + (self.patience / 10).min(MARGIN)
    }
}

fn configure(url: &str, patience: Duration) -> Result<Config, StoreError> {
    // The reason is not shown: it may quote a part of the password.
    let mut config = Config::from_str(url).map_err(|_| unreadable())?;
    let patience_ms = patience.as_millis();
    // PostgreSQL takes the last of several values: what the URL sets besides these stays.
    let options = format!(
        "{} -c statement_timeout={patience_ms} -c lock_timeout={patience_ms} \
         -c idle_in_transaction_session_timeout={}",
        config.get_options().unwrap_or_default(),
        patience_ms.saturating_mul(4)
    );
    require_tls_beyond_this_machine(&mut config);
    config
        .application_name("duku")
        .connect_timeout(patience)
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .options(options.trim_start());
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
fn server_of(config: &Config) -> Result<String, StoreError> {
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
        let mode = |url: &str| configure(url, Duration::from_secs(5)).unwrap().get_ssl_mode();
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
}
