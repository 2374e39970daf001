//! What runs an installation: mail, cleaning, backups, the first start, witnesses of the audit log, and the clock.

pub mod audit_witness;
pub mod backups;
pub(crate) mod clock;
pub mod mail;
pub mod maintenance;
pub mod setup;
