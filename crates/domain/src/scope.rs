//! OAuth2 scopes (RFC 6749 §3.3).
//!
//! A token without a platform scope may do all that its holder may. Naming `platform:read` alone narrows it
//! to reading, so a pipeline that only looks can ask for a token that cannot change anything.

use std::fmt;

/// One scope that the authorization server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `openid`: the default, what the documentation's example asks for.
    OpenId,
    /// `platform:read`: view products and targets.
    PlatformRead,
    /// `platform:write`: change products and targets; implies reading.
    PlatformWrite,
}

impl Scope {
    /// Every scope, in the order in which answers name them.
    pub const ALL: [Self; 3] = [Self::OpenId, Self::PlatformRead, Self::PlatformWrite];

    /// The scope's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::PlatformRead => "platform:read",
            Self::PlatformWrite => "platform:write",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::OpenId => 1,
            Self::PlatformRead => 2,
            Self::PlatformWrite => 4,
        }
    }
}

/// A set of scopes, as a token carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeSet(u8);

/// A scope that the server does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScope(pub String);

impl ScopeSet {
    /// What a request without `scope` gets.
    pub const DEFAULT: Self = Self(Scope::OpenId.bit());

    /// Reads a `scope` parameter; empty means the default.
    ///
    /// # Errors
    /// The first name that is not a known scope.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        let mut set = Self(0);
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            match Scope::ALL.into_iter().find(|scope| scope.as_str() == name) {
                Some(scope) => set.0 |= scope.bit(),
                None => return Err(UnknownScope(name.to_owned())),
            }
        }
        Ok(if set.0 == 0 { Self::DEFAULT } else { set })
    }

    /// Whether `scope` is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the token may change things: it names no platform scope at all, or `platform:write`.
    pub const fn permits_changes(self) -> bool {
        self.contains(Scope::PlatformWrite) || !self.contains(Scope::PlatformRead)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for scope in Scope::ALL.into_iter().filter(|scope| self.contains(*scope)) {
            write!(f, "{separator}{}", scope.as_str())?;
            separator = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_once_each_and_named_in_order() {
        assert_eq!(ScopeSet::parse("").unwrap().to_string(), "openid");
        assert_eq!(
            ScopeSet::parse("platform:read  openid openid").unwrap().to_string(),
            "openid platform:read"
        );
        assert_eq!(ScopeSet::parse("openid admin"), Err(UnknownScope("admin".into())));
        assert!(ScopeSet::parse("openid\tplatform:read").is_err());
    }

    #[test]
    fn only_a_token_that_asked_to_read_is_kept_from_writing() {
        assert!(ScopeSet::DEFAULT.permits_changes());
        assert!(!ScopeSet::parse("platform:read").unwrap().permits_changes());
        assert!(ScopeSet::parse("platform:read platform:write").unwrap().permits_changes());
    }
}
