//! What the tables that govern access hold, and what was written between two looks.

use super::fixture::Case;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};
use testkit::{Database, Engine};

/// The tables, each without the columns that tell of use only.
const TABLES: [(&str, &[&str]); 17] = [
    ("api_keys", &[]),
    ("retired_secrets", &["seen_count", "last_seen_at_ms", "last_seen_from"]),
    ("memberships", &[]),
    ("users", &[]),
    ("invitations", &[]),
    ("subjects", &[]),
    ("targets", &[]),
    // Use also moves the time at which an unused session ends.
    ("sessions", &["last_seen_at_ms", "address", "expires_at_ms"]),
    ("device_authorizations", &["next_poll_at_ms", "interval_seconds", "consumed_at_ms"]),
    ("organisations", &[]),
    ("passkeys", &[]),
    ("second_factors", &[]),
    ("recovery_codes", &[]),
    ("sent_forms", &[]),
    ("one_time_links", &[]),
    ("revoked_tokens", &[]),
    ("audit_events", &[]),
];

/// Entries of the audit log that tell of a rejection.
const REJECTIONS: [&str; 2] = ["api_key.dead_secret_seen", "person.refresh_token_reused"];

pub(super) type Row = BTreeMap<String, String>;
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot(BTreeSet<(&'static str, Row)>);

/// A row that came or went; one that changed did both.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) table: &'static str,
    pub(super) came: bool,
    pub(super) row: Row,
}

/// The columns of every table.
async fn columns(database: &Database, engine: Engine) -> BTreeMap<String, Vec<String>> {
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'"
        }
        Engine::Postgres => {
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let mut columns = BTreeMap::<String, Vec<String>>::new();
    for row in database.sql(sql).await {
        let [table, column] = <[Option<String>; 2]>::try_from(row).unwrap().map(Option::unwrap);
        columns.entry(table).or_default().push(column);
    }
    columns
}

/// Has the database keep the order in which entries of the audit log are written and sessions end. Of two transactions that
/// wait for each other, the first one's numbers are the lower ones.
pub(super) async fn keep_order(database: &Database, engine: Engine) {
    let sql = match engine {
        Engine::Sqlite => {
            "CREATE TABLE test_order (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL); \
             CREATE TRIGGER test_order_written AFTER INSERT ON audit_events BEGIN \
             INSERT INTO test_order (id) VALUES (NEW.id); END; \
             CREATE TRIGGER test_order_ended AFTER DELETE ON sessions BEGIN \
             INSERT INTO test_order (id) VALUES (OLD.id); END"
        }
        Engine::Postgres => {
            "CREATE TABLE test_order (number BIGSERIAL PRIMARY KEY, id TEXT NOT NULL); \
             CREATE FUNCTION test_order_written() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN INSERT INTO test_order (id) VALUES (NEW.id); RETURN NULL; END'; \
             CREATE FUNCTION test_order_ended() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN INSERT INTO test_order (id) VALUES (OLD.id); RETURN NULL; END'; \
             CREATE TRIGGER test_order_written AFTER INSERT ON audit_events \
             FOR EACH ROW EXECUTE FUNCTION test_order_written(); \
             CREATE TRIGGER test_order_ended AFTER DELETE ON sessions \
             FOR EACH ROW EXECUTE FUNCTION test_order_ended()"
        }
    };
    database.sql(sql).await;
}

/// The number of everything that [`keep_order`] keeps, by its id.
pub(super) async fn order(database: &Database) -> BTreeMap<String, i64> {
    let rows = database.sql("SELECT id, number FROM test_order").await;
    let pairs = rows.into_iter().map(|row| {
        let [id, number] = <[Option<String>; 2]>::try_from(row).unwrap().map(Option::unwrap);
        (id, number.parse().unwrap())
    });
    pairs.collect()
}

impl Snapshot {
    pub(super) async fn of(database: &Database, engine: Engine) -> Self {
        let columns = columns(database, engine).await;
        let (mut sql, mut names) = (String::new(), BTreeMap::new());
        for (table, unseen) in TABLES {
            let mut kept: Vec<&str> = columns[table].iter().map(String::as_str).collect();
            kept.retain(|column| !unseen.contains(column));
            writeln!(sql, "SELECT '{table}', {} FROM {table};", kept.join(", ")).unwrap();
            names.insert(table, kept);
        }
        let rows = database.sql(&sql).await.into_iter().map(|row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let table = values.next().unwrap();
            let (table, columns) = names.get_key_value(table.as_str()).unwrap();
            (*table, columns.iter().map(ToString::to_string).zip(values).collect())
        });
        Self(rows.collect())
    }

    pub(super) fn until(&self, later: &Self) -> Vec<Written> {
        let went = self.0.difference(&later.0).map(|(table, row)| (*table, false, row));
        let came = later.0.difference(&self.0).map(|(table, row)| (*table, true, row));
        let written = went.chain(came).map(|(table, came, row)| Written { table, came, row: row.clone() });
        written.filter(|one| !REJECTIONS.contains(&one.action())).collect()
    }
}

impl Written {
    pub(super) fn value(&self, column: &str) -> &str {
        self.row.get(column).map_or("", String::as_str)
    }

    /// Empty but for the audit log.
    pub(super) fn action(&self) -> &str {
        if self.table == "audit_events" { self.value("action") } else { "" }
    }

    /// What is the same of two runs on two copies of the same data.
    pub(super) fn shape(&self) -> (&'static str, bool, String) {
        (self.table, self.came, self.action().to_owned())
    }

    pub(super) fn is_of(&self, case: &Case) -> bool {
        self.row.values().any(|value| case.marks.iter().any(|mark| value.contains(mark.as_str())))
    }

    pub(super) fn told(&self) -> String {
        let sign = if self.came { '+' } else { '-' };
        match self.action() {
            "" => format!("{sign}{}", self.table),
            action => format!("{sign}{action}"),
        }
    }
}

/// What is in `all` beyond what is in `known`, counted.
pub(super) fn beyond<'a>(all: &[&'a Written], known: &[(&'static str, bool, String)]) -> Vec<&'a Written> {
    let mut known = known.to_vec();
    let mut rest = Vec::new();
    for one in all {
        match known.iter().position(|shape| *shape == one.shape()) {
            Some(at) => drop(known.swap_remove(at)),
            None => rest.push(*one),
        }
    }
    rest
}

/// One line for people.
pub(super) fn told(written: &[&Written]) -> String {
    let mut told: Vec<String> = written.iter().map(|one| one.told()).collect();
    told.dedup();
    told.join(" ")
}
