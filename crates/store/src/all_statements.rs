//! Every SQL text by its name, for the tests that prepare all of them on both engines.

/// Every statement's name and text.
pub fn all_statements() -> Vec<(&'static str, &'static str)> {
    [
        crate::tables::audit::ALL,
        crate::tables::authority::USER_STATEMENTS,
        crate::tables::users::authorization_grants::ALL,
        crate::health::on_sqlite::ALL,
        crate::tables::cleaning::ALL,
        crate::backups::ALL,
        crate::tables::keys::api_keys::ALL,
        crate::tables::keys::identities::ALL,
        crate::tables::users::links::ALL,
        crate::tables::mails::ALL,
        crate::tables::users::members::ALL,
        crate::tables::meta::ALL,
        crate::tables::organisations::ALL,
        crate::tables::users::passkeys::ALL,
        crate::tables::products::ALL,
        crate::tables::users::second_factors::ALL,
        crate::tables::users::sessions::ALL,
        crate::tables::keys::signing_keys::ALL,
        crate::tables::keys::revoked_tokens::ALL,
        crate::tables::keys::key_notices::ALL,
        crate::tables::keys::key_usage::ALL,
        crate::tables::keys::sent_forms::ALL,
    ]
    .concat()
}

/// The statements in a dialect of one engine: those that only PostgreSQL is sent, and the names of those that only SQLite is.
pub fn dialects() -> (Vec<(&'static str, &'static str)>, Vec<&'static str>) {
    let on_postgres = [
        crate::tables::authority::ORGANISATION_LOCKS,
        crate::health::ALL,
        crate::tables::keys::api_keys::on_postgres::ALL,
        crate::tables::keys::identities::on_postgres::ALL,
        crate::tables::products::on_postgres::ALL,
    ]
    .concat();
    let differing = [crate::health::on_sqlite::ALL, crate::tables::products::on_postgres::ALL].concat();
    let on_sqlite = differing.iter().map(|(name, _)| *name).collect();
    (on_postgres, on_sqlite)
}
