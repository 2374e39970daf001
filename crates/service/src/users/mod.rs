//! People: how they sign in, stay signed in, approve devices, and belong to organisations.

pub mod authorization_codes;
pub mod current_user;
pub mod devices;
pub mod invitations;
pub mod members;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod passwords;
pub mod second_factor;
pub mod sign_in;
