//! What an attacker tries: forged tokens, lost authority, any input, races.

mod access;
mod any_input;
mod corpus;
mod forged_tokens;
mod hosts;
mod lost_authority;
mod races;
mod secrecy;
