//! One SQL text for both engines, and one schema.

use crate::data::{Fresh, on_both_engines};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Database, Engine};

on_both_engines!(every_statement_prepares);

async fn every_statement_prepares(fresh: Fresh) {
    let mut reader = fresh.read().await;
    let statements = store::all_statements();
    assert!(statements.len() > 60, "only {} statements are listed", statements.len());
    let (on_postgres, on_sqlite) = store::dialects();
    let is_postgres = fresh.store.engine() == "postgres";
    let common = statements.into_iter().filter(|(name, _)| !(is_postgres && on_sqlite.contains(name)));
    let only_here = on_postgres.into_iter().filter(|_| is_postgres);
    for (name, sql) in common.chain(only_here) {
        reader.prepare(sql).await.unwrap_or_else(|error| panic!("{name}: {error}\n{sql}"));
    }
}

/// What a table is, in words that both engines share.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    /// Name, kind and whether it may be NULL, in the table's order.
    columns: Vec<(String, &'static str, bool)>,
    primary_key: Vec<String>,
    unique: BTreeSet<Vec<String>>,
    indexes: BTreeMap<String, Vec<String>>,
    /// Column, other table, its column.
    references: BTreeSet<(String, String, String)>,
    checks: usize,
}

#[tokio::test]
async fn both_final_schemas_are_equal() {
    let sqlite = Fresh::on(Engine::Sqlite).await;
    let postgres = Fresh::on(Engine::Postgres).await;
    let tables = sqlite.database.tables().await;
    assert_eq!(tables, postgres.database.tables().await);
    for table in tables {
        let ours = sqlite_table(&sqlite.database, &table).await;
        assert!(!ours.columns.is_empty() && !ours.primary_key.is_empty(), "{table}: {ours:?}");
        assert_eq!(ours, postgres_table(&postgres.database, &table).await, "{table}");
    }
}

fn kind(name: &str) -> &'static str {
    match name.to_lowercase().as_str() {
        "text" => "text",
        "bigint" => "whole number",
        "blob" | "bytea" => "bytes",
        other => panic!("a column of kind {other}"),
    }
}

/// Rows of two columns or more, as owned text.
async fn rows(database: &Database, sql: &str) -> Vec<Vec<String>> {
    let rows = database.sql(sql).await;
    rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
}

async fn sqlite_table(database: &Database, name: &str) -> Table {
    let mut table = Table::default();
    let mut key = BTreeMap::new();
    let columns = format!("SELECT name, type, \"notnull\", pk FROM pragma_table_info('{name}') ORDER BY cid");
    for row in rows(database, &columns).await {
        table.columns.push((row[0].clone(), kind(&row[1]), row[2] == "0"));
        if row[3] != "0" {
            key.insert(row[3].clone(), row[0].clone());
        }
    }
    table.primary_key = key.into_values().collect();
    for index in rows(database, &format!("SELECT name, origin FROM pragma_index_list('{name}')")).await {
        let listed = format!("SELECT name FROM pragma_index_info('{}') ORDER BY seqno", index[0]);
        let columns = rows(database, &listed).await.into_iter().flatten().collect();
        match index[1].as_str() {
            "c" => drop(table.indexes.insert(index[0].clone(), columns)),
            "u" => drop(table.unique.insert(columns)),
            _ => {}
        }
    }
    let references = format!("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list('{name}')");
    for row in rows(database, &references).await {
        table.references.insert((row[0].clone(), row[1].clone(), row[2].clone()));
    }
    let sql = rows(database, &format!("SELECT sql FROM sqlite_master WHERE name = '{name}'")).await;
    table.checks = sql[0][0].matches("CHECK (").count();
    table
}

async fn postgres_table(database: &Database, name: &str) -> Table {
    let mut table = Table::default();
    let columns = format!(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns \
         WHERE table_name = '{name}' ORDER BY ordinal_position"
    );
    for row in rows(database, &columns).await {
        table.columns.push((row[0].clone(), kind(&row[1]), row[2] == "YES"));
    }
    let indexes = format!(
        "SELECT i.indexrelid::regclass::text, i.indisprimary, i.indisunique, \
         array_to_string(ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false) \
         FROM generate_series(1, i.indnatts) n), ',') \
         FROM pg_index i WHERE i.indrelid = '{name}'::regclass"
    );
    for row in rows(database, &indexes).await {
        let columns: Vec<String> = row[3].split(',').map(ToOwned::to_owned).collect();
        match (row[1].as_str(), row[2].as_str()) {
            ("t", _) => table.primary_key = columns,
            (_, "t") => drop(table.unique.insert(columns)),
            _ => drop(table.indexes.insert(row[0].clone(), columns)),
        }
    }
    let references = format!(
        "SELECT a.attname, c.confrelid::regclass::text, f.attname FROM pg_constraint c \
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
         JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1] \
         WHERE c.contype = 'f' AND c.conrelid = '{name}'::regclass"
    );
    for row in rows(database, &references).await {
        table.references.insert((row[0].clone(), row[1].clone(), row[2].clone()));
    }
    let checks =
        format!("SELECT COUNT(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = '{name}'::regclass");
    table.checks = usize::try_from(database.number(&checks).await).unwrap();
    table
}
