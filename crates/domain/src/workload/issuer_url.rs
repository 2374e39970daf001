//! The URL that names an issuer.

use super::is_public_address;
use crate::Invalid;
use std::{fmt, net::IpAddr};
use url::{Host, Url};

const FIELD: &str = "issuer";
const EXAMPLE: &str = "write the issuer as its tokens have it in `iss`, like https://gitlab.example.com";

/// An issuer's URL (OpenID Connect Discovery 1.0 §4.3): `https`, kept byte for byte, because a token's `iss` must equal it so.
///
/// It may have a path, also one that ends in a slash, and a port, which instances inside a company have. What the name resolves to is
/// judged when it is fetched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerUrl(String);

impl IssuerUrl {
    /// The most bytes that it may have.
    pub const MAXIMUM: usize = 512;

    /// Checks what a person typed. Nothing is trimmed or normalised.
    ///
    /// # Errors
    /// Not `https`; no host; a user name, query or fragment; blanks, control characters or others outside ASCII; a host with upper
    /// case; an address that is not public; anything that a URL parser would rewrite (`/../`, `\`, `https:host`); or too long.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let reject = |message: String| Err(Invalid::new(FIELD, message));
        if text.len() > Self::MAXIMUM {
            return reject(format!("write at most {} bytes; it has {}", Self::MAXIMUM, text.len()));
        }
        if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return reject(format!(
                "remove the character U+{:04X}: an issuer has neither blanks nor characters outside ASCII",
                u32::from(c)
            ));
        }
        let Some(rest) = text.strip_prefix("https://") else {
            return reject(format!("begin with https://; {EXAMPLE}"));
        };
        if text.contains(['?', '#']) {
            return reject(format!("remove the query and the fragment; {EXAMPLE}"));
        }
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.contains('@') {
            return reject("remove the user name and password from the URL".to_owned());
        }
        if authority.contains(|c: char| c.is_ascii_uppercase()) {
            return reject("write the host in lower case, as the issuer's tokens have it".to_owned());
        }
        let Ok(url) = Url::parse(text) else { return reject(EXAMPLE.to_owned()) };
        if !is_as_parsed(text, authority, &url) || url.port() == Some(0) {
            return reject(format!(
                "write it as a browser would show it, without `..` or characters that must be encoded; {EXAMPLE}"
            ));
        }
        match url.host() {
            Some(Host::Domain(name)) if is_name(name) => Ok(Self(text.to_owned())),
            Some(Host::Ipv4(address)) if is_public_address(IpAddr::V4(address)) => Ok(Self(text.to_owned())),
            Some(Host::Ipv6(address)) if is_public_address(IpAddr::V6(address)) => Ok(Self(text.to_owned())),
            Some(Host::Domain(_)) | None => reject(format!("write a host that exists; {EXAMPLE}")),
            Some(_) => reject("write the issuer's name instead of an address that is not public".to_owned()),
        }
    }

    /// The URL, byte for byte as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host with its port, like `gitlab.example.com:8443`.
    pub fn authority(&self) -> &str {
        self.parts().0
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        let without_port = authority.trim_end_matches(|c: char| c.is_ascii_digit());
        without_port.strip_suffix(':').filter(|_| without_port != authority).unwrap_or(authority)
    }

    /// What follows the host: empty, or text that begins with a slash.
    pub fn path(&self) -> &str {
        self.parts().1
    }

    /// Where its discovery document is (OpenID Connect Discovery 1.0 §4): a slash at the end of the issuer is taken off first.
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.0.strip_suffix('/').unwrap_or(&self.0))
    }

    fn parts(&self) -> (&str, &str) {
        let rest = self.0.strip_prefix("https://").unwrap_or(&self.0);
        rest.split_at(rest.find('/').unwrap_or(rest.len()))
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for IssuerUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for IssuerUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Whether the parser changed nothing but the slash after a bare host and the port that goes without saying.
fn is_as_parsed(text: &str, authority: &str, url: &Url) -> bool {
    let path = text.get("https://".len() + authority.len()..).unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    let authority = authority.strip_suffix(":443").unwrap_or(authority);
    url.as_str() == format!("https://{authority}{path}")
}

/// Whether `name` is a host name: letters, digits, hyphens and underscores between dots, none of which is empty.
fn is_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn issuers_are_kept_byte_for_byte() {
        for text in [
            "https://token.actions.githubusercontent.com",
            "https://github.example.com/_services/token",
            "https://oidc.circleci.com/org/a64b0a19-f221-4291-b000-8d24bd842b72",
            "https://westeurope.oic.prod-aks.azure.com/aaaa/bbbb/",
            "https://gitlab.example.com:8443/gitlab",
            "https://kubernetes.default.svc:443",
            "https://xn--mnchen-3ya.example",
            "https://localhost:8443",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]:8443/x",
        ] {
            assert_eq!(IssuerUrl::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_issuer_that_could_be_read_in_two_ways_is_rejected_with_advice() {
        for (text, advice) in [
            ("", "https://"),
            ("http://gitlab.example.com", "https://"),
            ("HTTPS://gitlab.example.com", "https://"),
            ("https:gitlab.example.com", "https://"),
            ("gitlab.example.com", "https://"),
            ("https://", "iss"),
            ("https:///path", "iss"),
            ("https://u:p@gitlab.example.com", "user name"),
            ("https://gitlab.example.com@evil.example", "user name"),
            ("https://gitlab.example.com?x", "query"),
            ("https://gitlab.example.com/#x", "fragment"),
            (" https://gitlab.example.com", "U+0020"),
            ("https://gitlab.example.com\n", "U+000A"),
            ("https://gitlab.example.com/\u{202E}", "U+202E"),
            ("https://münchen.example", "U+00FC"),
            ("https://GitLab.example.com", "lower case"),
            ("https://gitlab.example.com/a/../b", "browser"),
            ("https://gitlab.example.com\\evil", "browser"),
            ("https://gitlab.example.com/a\\b", "browser"),
            ("https://gitlab.example.com/\"", "browser"),
            ("https://gitlab.example.com:0", "browser"),
            ("https://gitlab.example.com:08443", "browser"),
            ("https://gitlab.example.com:99999", "iss"),
            ("https://gitlab.example.com.", "host"),
            ("https://a..b", "host"),
            ("https://127.0.0.1", "not public"),
            ("https://10.0.0.1:8443/x", "not public"),
            ("https://169.254.169.254/latest", "not public"),
            ("https://0x7f000001", "browser"),
            ("https://2130706433", "browser"),
            ("https://[::1]", "not public"),
            ("https://[::ffff:8.8.8.8]", "browser"),
            ("https://[::ffff:808:808]", "not public"),
            ("https://[fe80::1]", "not public"),
        ] {
            let rejection = IssuerUrl::parse(text).unwrap_err();
            assert_eq!(rejection.field, "issuer");
            assert!(rejection.message.contains(advice), "{text:?} gave {rejection}");
        }
        let long = format!("https://gitlab.example.com/{}", "a".repeat(IssuerUrl::MAXIMUM));
        assert!(IssuerUrl::parse(&long).unwrap_err().message.contains("512"));
    }

    #[test]
    fn parts_are_told_apart() {
        for (text, authority, host, path) in [
            ("https://a.example", "a.example", "a.example", ""),
            ("https://a.example:8443/b/c", "a.example:8443", "a.example", "/b/c"),
            ("https://[2606:4700::1111]/", "[2606:4700::1111]", "[2606:4700::1111]", "/"),
            ("https://[2606:4700::1111]:8443", "[2606:4700::1111]:8443", "[2606:4700::1111]", ""),
            ("https://8.8.8.8/x", "8.8.8.8", "8.8.8.8", "/x"),
            ("https://node1", "node1", "node1", ""),
        ] {
            let issuer = IssuerUrl::parse(text).unwrap();
            assert_eq!((issuer.authority(), issuer.host(), issuer.path()), (authority, host, path));
        }
        let slash = IssuerUrl::parse("https://a.example/b/").unwrap();
        assert_eq!(slash.discovery_url(), "https://a.example/b/.well-known/openid-configuration");
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_what_a_url_parser_reads(text in "https://[a-z0-9.:@/\\\\\\[\\]%_-]{0,30}") {
            if let Ok(issuer) = IssuerUrl::parse(&text) {
                prop_assert_eq!(issuer.as_str(), &text);
                let url = Url::parse(&text).unwrap();
                prop_assert_eq!(url.host_str().unwrap(), issuer.host());
                prop_assert_eq!(url.path().trim_end_matches('/'), issuer.path().trim_end_matches('/'));
                prop_assert!(url.username().is_empty() && url.password().is_none());
            }
        }
    }
}
