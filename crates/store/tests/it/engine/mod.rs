//! What the engines promise: transactions, connections, migrations, files.

mod backups;
mod checkpoints;
mod connections;
mod files;
mod migrations;
mod poolers;
mod processes;
mod schema;
mod transactions;
mod writer;
