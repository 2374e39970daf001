//! Users: who they are, where they are members, how they sign in, and what they are sent.

pub mod authorization_code;
pub mod device_grant;
pub mod invitation;
pub mod mail;
pub mod membership;
pub mod one_time_link;
pub mod passkey;
pub mod password;
pub mod second_factor;
pub mod session;
pub mod user;

#[cfg(test)]
mod tests;
