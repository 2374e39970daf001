//! The URLs that the installation is reached at: they decide the issuer, the audience and every link.

use super::Settings;
use crate::command_error::CommandError;
use std::net::SocketAddr;
use url::Url;

/// Base URLs without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// The authorization server's.
    pub auth: String,
    /// The GraphQL API's.
    pub platform: String,
    /// Viewport's.
    pub viewport: String,
}

impl Urls {
    /// The URLs that the settings say, or those of the listening address.
    pub fn resolve(settings: &Settings, listening: SocketAddr) -> Result<Self, CommandError> {
        let public = optional_base_url("--public-url", settings.public_url.as_ref())?
            .unwrap_or_else(|| local(listening));
        let platform = optional_base_url("--platform-url", settings.platform_url.as_ref())?.unwrap_or(public);
        let auth = optional_base_url("--auth-url", settings.auth_url.as_ref())?
            .unwrap_or_else(|| authorization_server_of(&platform));
        let viewport = optional_base_url("--viewport-url", settings.viewport_url.as_ref())?
            .unwrap_or_else(|| viewport_of(&platform));
        Ok(Self { auth, platform, viewport })
    }

    /// Whether the settings name the URLs, so that they do not depend on the listening address.
    pub fn are_set(settings: &Settings) -> bool {
        settings.public_url.is_some() || settings.platform_url.is_some()
    }

    /// `iss` of every token.
    pub fn issuer(&self, realm: &str) -> String {
        format!("{}/realms/{realm}", self.auth)
    }

    /// `aud` of every token: the API's own URL.
    pub fn audience(&self) -> String {
        format!("{}/graphql", self.platform)
    }
}

/// Where clients look for the authorization server of an API: the same origin, but `auth.` instead of `platform.`.
pub fn authorization_server_of(platform: &str) -> String {
    sibling(platform, "auth")
}

/// Where people look for the dashboard of an API: the same origin, but `viewport.` instead of `platform.`.
pub fn viewport_of(platform: &str) -> String {
    sibling(platform, "viewport")
}

/// The origin of another surface: a host that begins with `platform.` begins with its name instead, any other serves it too.
fn sibling(platform: &str, surface: &str) -> String {
    match platform.split_once("://platform.") {
        Some((scheme, rest)) => format!("{scheme}://{surface}.{rest}"),
        None => platform.to_owned(),
    }
}

/// Where the authorization server at `auth` exchanges keys for tokens.
pub fn token_endpoint(auth: &str, realm: &str) -> String {
    format!("{auth}/realms/{realm}/protocol/openid-connect/token")
}

/// The URL under which this machine reaches a listening address.
fn local(listening: SocketAddr) -> String {
    let port = listening.port();
    match listening.ip() {
        ip if ip.is_unspecified() => format!("http://127.0.0.1:{port}"),
        ip if ip.is_ipv6() => format!("http://[{ip}]:{port}"),
        ip => format!("http://{ip}:{port}"),
    }
}

/// A setting that is a base URL, if it was given.
pub(super) fn optional_base_url(name: &str, given: Option<&String>) -> Result<Option<String>, CommandError> {
    given.map(|url| base_url(name, url)).transpose()
}

/// A base URL without a slash at the end, in the parser's spelling.
///
/// # Errors
/// It is no `http` or `https` URL, or more than scheme, host and port; the message begins with `name`.
pub fn base_url(name: &str, text: &str) -> Result<String, CommandError> {
    let rejection = || {
        CommandError::new(format!("{name} must be a URL without a path, like https://platform.example.org"))
    };
    let url = Url::parse(text).map_err(|_| rejection())?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && anonymous;
    if !plain || !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(rejection());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorization_server_is_found_from_the_api() {
        assert_eq!(authorization_server_of("https://platform.duku.ai"), "https://auth.duku.ai");
        assert_eq!(authorization_server_of("https://platform.duku.ai:8443"), "https://auth.duku.ai:8443");
        assert_eq!(authorization_server_of("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(authorization_server_of("https://my.platform.org"), "https://my.platform.org");
    }

    #[test]
    fn viewport_is_found_from_the_api_unless_it_is_named() {
        assert_eq!(viewport_of("https://platform.duku.ai:8443"), "https://viewport.duku.ai:8443");
        assert_eq!(viewport_of("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        let given = crate::settings::GivenSettings {
            public_url: Some("https://platform.duku.ai".to_owned()),
            ..Default::default()
        };
        let mut settings = given.resolve(None).unwrap();
        let listening = "127.0.0.1:1".parse().unwrap();
        assert_eq!(Urls::resolve(&settings, listening).unwrap().viewport, "https://viewport.duku.ai");
        settings.viewport_url = Some("https://duku.example/".to_owned());
        assert_eq!(Urls::resolve(&settings, listening).unwrap().viewport, "https://duku.example");
        settings.viewport_url = Some("https://duku.example/app".to_owned());
        assert!(Urls::resolve(&settings, listening).unwrap_err().to_string().contains("--viewport-url"));
    }

    #[test]
    fn base_urls_have_no_path_and_no_slash() {
        assert_eq!(base_url("--public-url", "https://x.org/").unwrap(), "https://x.org");
        for bad in [
            "",
            "x.org",
            "ftp://x.org",
            "https://x.org/a",
            "https://u@x.org",
            "https://:p@x.org",
            "https://x.org?a",
        ] {
            assert!(base_url("--public-url", bad).is_err(), "{bad}");
        }
        assert_eq!(local("[::]:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(local("[::1]:80".parse().unwrap()), "http://[::1]:80");
    }
}
