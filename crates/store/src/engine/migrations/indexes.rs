//! Indexes that PostgreSQL builds while others write.
//!
//! That takes several transactions and cannot be part of one. The transaction that migrates stays open beside it and keeps
//! other processes away; the version is written when the index is there. What an interrupted start leaves is built anew.

use super::report_while;
use crate::{
    Engine, Pooler, Reader, Result, Transaction,
    engine::{postgres::PgConnection, value::params},
};
use std::time::Duration;

/// An index, and the statements about it.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) create: &'static str,
    pub(super) drop: &'static str,
    pub(super) drop_in_transaction: &'static str,
}

/// An index by its name, its table and its columns.
macro_rules! index {
    ($name:literal, $columns:literal) => {
        $crate::engine::migrations::indexes::Index {
            name: $name,
            create: concat!("CREATE INDEX CONCURRENTLY ", $name, " ON ", $columns),
            drop: concat!("DROP INDEX CONCURRENTLY IF EXISTS ", $name),
            drop_in_transaction: concat!("DROP INDEX IF EXISTS ", $name),
        }
    };
}
pub(super) use index;

const STATE: &str = "SELECT CASE WHEN i.indisvalid THEN 1::bigint ELSE 0::bigint END, \
     (SELECT COUNT(*) FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid) \
     FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relname = $1 AND pg_table_is_visible(c.oid)";
/// The connection is closed afterwards. Building waits for older transactions, and nobody waits behind it.
const NO_LIMITS: &str = "SET statement_timeout = 0; SET lock_timeout = 0";
/// The last query of a transaction keeps its snapshot until the next one, and building an index waits for all who have one.
const FORGET_SNAPSHOT: &str = "SELECT 1";
const PAUSE: Duration = Duration::from_secs(1);

/// How far an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    /// A process that is no more had begun it, and PostgreSQL goes on.
    UnderWay,
    /// What an interrupted building left: nobody uses it, and everyone who writes keeps it up to date.
    Invalid,
    Valid,
}

impl Index {
    /// Builds the index, if it is not there. `migration` is the transaction that keeps other processes away.
    pub(super) async fn prepare(&self, engine: &Engine, migration: &mut Transaction) -> Result<()> {
        let Some(postgres) = engine.postgres() else { return Ok(()) };
        if postgres.pooler() == Pooler::Transaction {
            // There is no session to build it in without limits: the script builds it, and who writes waits.
            if self.state(migration).await? == State::Invalid {
                migration.script(self.drop_in_transaction).await?;
            }
            tracing::info!(
                index = self.name,
                "the index is built in a transaction, and changes of its table wait: a pooler in transaction mode allows no other way"
            );
            return Ok(());
        }
        migration.script(FORGET_SNAPSHOT).await?;
        // An index is built concurrently outside of a transaction: none is begun on this connection.
        let mut connection = Transaction::postgres(PgConnection::apart(postgres).await?, None);
        connection.script(NO_LIMITS).await?;
        loop {
            match self.state(&mut connection).await? {
                State::Valid => return Ok(()),
                State::UnderWay => tokio::time::sleep(PAUSE).await,
                State::Invalid => connection.script(self.drop).await?,
                State::Missing => {
                    tracing::info!(index = self.name, "building an index while the nodes go on");
                    let what = format!("the index {} is still being built", self.name);
                    report_while(&what, connection.script(self.create)).await?;
                }
            }
        }
    }

    async fn state(&self, reader: &mut Reader) -> Result<State> {
        let found =
            reader.find(STATE, params![self.name], |row| Ok((row.next()?, row.next::<i64>()? > 0))).await?;
        Ok(match found {
            None => State::Missing,
            Some((true, _)) => State::Valid,
            Some((false, true)) => State::UnderWay,
            Some((false, false)) => State::Invalid,
        })
    }
}
