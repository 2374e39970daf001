//! How people sign in, and what they manage.

pub(crate) mod browser;
mod codes;
mod current_user;
mod devices;
mod invitations;
mod mail;
#[cfg(feature = "passkeys")]
mod passkeys;
mod passwords;
mod people;
mod second_factors;
mod sessions;
mod setup;
mod sign_in;
