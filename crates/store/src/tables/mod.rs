//! What is stored: for each table its statements, its rows, and who may write them. Nothing here knows an engine.

pub(crate) mod audit;
pub(crate) mod authority;
pub(crate) mod cleaning;
pub(crate) mod keys;
pub(crate) mod mails;
pub(crate) mod meta;
pub(crate) mod organisations;
pub(crate) mod products;
pub(crate) mod users;
