//! What operators rely on: the audit log, signing keys, notices, starting.

mod audit;
mod notices;
mod secrecy;
mod settings;
mod signing;
mod starting;
mod tampering;
