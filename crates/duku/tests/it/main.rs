//! The product as its users meet it: over HTTP and on the command line, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod app;
mod attacks;
mod backups;
mod browser;
mod cli;
mod deploy;
mod doctor;
mod faults;
mod integrations;
mod life;
mod oauth;
mod pages;
mod people;
mod person;
mod references;
mod server;
mod sign_in;
mod snippets;

/// Makes two tests of `async fn name(engine: Engine)`: `name::sqlite` and `name::postgres`.
macro_rules! on_both {
    ($($name:ident)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(testkit::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(testkit::Engine::Postgres).await;
            }
        }
    )*};
}
use on_both;
