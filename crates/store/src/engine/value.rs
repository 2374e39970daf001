//! Parameters and rows that are the same for both engines.

use crate::StoreError;
use domain::{SecretDigest, Timestamp};
use std::sync::LazyLock;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, private::BytesMut, to_sql_checked};

/// A statement's parameter.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A type that PostgreSQL chooses where the parameter stands.
static UNSPECIFIED: LazyLock<Type> =
    LazyLock::new(|| Type::new("unspecified".to_owned(), 0, Kind::Pseudo, "pg_catalog".to_owned()));

impl Value {
    /// The type that a parameter has on PostgreSQL.
    pub(crate) fn postgres_type(&self) -> Type {
        match self {
            Self::Null => UNSPECIFIED.clone(),
            Self::Int(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
        }
    }
}

/// Collects parameters in the order of `$1`, `$2`, ….
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::value::Value::from($value)),*] };
}
pub(crate) use params;

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.ms())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<SecretDigest> for Value {
    fn from(value: SecretDigest) -> Self {
        Self::Bytes(value.0.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql_checked(kind, out),
            Self::Text(value) => value.to_sql_checked(kind, out),
            Self::Bytes(value) => value.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One row of an answer, read by column position.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    fn get<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: rusqlite::types::FromSql + for<'b> tokio_postgres::types::FromSql<'b>,
    {
        match self {
            Self::Sqlite(row) => row.get(column).map_err(StoreError::from),
            Self::Postgres(row) => {
                row.try_get(column).map_err(|error| StoreError::corrupt(format!("column {column}: {error}")))
            }
        }
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(crate) fn optional_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    pub(crate) fn flag(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_ms)
    }

    pub(crate) fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional_int(column)?.map(Timestamp::from_ms))
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    pub(crate) fn digest(&self, column: usize) -> Result<SecretDigest, StoreError> {
        self.optional_digest(column)?.ok_or_else(|| StoreError::corrupt("a digest is missing"))
    }

    pub(crate) fn optional_digest(&self, column: usize) -> Result<Option<SecretDigest>, StoreError> {
        let bytes = match self {
            Self::Sqlite(row) => row
                .get_ref(column)?
                .as_blob_or_null()
                .map_err(|error| StoreError::corrupt(error.to_string()))?,
            Self::Postgres(row) => row
                .try_get::<_, Option<&[u8]>>(column)
                .map_err(|error| StoreError::corrupt(error.to_string()))?,
        };
        bytes
            .map(|bytes| {
                bytes
                    .try_into()
                    .map(SecretDigest)
                    .map_err(|_| StoreError::corrupt("a digest has not 32 bytes"))
            })
            .transpose()
    }

    /// Reads a column through one of domain's parsers.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let text = self.text(column)?;
        parse(&text).map_err(|error| StoreError::corrupt(format!("column {column}: {error}")))
    }

    /// The same for a column that may be NULL.
    pub(crate) fn optionally_parsed<T, E: std::fmt::Display>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let text = self.optional_text(column)?;
        text.map(|text| {
            parse(&text).map_err(|error| StoreError::corrupt(format!("column {column}: {error}")))
        })
        .transpose()
    }
}
