//! Opening: several at once on fresh data, again on current data, from every older schema, rejected on newer data.

use crate::data::{Fresh, on_both_engines, open};
use futures::future::join_all;
use std::{
    path::Path,
    time::{Duration, Instant},
};
use store::{Options, Store, StoreError};
use testkit::{Database, Engine};

/// The number of the newest migration.
const NEWEST: i64 = 7;

mod several_opens_at_once_migrate_fresh_data_once {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn sqlite() {
        several_opens_at_once_migrate_fresh_data_once(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn postgres() {
        several_opens_at_once_migrate_fresh_data_once(Engine::Postgres).await;
    }
}

async fn several_opens_at_once_migrate_fresh_data_once(engine: Engine) {
    for _ in 0..10 {
        let database = std::sync::Arc::new(Database::fresh(engine).await);
        let opens = (0..8).map(|_| {
            let database = database.clone();
            tokio::spawn(async move { open(&database).await.map(drop) })
        });
        for opened in join_all(opens).await {
            opened.unwrap().unwrap();
        }
        assert_eq!(database.number("SELECT COUNT(*) FROM schema_migrations").await, NEWEST);
    }
}

on_both_engines!(opening_again_changes_nothing, data_of_a_newer_version_is_rejected);

async fn opening_again_changes_nothing(fresh: Fresh) {
    let key = fresh.key(&fresh.organisation("Acme").await).await;
    let before = fresh.database.dump().await;
    let again = fresh.another_store().await;
    assert_eq!(again.reader().await.unwrap().find_key(&key.id).await.unwrap(), Some(key));
    assert_eq!(fresh.database.dump().await, before);
}

async fn data_of_a_newer_version_is_rejected(fresh: Fresh) {
    fresh.database.sql("INSERT INTO schema_migrations (version, name) VALUES (99, '0099_later')").await;
    let before = fresh.database.dump().await;
    let Err(rejection) = open(&fresh.database).await else { panic!("opened") };
    assert!(matches!(rejection, StoreError::Newer { found: 99, known: NEWEST }), "{rejection:?}");
    assert_eq!(
        rejection.to_string(),
        format!(
            "the data has schema version 99, this binary knows {NEWEST}: use the newer duku, or restore a backup made before the upgrade"
        )
    );
    assert_eq!(fresh.database.dump().await, before);
}

/// Data that only the first migrations were made on, with some keys.
pub(crate) async fn older_data(engine: Engine, version: i64) -> Database {
    let database = Database::fresh(engine).await;
    let folder = match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
    let mut scripts: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    let mut sql = "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);"
        .to_owned();
    for (number, script) in (1..=version).zip(scripts) {
        sql += &std::fs::read_to_string(&script).unwrap();
        let name = script.file_stem().unwrap().to_str().unwrap();
        sql.extend(["INSERT INTO schema_migrations VALUES (", &number.to_string(), ", '", name, "');"]);
    }
    sql += "INSERT INTO organisations (id, name, default_lifetime_seconds, maximum_lifetime_seconds, created_at_ms) \
            VALUES ('org_1', 'Acme', 1, 1, 1);";
    let keys = (0..50).map(|number| {
        format!("('key_{number}', 'org_1', 'Acme', 'CI', '', 'wxyz', 1, 1, 'ada', {number}, 0)")
    });
    sql += "INSERT INTO api_keys (id, organisation_id, organisation_name, label, secret_digest, secret_hint, \
            lifetime_seconds, created_at_ms, created_by, expires_at_ms, token_epoch) VALUES ";
    sql += &keys.collect::<Vec<_>>().join(", ");
    batch(&database, &sql).await;
    database
}

async fn batch(database: &Database, sql: &str) {
    match database.location() {
        store::Location::Sqlite(path) => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.pragma_update(None, "journal_mode", "WAL").unwrap();
            connection.execute_batch(sql).unwrap();
        }
        store::Location::Postgres(url) => testkit::connect(&url).await.batch_execute(sql).await.unwrap(),
    }
}

/// Every table, column and index, as the engine tells them.
async fn schema_of(database: &Database) -> Vec<testkit::TextRow> {
    let sql = match database.location() {
        store::Location::Sqlite(_) => "SELECT type, name, sql FROM sqlite_schema ORDER BY name",
        store::Location::Postgres(_) => {
            "SELECT 'column', table_name || '.' || column_name, data_type || is_nullable || COALESCE(column_default, '') \
             FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT 'index', i.indexname, i.indexdef || x.indisvalid FROM pg_indexes i \
             JOIN pg_index x ON x.indexrelid = i.indexname::regclass WHERE i.schemaname = 'public' ORDER BY 1, 2"
        }
    };
    database.sql(sql).await
}

mod data_of_every_older_schema_become_those_of_today {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        data_of_every_older_schema_become_those_of_today(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        data_of_every_older_schema_become_those_of_today(Engine::Postgres).await;
    }
}

async fn data_of_every_older_schema_become_those_of_today(engine: Engine) {
    let today = Fresh::on(engine).await;
    let wanted = schema_of(&today.database).await;
    for version in 1..NEWEST {
        let database = older_data(engine, version).await;
        open(&database).await.unwrap();
        assert_eq!(schema_of(&database).await, wanted, "from version {version}");
        assert_eq!(database.number("SELECT COUNT(*) FROM api_keys").await, 50);
        assert_eq!(database.number("SELECT COUNT(*) FROM schema_migrations").await, NEWEST);
    }
}

fn options(database: &Database) -> Options {
    Options { patience: Duration::from_secs(1), ..Options::new(database.location()) }
}

mod who_migrates_is_waited_for_longer_than_an_operation_may_take {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        let lock = "CREATE TABLE under_way (n BIGINT)";
        who_migrates_is_waited_for_longer_than_an_operation_may_take(Engine::Sqlite, lock).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        let lock = "SELECT pg_advisory_xact_lock(1685416821)";
        who_migrates_is_waited_for_longer_than_an_operation_may_take(Engine::Postgres, lock).await;
    }
}

async fn who_migrates_is_waited_for_longer_than_an_operation_may_take(engine: Engine, lock: &str) {
    let database = older_data(engine, 1).await;
    let held = database.hold(lock).await;
    let impatient = Options { migration_timeout: Duration::from_millis(1500), ..options(&database) };
    let Err(error) = Store::open(&impatient).await else { panic!("opened") };
    let text = error.to_string();
    assert!(
        text.contains("another process has been migrating") && text.contains("migration_timeout_seconds"),
        "{text}"
    );
    let options = options(&database);
    let opening = tokio::spawn(async move { Store::open(&options).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(!opening.is_finished(), "it did not wait");
    drop(held);
    opening.await.unwrap().unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM schema_migrations").await, NEWEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_may_take_longer_than_an_operation() {
    let database = older_data(Engine::Postgres, 1).await;
    let slow = "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands() c WHERE c.object_identity LIKE '%sessions_by_user') \
                THEN PERFORM pg_sleep(3); END IF; END $$; \
                CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION slow()";
    batch(&database, slow).await;
    let started = Instant::now();
    Store::open(&options(&database)).await.unwrap();
    assert!(started.elapsed() > Duration::from_secs(3), "nothing was slow: {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_table_makes_nobody_wait_behind_it_for_long() {
    let database = older_data(Engine::Postgres, 1).await;
    // A report that somebody runs: the migration wants to alter what it reads.
    let report = database.hold("SELECT COUNT(*) FROM users").await;
    let options = options(&database);
    let opening = tokio::spawn(async move { Store::open(&options).await.map(drop) });
    let client = testkit::connect(&database.url).await;
    let (started, mut longest, mut tries) = (Instant::now(), Duration::ZERO, 0);
    while started.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        client.query("SELECT COUNT(*) FROM users", &[]).await.unwrap();
        tries += u32::from(asked.elapsed() > Duration::from_millis(100));
        longest = longest.max(asked.elapsed());
    }
    assert!(!opening.is_finished(), "nothing was waited for");
    assert!(tries >= 1 && longest < Duration::from_millis(900), "{tries} tries, the longest {longest:?}");
    drop(report);
    opening.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_is_built_while_others_write_and_what_was_left_of_one_is_built_anew() {
    let database = older_data(Engine::Postgres, 1).await;
    let client = testkit::connect(&database.url).await;
    // The keys have one epoch: this fails, and leaves an index that is not valid.
    let left = "CREATE UNIQUE INDEX CONCURRENTLY api_keys_by_expiry ON api_keys (token_epoch)";
    client.batch_execute(left).await.unwrap_err();
    let valid = "SELECT COUNT(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                 WHERE c.relname = 'api_keys_by_expiry' AND i.indisvalid AND NOT i.indisunique";
    assert_eq!(database.number(valid).await, 0);
    let writer = database.hold("UPDATE api_keys SET token_epoch = 1 WHERE id = 'key_1'").await;
    let options = options(&database);
    let opening = tokio::spawn(async move { Store::open(&options).await.map(drop) });
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        client
            .execute("UPDATE api_keys SET token_epoch = token_epoch + 1 WHERE id = 'key_2'", &[])
            .await
            .unwrap();
        assert!(asked.elapsed() < Duration::from_millis(900), "a writer waited {:?}", asked.elapsed());
    }
    assert!(!opening.is_finished(), "the index was built in spite of an open transaction");
    drop(writer);
    opening.await.unwrap().unwrap();
    assert_eq!(database.number(valid).await, 1);
}
