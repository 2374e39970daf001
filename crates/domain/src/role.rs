//! What a person is in an organisation.

use std::fmt;

words! {
    /// A user's role in one organisation. A new user is a Member.
    pub enum Role {
        /// Works with products and targets.
        Member = "member",
        /// Manages keys, people, settings and reads the audit log, besides.
        Admin = "admin",
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
