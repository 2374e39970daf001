//! Sending statements: prepared ones, or unnamed ones where nothing may stay at the backend.

use crate::engine::value::Value;
use deadpool_postgres::Object;
use futures::{TryStreamExt, future::join3};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

/// A value and its type. The type is sent where there is no prepared statement that tells it.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

pub(super) fn typed(params: &[Value]) -> Vec<Parameter<'_>> {
    params.iter().map(|value| (value as &(dyn ToSql + Sync), value.postgres_type())).collect()
}

pub(super) async fn query_unnamed(
    connection: &Object,
    sql: &str,
    params: &[Parameter<'_>],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    connection.query_typed_raw(sql, params.iter().cloned()).await?.try_collect().await
}

/// All is sent before the first answer is waited for, so it takes one round trip, and ends whoever stops waiting.
pub(super) async fn query_in_transaction(
    connection: &Object,
    begin: &str,
    sql: &str,
    params: &[Parameter<'_>],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    // These are sent in the order in which they stand: each is sent when it is polled first.
    let (before, rows, after) = join3(
        connection.batch_execute(begin),
        query_unnamed(connection, sql, params),
        connection.batch_execute("COMMIT"),
    )
    .await;
    before?;
    let rows = rows?;
    after.map(|()| rows)
}

pub(super) async fn execute(
    connection: &Object,
    unnamed: bool,
    sql: &'static str,
    params: &[Value],
) -> Result<u64, tokio_postgres::Error> {
    if unnamed {
        return connection.execute_typed(sql, &typed(params)).await;
    }
    let statement = connection.prepare_cached(sql).await?;
    connection.execute_raw(&statement, params).await
}
