//! SQLite files that cannot serve: each is rejected with a reason, none is harmed.

use crate::data::{Fresh, open, organisation};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};
use store::{Location, Options, Store, StoreError};
use tempfile::TempDir;
use testkit::{Database, Engine};

async fn rejection_of(path: &Path) -> StoreError {
    let options = Options::new(Location::Sqlite(path.to_owned()));
    match Store::open(&options).await {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

fn path_of(database: &Database) -> PathBuf {
    let Location::Sqlite(path) = database.location() else { panic!("not SQLite") };
    path
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_place_that_can_hold_no_file_is_rejected_with_its_path_and_a_reason() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, reason) in [
        (dir.path().join("missing/duku.db"), "No such file or directory"),
        (file.join("duku.db"), "Not a directory"),
        (dir.path().to_owned(), "it is no regular file: name a file"),
        (pipe, "it is no regular file: name a file"),
        (PathBuf::from("/dev/null"), "it is no regular file: name a file"),
        (PathBuf::from("/proc/duku.db"), "(os error"),
    ] {
        let rejection = rejection_of(&path).await;
        assert!(matches!(rejection, StoreError::Configuration(_)), "{rejection:?}");
        let text = rejection.to_string();
        assert!(text.starts_with(&format!("cannot open {}: ", path.display())), "{text}");
        assert!(text.contains(reason) && text.contains("check that the directory exists"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_rejected_and_left_as_it_was() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("hosts");
    for content in [b"127.0.0.1 localhost\n".repeat(100), b"short".to_vec()] {
        fs::write(&file, &content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let rejection = rejection_of(&file).await;
        let expected = format!(
            "{} is no SQLite database: name another file; if it was one, its header was overwritten: restore a backup",
            file.display()
        );
        assert_eq!(rejection.to_string(), expected);
        assert_eq!((fs::read(&file).unwrap(), mode_of(&file)), (content, 0o644));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_truncated_file_is_said_to_be_damaged_wherever_it_ends() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    fresh.organisation("Acme").await;
    fresh.database.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let whole = fs::read(path_of(&fresh.database)).unwrap();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("duku.db");
    for length in (4096..whole.len()).step_by(4096).chain([100, 512, 5000, whole.len() - 4097]) {
        fs::write(&file, &whole[..length]).unwrap();
        let rejection = rejection_of(&file).await;
        let text = rejection.to_string();
        assert!(text.contains(&file.display().to_string()), "{length}: {text}");
        match rejection {
            StoreError::Corrupt(_) => assert!(text.contains("restore it from a backup"), "{length}: {text}"),
            other => assert!(length < 512, "{length}: {other:?}"),
        }
        assert_eq!(fs::metadata(&file).unwrap().len(), length as u64, "{length}: the file was changed");
    }
    fs::write(&file, &whole).unwrap();
    let store = Store::open(&Options::new(Location::Sqlite(file))).await.unwrap();
    assert_eq!(store.reader().await.unwrap().organisations(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn damage_inside_the_file_is_an_error_and_no_panic() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    for number in 0..200 {
        fresh.organisation(&format!("Organisation number {number}")).await;
    }
    fresh.database.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let whole = fs::read(path_of(&fresh.database)).unwrap();
    let dir = TempDir::new().unwrap();
    let mut rejected = 0;
    // One page at a time is overwritten, but for the first, which makes it a database.
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0xA5);
        let file = dir.path().join(format!("{page}.db"));
        fs::write(&file, damaged).unwrap();
        let read = async {
            let store = Store::open(&Options::new(Location::Sqlite(file))).await?;
            let mut reader = store.reader().await?;
            reader.organisations(None, 1000).await?;
            reader.find_organisation_by_name("Organisation number 7").await
        };
        if let Err(error) = read.await {
            assert!(matches!(error, StoreError::Corrupt(_)), "{page}: {error:?}");
            rejected += 1;
        }
    }
    assert!(rejected >= 3, "only {rejected} pages mattered");
}

#[tokio::test]
async fn only_its_owner_can_read_the_data() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("duku.db");
    let options = Options::new(Location::Sqlite(file.clone()));
    let store = Store::open(&options).await.unwrap();
    let all = |what: &str| {
        for name in ["duku.db", "duku.db-wal", "duku.db-shm"] {
            assert_eq!(mode_of(&dir.path().join(name)), 0o600, "{name} {what}");
        }
    };
    all("of fresh data");
    drop(store);
    for name in ["duku.db", "duku.db-wal", "duku.db-shm"] {
        let _ = fs::set_permissions(dir.path().join(name), Permissions::from_mode(0o644));
    }
    let _store = Store::open(&options).await.unwrap();
    all("of data that came with another mode");
}

/// A mounted file system of the test's own, gone when the test ends.
struct Mount(TempDir);

impl Mount {
    /// `None` where this user may not mount.
    fn new(options: &str) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "duku-test"]).arg(dir.path()).output();
        mount.is_ok_and(|done| done.status.success()).then(|| Self(dir))
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let done = Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn read_only_data_are_rejected_with_what_to_check() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    fresh.organisation("Acme").await;
    fresh.database.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let whole = fs::read(path_of(&fresh.database)).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    // Root may write whatever the modes say, but not to what is mounted read-only.
    let mount = if is_root { Mount::new("size=4m") } else { None };
    if is_root && mount.is_none() {
        eprintln!("skipped: root that may not mount has no read-only place");
        return;
    }
    let dir = mount.as_ref().map_or(fresh.database.dir.path(), |mount| mount.0.path()).join("data");
    fs::create_dir(&dir).unwrap();
    let file = dir.join("duku.db");
    fs::write(&file, whole).unwrap();
    if let Some(mount) = &mount {
        mount.remount("ro");
    } else {
        fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o500)).unwrap();
    }
    let old = rejection_of(&file).await;
    let new = rejection_of(&dir.join("new.db")).await;
    if mount.is_none() {
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    }
    assert!(
        matches!((&old, &new), (StoreError::Configuration(_), StoreError::Configuration(_))),
        "{old:?} {new:?}"
    );
    let expected = format!(
        "{} cannot be written: check its owner, its mode and the mount of its directory",
        file.display()
    );
    assert_eq!(old.to_string(), expected);
    assert!(
        new.to_string().contains("check that the directory exists and that this user may write there"),
        "{new}"
    );
}

/// Fills the data until nothing more is accepted; answers the last error and how many were acknowledged.
async fn fill(store: &Store) -> (StoreError, usize) {
    let padding = "x".repeat(150);
    for number in 0..100_000 {
        let mut transaction = match store.begin().await {
            Ok(session) => session,
            Err(error) => return (error, number),
        };
        let done = match transaction.insert_organisation(&organisation(&format!("{number} {padding}"))).await
        {
            Ok(()) => transaction.commit().await,
            failed => failed,
        };
        if let Err(error) = done {
            return (error, number);
        }
    }
    panic!("the disk never became full")
}

#[tokio::test]
async fn a_full_disk_is_said_and_everything_acknowledged_is_kept() {
    let Some(mount) = Mount::new("size=1m") else {
        eprintln!("skipped: this user may not mount; the writer's own test fills a small database instead");
        return;
    };
    let options = Options::new(Location::Sqlite(mount.0.path().join("duku.db")));
    let store = Store::open(&options).await.unwrap();
    let (error, acknowledged) = fill(&store).await;
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    let count = async || store.reader().await.unwrap().organisations(None, 100_000).await.unwrap().len();
    assert_eq!(count().await, acknowledged);
    mount.remount("size=4m");
    let mut transaction = store.begin().await.unwrap();
    transaction.insert_organisation(&organisation("after some space was freed")).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count().await, acknowledged + 1);
    // The data are whole for the next process, too.
    assert_eq!(open_again(&options).await, acknowledged + 1);
}

async fn open_again(options: &Options) -> usize {
    let store = Store::open(options).await.unwrap();
    store.reader().await.unwrap().organisations(None, 100_000).await.unwrap().len()
}

#[test]
fn a_database_url_names_its_engine_and_is_never_shown() {
    for (url, path) in [
        ("sqlite:///var/lib/duku.db", "/var/lib/duku.db"),
        ("sqlite:duku.db", "duku.db"),
        ("sqlite://duku.db", "duku.db"),
    ] {
        let Location::Sqlite(parsed) = Location::parse(url).unwrap() else { panic!("{url}") };
        assert_eq!(parsed, Path::new(path));
    }
    for url in ["postgres://duku:hunter2@db/duku", "postgresql://duku:hunter2@db/duku"] {
        let location = Location::parse(url).unwrap();
        assert!(matches!(location, Location::Postgres(_)));
        let shown = format!("{location:?} {:?}", Options::new(location.clone()));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for url in ["", "mysql://root:hunter2@db/duku", "/var/lib/duku.db", "sqlite://", "sqlite:"] {
        let rejection = Location::parse(url).unwrap_err().to_string();
        assert!(rejection.contains("must start with sqlite:// or postgres://"), "{rejection}");
        assert!(!rejection.contains("hunter2"), "{rejection}");
    }
}

#[tokio::test]
async fn an_empty_file_becomes_fresh_data() {
    let database = Database::fresh(Engine::Sqlite).await;
    fs::write(path_of(&database), "").unwrap();
    let store = open(&database).await.unwrap();
    assert!(store.reader().await.unwrap().organisations(None, 1).await.unwrap().is_empty());
}
