//! The product as its users meet it: over HTTP and on the command line, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod access;
mod any_input;
mod app;
mod backups;
mod browser;
mod clients;
mod command_line;
mod connections;
mod corpus;
mod crashes;
mod deploy;
mod doctor;
mod doctor_cures;
mod doctor_postgres;
mod doctor_settings;
mod forged_tokens;
mod hosts;
mod life;
mod login;
mod lost_authority;
mod missing_data;
mod operations;
mod page_sizes;
mod page_times;
mod people;
mod person;
mod protocol;
mod races;
mod references;
mod restored_graces;
mod secrecy;
mod server;
mod sign_in;
mod snippets;
mod stopping;
mod token_endpoint;
mod torture;

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
