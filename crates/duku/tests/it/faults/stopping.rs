//! A clean stop leaves the whole data in one file, and says so when it cannot.

use crate::server::{Database, Server};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use testkit::Pair;

/// The database file and the master key alone, at another place.
fn file_and_key_of(server: &Server) -> (TempDir, PathBuf) {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let data = dir.path().join("data");
    fs::DirBuilder::new().create(&data).unwrap();
    for name in ["duku.db", "master.key"] {
        fs::copy(server.data_dir.join(name), data.join(name)).unwrap();
    }
    (dir, data)
}

async fn works(data: &Path, pair: &Pair) -> bool {
    let server = Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", data.to_str().unwrap())]);
    server.api().exchange(pair).await.status.is_success()
}

/// The file, behind the product's back.
fn database_in(data: &Path) -> testkit::Database {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    testkit::Database { dir, url: format!("sqlite://{}", data.join("duku.db").display()) }
}

fn size_of_log(server: &Server) -> u64 {
    fs::metadata(server.data_dir.join("duku.db-wal")).map_or(0, |log| log.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_clean_stop_the_file_and_the_master_key_are_everything() {
    let mut server = Server::start(Database::Sqlite);
    server.make_acme();
    let pair = server.generate("CI");
    let token = server.api().token(&pair).await;
    assert!(server.api().accepts(&token).await, "a use is counted, and written at the stop");
    assert!(server.stop());
    assert_eq!(size_of_log(&server), 0);
    let (_dir, data) = file_and_key_of(&server);
    assert!(works(&data, &pair).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_command_on_a_stopped_server_the_file_is_everything_too() {
    let mut server = Server::start(Database::Sqlite);
    server.make_acme();
    let pair = server.generate("CI");
    assert!(server.stop());
    let newer = Pair::of(&server.admin(&["key", "rotate", &pair.client_id]));
    let (_dir, data) = file_and_key_of(&server);
    assert!(works(&data, &newer).await);
    let (_dir, data) = file_and_key_of(&server);
    assert!(!works(&data, &pair).await, "the rotated secret does not come back with the copy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_another_process_hinders_ends_in_time_and_says_so() {
    let mut server = Server::start(Database::Sqlite);
    server.make_acme();
    let reader = database_in(&server.data_dir).hold_snapshot();
    let pair = server.generate("CI");
    let started = Instant::now();
    assert!(server.stop());
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let log = fs::read_to_string(&server.log).unwrap();
    assert!(log.contains("another process has the data open") && log.contains("duku.db-wal"), "{log}");
    assert!(size_of_log(&server) > 0, "what the reader hinders is still in the log");
    drop(reader);
    server.run();
    assert!(server.api().exchange(&pair).await.status.is_success(), "nothing is lost");
}

/// A small file system in memory.
pub(crate) struct SmallDisk(pub(crate) PathBuf);

impl SmallDisk {
    pub(crate) fn mount(place: PathBuf, size: &str) -> Self {
        fs::create_dir_all(&place).unwrap();
        let options = format!("size={size},mode=700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "duku-test"]).arg(&place);
        assert!(mount.status().unwrap().success(), "this test mounts a small disk: run it as root");
        Self(place)
    }

    pub(crate) fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_on_a_full_disk_ends_says_so_and_loses_nothing() {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let disk = SmallDisk::mount(dir.path().join("data"), "16m");
    let settings = [("DUKU_DATA_DIR", disk.0.to_str().unwrap())];
    let mut server = Server::start_with(Database::Sqlite, &settings);
    server.make_acme();
    let pair = server.generate("CI");
    // The log gets pages that the file will have no room for.
    let database = database_in(&disk.0);
    database.sql("CREATE TABLE padding (text TEXT); INSERT INTO padding VALUES (hex(zeroblob(50000)))").await;
    let written = std::iter::repeat_n((), 20_000).map(|()| {
        let filler = fs::File::options().create(true).append(true).open(disk.0.join("filler")).unwrap();
        std::io::Write::write(&mut &filler, &[0; 4096])
    });
    assert!(written.into_iter().any(|write| write.is_err()), "the disk is full");
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    let log = fs::read_to_string(&server.log).unwrap();
    assert!(log.contains("could not be brought into the database file") && log.contains("full"), "{log}");
    disk.resize("64m");
    server.run();
    assert!(server.api().exchange(&pair).await.status.is_success());
    let length = database.number("SELECT length(text) FROM padding").await;
    assert_eq!(length, 100_000, "nothing is lost");
}
