//! API keys, their tokens and their use, and the keys that sign.

pub(crate) mod api_keys;
pub(crate) mod identities;
pub(crate) mod key_notices;
pub(crate) mod key_usage;
pub(crate) mod revoked_tokens;
pub(crate) mod sent_forms;
pub(crate) mod signing_keys;
