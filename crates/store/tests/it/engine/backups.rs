//! Copies of SQLite data, and putting one in the place of the data.

use crate::data::{Fresh, open, organisation};
use std::{fs, fs::File, path::PathBuf, time::Duration};
use store::{Location, SoleUse, Store, StoreError, copy_sqlite, create_private, damage_of_sqlite};
use testkit::{Database, Engine};

const PATIENCE: Duration = Duration::from_secs(5);

fn path_of(database: &Database) -> PathBuf {
    let Location::Sqlite(path) = database.location() else { panic!("not SQLite") };
    path
}

async fn with_one_organisation() -> (Fresh, PathBuf) {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let mut transaction = fresh.begin().await;
    transaction.insert_organisation(&organisation("One")).await.unwrap();
    transaction.commit().await.unwrap();
    let path = path_of(&fresh.database);
    (fresh, path)
}

#[tokio::test]
async fn a_copy_holds_what_is_committed_and_can_only_be_read() {
    let (fresh, path) = with_one_organisation().await;
    let mut open_transaction = fresh.begin().await;
    open_transaction.insert_organisation(&organisation("Two")).await.unwrap();
    let target = fresh.database.dir.path().join("copy");
    create_private(&target).unwrap();
    assert!(create_private(&target).is_err(), "nothing is written over");
    copy_sqlite(&path, &target, PATIENCE).unwrap();
    open_transaction.commit().await.unwrap();
    assert!(damage_of_sqlite(&target, false).unwrap().is_empty());
    let copy = Store::open_copy(&target).await.unwrap();
    assert_eq!(copy.reader().await.unwrap().count_organisations().await.unwrap(), 1);
    assert!(matches!(copy.begin().await, Err(StoreError::ReadOnly)));
    let beside = fs::read_dir(fresh.database.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let made = beside.filter(|name| name.to_string_lossy().starts_with("copy")).count();
    assert_eq!(made, 1, "no log is made beside a copy");
}

#[tokio::test]
async fn a_file_without_data_of_ours_is_no_copy() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let other = fresh.database.dir.path().join("other");
    create_private(&other).unwrap();
    assert!(Store::open_copy(&other).await.is_err_and(|error| error.to_string().contains("no data of Duku")));
}

/// What this thread reads through stays open as long as the thread: here is one that ends.
fn on_a_thread_that_ends<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(work())).join().unwrap())
}

#[test]
fn nobody_opens_data_that_are_being_replaced_and_nobody_replaces_data_that_are_open() {
    let (fresh, path) = on_a_thread_that_ends(with_one_organisation);
    let rejected = SoleUse::take(&path).err().unwrap().to_string();
    assert!(rejected.contains("is in use"), "{rejected}");
    let Fresh { database, store } = fresh;
    drop(store);
    // The writing thread closes the file a moment after the last clone of the store is gone.
    let sole_use = (0..200)
        .find_map(|_| {
            SoleUse::take(&path).inspect_err(|_| std::thread::sleep(Duration::from_millis(10))).ok()
        })
        .unwrap();
    let rejected = on_a_thread_that_ends(async || open(&database).await.err().unwrap());
    assert!(
        matches!(&rejected, StoreError::Unavailable(why) if why.contains("being restored")),
        "{rejected:?}"
    );
    assert!(SoleUse::take(&path).is_err(), "nor is it replaced twice at once");
    let staged = sole_use.stage(&mut File::open(&path).unwrap()).unwrap();
    let former = sole_use.put_in_place(&staged, ".former").unwrap().unwrap();
    assert!(former.ends_with("duku.db.former") && former.exists());
    let sole_use = SoleUse::take(&path).unwrap();
    let staged = sole_use.stage(&mut File::open(&path).unwrap()).unwrap();
    let next = sole_use.put_in_place(&staged, ".former").unwrap().unwrap();
    assert!(
        next.ends_with("duku.db.former-2") && next.exists() && former.exists(),
        "the former data stay, however many"
    );
    let organisations = on_a_thread_that_ends(async || {
        open(&database).await.unwrap().reader().await.unwrap().count_organisations().await.unwrap()
    });
    assert_eq!(organisations, 1);
}

#[tokio::test]
async fn a_restore_that_is_given_up_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("duku.db");
    fs::write(&place, "damaged beyond reading").unwrap();
    let sole_use = SoleUse::take(&place).unwrap();
    assert!(sole_use.stage(&mut &b"nonsense that is no database, but as long as the header of one is: one hundred bytes, that is to say"[..]).is_err());
    drop(sole_use);
    assert_eq!(fs::read(&place).unwrap(), b"damaged beyond reading");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
