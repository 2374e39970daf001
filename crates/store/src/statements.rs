//! Every SQL text has a name and is listed, so that a test can prepare all of them on both engines.

/// Declares SQL texts as constants and lists them in `ALL`.
macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(pub(crate) const $name: &str = $sql;)*
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $sql)),*];
    };
}
pub(crate) use statements;

/// Every statement's name and text.
pub fn all_statements() -> Vec<(&'static str, &'static str)> {
    [
        crate::audit::ALL,
        crate::authority::USER_STATEMENTS,
        crate::authorization::ALL,
        crate::checkup::on_sqlite::ALL,
        crate::cleaning::ALL,
        crate::copies::ALL,
        crate::keys::ALL,
        crate::links::ALL,
        crate::mails::ALL,
        crate::members::ALL,
        crate::meta::ALL,
        crate::organisations::ALL,
        crate::passkeys::ALL,
        crate::products::ALL,
        crate::second_factors::ALL,
        crate::sessions::ALL,
        crate::signing_keys::ALL,
        crate::tokens::ALL,
        crate::usage::ALL,
    ]
    .concat()
}

/// The statements in a dialect of one engine: those that only PostgreSQL is sent, and the names of those that only SQLite is.
pub fn dialects() -> (Vec<(&'static str, &'static str)>, Vec<&'static str>) {
    let on_postgres = [
        crate::authority::ORGANISATION_LOCKS,
        crate::checkup::ALL,
        crate::postgres::lookups::ALL,
        crate::products::on_postgres::ALL,
    ]
    .concat();
    let differing = [crate::checkup::on_sqlite::ALL, crate::products::on_postgres::ALL].concat();
    let on_sqlite = differing.iter().map(|(name, _)| *name).collect();
    (on_postgres, on_sqlite)
}
