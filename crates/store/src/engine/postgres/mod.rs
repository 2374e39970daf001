//! PostgreSQL: a pool of connections with prepared statements.

mod config;
mod connection;
pub(crate) mod lookups;
mod pooler;
pub(crate) mod shares;
mod statements;
mod tls;

pub(crate) use connection::PgConnection;
pub use pooler::Pooler;

use crate::{Options, Result, StoreError};
use config::{SessionLimits, configure, server_of};
use deadpool_postgres::{
    HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_postgres::{NoTls, config::SslMode};

/// By how much the client waits longer than the server does, at most.
const MARGIN: Duration = Duration::from_millis(500);

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    patience: Duration,
    pooler: Pooler,
    /// What begins a transaction.
    begin: Arc<str>,
    /// Whether a connection has shown that it does not keep its session.
    session_was_lost: Arc<AtomicBool>,
}

/// The level is named because a server may have another default, and locking rows relies on this one.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

impl Postgres {
    pub(crate) async fn connect(url: &str, options: &Options) -> Result<Self> {
        let config = configure(url, options.patience, options.pooler)?;
        let server = server_of(&config)?;
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if config.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(config, NoTls, manager_config)
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
            .post_create(pooler::check_of_new_connections(options.pooler, options.patience))
            .build()
            .map_err(|error| StoreError::Configuration(error.to_string()))?;
        let begin = match options.pooler {
            Pooler::None | Pooler::Session => BEGIN.to_owned(),
            Pooler::Transaction => {
                format!("{BEGIN}; {}", SessionLimits::new(options.patience).statements("LOCAL"))
            }
        };
        let postgres = Self {
            pool,
            patience: options.patience,
            pooler: options.pooler,
            begin: begin.into(),
            session_was_lost: Arc::default(),
        };
        postgres.connection(Instant::now()).await.map(drop).map_err(|error| match error {
            StoreError::Unavailable(why) => pooler::rejected_options(&why).unwrap_or_else(|| {
                StoreError::Unavailable(format!(
                    "no connection to PostgreSQL at {server} ({why}): check the database URL, and that the server runs"
                ))
            }),
            other => other,
        })?;
        postgres.check_pooler().await.map_err(|error| match error {
            StoreError::Unavailable(why) => StoreError::Configuration(why),
            other => other,
        })?;
        Ok(postgres)
    }

    pub(crate) const fn pooler(&self) -> Pooler {
        self.pooler
    }

    /// Looks again whether connections keep their sessions, if one has shown that it does not.
    pub(crate) async fn check_again(&self) -> Result<()> {
        if self.session_was_lost.load(Ordering::Relaxed) {
            self.pool.retain(|_, _| false);
            self.check_pooler().await?;
            self.session_was_lost.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// From now on nothing is asked until connections are found to keep their sessions.
    fn lose_sessions(&self) {
        self.session_was_lost.store(true, Ordering::Relaxed);
    }

    /// A connection, for whoever has been waiting for an answer since `started`.
    async fn connection(&self, started: Instant) -> Result<Object> {
        if self.session_was_lost.load(Ordering::Relaxed) {
            return Err(pooler::lost_session());
        }
        self.pooled(started).await
    }

    async fn pooled(&self, started: Instant) -> Result<Object> {
        let busy = || {
            StoreError::Unavailable("PostgreSQL did not answer in time, or every connection is busy".into())
        };
        // The pool limits each of its steps; together they must not take longer than one may.
        let rest = self.patience.saturating_sub(started.elapsed());
        let connection = tokio::time::timeout(rest, self.pool.get()).await.map_err(|_| busy())?;
        connection.map_err(|error| match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::Timeout(_) => busy(),
            PoolError::PostCreateHook(HookError::Message(why)) => StoreError::Configuration(why.into_owned()),
            other => StoreError::Unavailable(other.to_string()),
        })
    }

    /// A client's own limit for one answer, for a server that is gone without a word. The server's limits come a little before
    /// it, and leave the connection as it is.
    fn limit(&self) -> Duration {
        self.patience + (self.patience / 10).min(MARGIN)
    }
}
