//! Lookups of the hot path in batches: requests that come together share a read.
//!
//! Promise: a request is only ever put into a read that has not begun, so it sees every commit that was answered before it came.
//! Nothing is remembered between reads.

use super::{Engine, postgres, sqlite, value::Mapper};
use crate::Result;

/// The most statements of a lookup that are under way at once on PostgreSQL: one that the network delays does not hold up all.
pub(crate) const STATEMENTS_AT_ONCE: usize = 2;

/// What a lookup asks for, by one row's key of `N` texts.
pub(crate) struct LookupSql {
    /// For one key, `$1` to `$N`.
    pub(crate) one: &'static str,
    /// On PostgreSQL, for arrays of keys. Each row begins with its key's place, from 1.
    pub(crate) many: &'static str,
}

/// A read of one row by its key.
pub(crate) enum Lookup<const N: usize, T> {
    Sqlite(sqlite::lookups::Lookups<N, T>),
    Postgres(postgres::lookups::Lookups<N, T>),
}

impl<const N: usize, T: Send + 'static> Lookup<N, T> {
    pub(crate) fn new(engine: &Engine, sql: &LookupSql, map: Mapper<T>) -> Self {
        match engine {
            Engine::Sqlite(sqlite) => Self::Sqlite(sqlite::lookups::Lookups::new(sqlite, sql.one, map)),
            Engine::Postgres(postgres, _) => {
                Self::Postgres(postgres::lookups::Lookups::start(postgres, sql, map))
            }
        }
    }

    /// The row with this key.
    pub(crate) async fn find(&self, key: [String; N]) -> Result<Option<T>> {
        match self {
            Self::Sqlite(lookups) => lookups.find(key).await,
            Self::Postgres(lookups) => Box::pin(lookups.find(key)).await,
        }
    }
}
