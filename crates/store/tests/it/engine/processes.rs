//! Several processes on one SQLite file. The others are this test binary, started again to play a part.

use crate::data::{Fresh, NOW, open, organisation};
use std::process::{Child, Command, Stdio};
use store::{Location, Options, Store};
use testkit::{Database, Engine};

/// Names the file that a child works on.
const URL: &str = "DUKU_STORE_TEST_CHILD_URL";

/// Starts this binary again with nothing to run but `part`.
fn start(part: &str, database: &Database) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("engine::processes::{part}"), "--ignored", "--nocapture"])
        .env(URL, &database.url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

async fn store_of_the_child() -> Store {
    let url = std::env::var(URL).expect("only another test starts this one");
    Store::open(&Options::new(Location::parse(&url).unwrap())).await.unwrap()
}

/// With another id than any of the other processes, which draw the same random numbers.
fn organisation_of_the_child(name: &str, number: i64) -> domain::Organisation {
    let process = domain::Timestamp::from_ms(NOW.ms() + i64::from(std::process::id()) * 1000 + number);
    let id = domain::OrganisationId::generate(process, &testkit::SeededEntropy::new(1));
    domain::Organisation { id, ..organisation(name) }
}

#[tokio::test]
#[ignore = "a part that other tests start in a process of its own"]
async fn add_ten_organisations() {
    let store = store_of_the_child().await;
    for number in 0..10 {
        let mut transaction = store.begin().await.unwrap();
        let name = format!("{} of {}", number, std::process::id());
        transaction.insert_organisation(&organisation_of_the_child(&name, number)).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "a part that other tests start in a process of its own"]
async fn die_with_one_transaction_committed_and_one_open() {
    let store = store_of_the_child().await;
    let mut transaction = store.begin().await.unwrap();
    transaction.insert_organisation(&organisation_of_the_child("Acknowledged", 1)).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.insert_organisation(&organisation_of_the_child("Never committed", 2)).await.unwrap();
    // Killed: no destructor runs, nothing is flushed on the way out.
    Command::new("kill").args(["-9", &std::process::id().to_string()]).status().unwrap();
    std::thread::sleep(std::time::Duration::from_mins(1));
}

#[tokio::test]
async fn four_processes_open_fresh_data_and_write_at_once() {
    let database = Database::fresh(Engine::Sqlite).await;
    let children: Vec<_> = (0..4).map(|_| start("add_ten_organisations", &database)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = open(&database).await.unwrap();
    let organisations = store.reader().await.unwrap().organisations(None, 100).await.unwrap();
    assert_eq!(organisations.len(), 40);
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_had_acknowledged() {
    let fresh = Fresh::on(Engine::Sqlite).await;
    let status = start("die_with_one_transaction_committed_and_one_open", &fresh.database).wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    let organisations = fresh.read().await.organisations(None, 100).await.unwrap();
    let names: Vec<_> = organisations.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["Acknowledged"]);
    // Its lock died with it.
    fresh.organisation("Next").await;
}
