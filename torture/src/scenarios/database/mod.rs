//! The database fails, moves, waits or is migrated.

pub(super) mod failover;
pub(super) mod migrations;
pub(super) mod outages;
pub(super) mod slow_database;
