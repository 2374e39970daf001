//! A look at a database behind the product's back: raw SQL on a connection of its own, and everything as text.

use crate::{Database, database::connect};
use rusqlite::{fallible_iterator::FallibleIterator as _, types::ValueRef};
use std::fmt::Write as _;
use store::Location;
use tokio_postgres::SimpleQueryMessage;

/// A row with every column as text; `None` is SQL's NULL, bytes are in hexadecimal.
pub type TextRow = Vec<Option<String>>;

impl Database {
    /// Runs one statement or more and gives the rows of all of them, or the database's complaint.
    ///
    /// # Errors
    /// The database's own words.
    pub async fn try_sql(&self, sql: &str) -> Result<Vec<TextRow>, String> {
        match self.location() {
            Location::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                sqlite_rows(&connection, sql).map_err(|error| error.to_string())
            }
            Location::Postgres(url) => {
                let client = connect(&url).await;
                let messages = client.simple_query(sql).await.map_err(|error| {
                    error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
                })?;
                Ok(messages.iter().filter_map(postgres_row).collect())
            }
        }
    }

    /// The same for SQL that must work.
    pub async fn sql(&self, sql: &str) -> Vec<TextRow> {
        self.try_sql(sql).await.unwrap_or_else(|complaint| panic!("{complaint}: {sql}"))
    }

    /// The only number that `sql` gives.
    pub async fn number(&self, sql: &str) -> i64 {
        let rows = self.sql(sql).await;
        rows[0][0].as_deref().unwrap().parse().unwrap()
    }

    /// The names of all tables.
    pub async fn tables(&self) -> Vec<String> {
        let sql = match self.location() {
            Location::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            Location::Postgres(_) => {
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name"
            }
        };
        self.sql(sql).await.into_iter().map(|row| row[0].clone().unwrap()).collect()
    }

    /// Every row of every table.
    pub async fn dump(&self) -> String {
        let mut text = String::new();
        for table in self.tables().await {
            for row in self.sql(&format!("SELECT * FROM {table}")).await {
                let row: Vec<_> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
                writeln!(text, "{table}: {}", row.join(" | ")).unwrap();
            }
        }
        text
    }
}

fn sqlite_rows(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<TextRow>> {
    let mut rows = Vec::new();
    let mut batch = rusqlite::Batch::new(connection, sql);
    while let Some(mut statement) = batch.next()? {
        let columns = statement.column_count();
        let mut answer = statement.query([])?;
        while let Some(row) = answer.next()? {
            rows.push((0..columns).map(|column| row.get_ref(column).map(text)).collect::<Result<_, _>>()?);
        }
    }
    Ok(rows)
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Some(bytes.iter().fold("\\x".to_owned(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })),
    }
}

fn postgres_row(message: &SimpleQueryMessage) -> Option<TextRow> {
    match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(ToOwned::to_owned)).collect())
        }
        _ => None,
    }
}
