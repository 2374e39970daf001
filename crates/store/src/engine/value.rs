//! Parameters and rows that are the same for both engines.

use crate::Result;
use crate::StoreError;
use domain::{
    Email, InvitationEnd, InvitationId, KeyId, Label, Lifetime, Name, OrganisationId, PasskeyId, Role,
    SecretDigest, SessionId, SessionKind, SubjectId, TargetId, Timestamp, UserId, api_key::Retirement,
};
use std::{cell::Cell, sync::LazyLock};
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, private::BytesMut, to_sql_checked};

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

/// Collects parameters in the order of `$1`, `$2`, …: values, or after `of =>` fields of `of`, and values in parentheses.
macro_rules! params {
    (@ $of:ident ($value:expr)) => { $crate::engine::value::Value::from($value) };
    (@ $of:ident $field:ident) => { $crate::engine::value::Field::to_value(&$of.$field) };
    ($of:ident => $($part:tt),* $(,)?) => { vec![$($crate::engine::value::params!(@ $of $part)),*] };
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

/// A field that is a parameter.
pub(crate) trait Field {
    fn to_value(&self) -> Value;
}

impl<T: Field> Field for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_value)
    }
}

/// Fields that a parameter can be made of as they are.
macro_rules! plain_fields {
    ($($field:ty),*) => {
        $(impl Field for $field {
            fn to_value(&self) -> Value {
                self.clone().into()
            }
        })*
    };
}
plain_fields!(i64, String, Timestamp, SecretDigest);

impl Field for Vec<u8> {
    fn to_value(&self) -> Value {
        Value::Bytes(self.clone())
    }
}

impl Field for Lifetime {
    fn to_value(&self) -> Value {
        Value::Int(self.seconds())
    }
}

/// Texts of domain.
macro_rules! text_fields {
    ($($field:ty),* $(,)?) => {
        $(impl Field for $field {
            fn to_value(&self) -> Value {
                self.as_str().into()
            }
        })*
    };
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

/// One row of an answer, whose columns are read one after the other in the order of the statement.
pub(crate) struct Row<'a> {
    cells: Cells<'a>,
    next: Cell<usize>,
}

/// Turns one row into a value.
pub(crate) type Mapper<T> = fn(&Row<'_>) -> Result<T>;

/// The columns of a row, by position.
pub(crate) enum Cells<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

/// A value that a column holds.
pub(crate) trait Column: Sized {
    fn read(cells: &Cells<'_>, column: usize) -> Result<Self>;
}

impl<'a> Row<'a> {
    pub(crate) const fn of_sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self { cells: Cells::Sqlite(row), next: Cell::new(0) }
    }

    pub(crate) const fn of_postgres(row: &'a tokio_postgres::Row) -> Self {
        Self { cells: Cells::Postgres(row), next: Cell::new(0) }
    }

    /// What `map` makes of it. A statement with a column more or less than `map` reads fails every test that runs it.
    pub(crate) fn read<T>(self, map: Mapper<T>) -> Result<T> {
        let value = map(&self)?;
        debug_assert_eq!(self.next.get(), self.cells.count(), "columns read, and columns of the statement");
        Ok(value)
    }

    /// The next column.
    pub(crate) fn next<T: Column>(&self) -> Result<T> {
        let column = self.next.get();
        self.next.set(column + 1);
        T::read(&self.cells, column)
    }
}

/// A struct whose fields are read from the next columns in the order in which they are named, but for those that say otherwise.
macro_rules! read {
    ($row:ident => $name:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        Ok($name { $($field: $crate::engine::value::read!(@ $row $($value)?)),* })
    };
    (@ $row:ident) => { $row.next()? };
    (@ $row:ident $value:expr) => { $value };
}
pub(crate) use read;

/// The only column of a row.
pub(crate) fn only_column<T: Column>(row: &Row<'_>) -> Result<T> {
    row.next()
}

impl Cells<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.as_ref().column_count(),
            Self::Postgres(row) => row.len(),
        }
    }

    fn get<T>(&self, column: usize) -> Result<T>
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

    fn is_null(&self, column: usize) -> Result<bool> {
        Ok(match self {
            Self::Sqlite(row) => matches!(row.get_ref(column)?, rusqlite::types::ValueRef::Null),
            Self::Postgres(row) => row
                .try_get::<_, Option<OfAnyType>>(column)
                .map_err(|error| StoreError::corrupt(format!("column {column}: {error}")))?
                .is_none(),
        })
    }
}

/// Takes what PostgreSQL has of whatever type: only whether there is something counts.
struct OfAnyType;

impl FromSql<'_> for OfAnyType {
    fn from_sql(_: &Type, _: &[u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Columns that both drivers know.
macro_rules! plain_columns {
    ($($column:ty),*) => {
        $(impl Column for $column {
            fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
                cells.get(column)
            }
        })*
    };
}
plain_columns!(i64, String, Vec<u8>);

impl<T: Column> Column for Option<T> {
    fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
        if cells.is_null(column)? { Ok(None) } else { T::read(cells, column).map(Some) }
    }
}

impl Column for bool {
    fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
        Ok(cells.get::<i64>(column)? != 0)
    }
}

impl Column for Timestamp {
    fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
        cells.get(column).map(Self::from_ms)
    }
}

impl Column for Lifetime {
    fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
        Self::from_seconds(cells.get(column)?).map_err(|invalid| StoreError::corrupt(invalid.to_string()))
    }
}

impl Column for SecretDigest {
    fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
        let bytes = match cells {
            Cells::Sqlite(row) => {
                row.get_ref(column)?.as_blob().map_err(|error| StoreError::corrupt(error.to_string()))?
            }
            Cells::Postgres(row) => {
                row.try_get(column).map_err(|error| StoreError::corrupt(error.to_string()))?
            }
        };
        bytes.try_into().map(Self).map_err(|_| StoreError::corrupt("a digest has not 32 bytes"))
    }
}

/// Texts that domain has a parser for.
macro_rules! parsed_columns {
    ($($column:ty),* $(,)?) => {
        text_fields!($($column),*);
        $(impl Column for $column {
            fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
                let text = String::read(cells, column)?;
                Self::parse(&text).map_err(|error| StoreError::corrupt(format!("column {column}: {error}")))
            }
        })*
    };
}
parsed_columns!(
    KeyId,
    OrganisationId,
    UserId,
    SubjectId,
    TargetId,
    SessionId,
    InvitationId,
    PasskeyId,
    Email,
    Label,
    Name,
);

/// Words of a fixed list.
macro_rules! word_columns {
    ($($column:ty),* $(,)?) => {
        text_fields!($($column),*);
        $(impl Column for $column {
            fn read(cells: &Cells<'_>, column: usize) -> Result<Self> {
                let word = String::read(cells, column)?;
                Self::parse(&word).ok_or_else(|| StoreError::corrupt(format!("column {column}: {word}")))
            }
        })*
    };
}
word_columns!(Role, Retirement, SessionKind, InvitationEnd);
