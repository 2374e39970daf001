//! Which mail server takes the mails, and in whose name they are.

use super::Settings;
use crate::{cli::secrets, command_error::CommandError};
use lettre::message::Mailbox;
use std::{fmt, time::Duration};
use url::{Host, Url, form_urlencoded};
use zeroize::Zeroizing;

const VARIABLE: &str = "DUKU_SMTP_PASSWORD";

/// How the way to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// `smtp://`: a plain start, then STARTTLS or nothing (RFC 3207).
    StartTls,
    /// `smtps://`: TLS from the first byte (RFC 8314 §3.3).
    Tls,
    /// `smtp+insecure://`: none, for a relay on this machine and for tests.
    None,
}

/// A mail server and what is needed to use it.
#[derive(Clone)]
pub struct MailServer {
    /// Its host name or address, as it stands in the URL.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub protection: Protection,
    /// Who signs in there, if anyone has to.
    pub login: Option<(String, Zeroizing<String>)>,
    /// In whose name mails are.
    pub from: Mailbox,
    /// How long one mail may take in all.
    pub timeout: Duration,
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailServer({}:{}, {:?})", self.host, self.port, self.protection)
    }
}

/// What `--smtp-url` says.
struct Address {
    host: String,
    port: u16,
    is_loopback: bool,
    protection: Protection,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
}

impl MailServer {
    /// The mail server of the settings; nothing if they name none.
    ///
    /// # Errors
    /// The URL, the sender or the password is missing or wrong. No message holds a password.
    pub fn resolve(settings: &Settings) -> Result<Option<Self>, CommandError> {
        let from_environment = std::env::var(VARIABLE).ok().filter(|password| !password.is_empty());
        Self::resolve_with(settings, from_environment.map(Zeroizing::new))
    }

    pub(crate) fn resolve_with(
        settings: &Settings,
        from_environment: Option<Zeroizing<String>>,
    ) -> Result<Option<Self>, CommandError> {
        let Some((address, from)) = parse(settings)? else { return Ok(None) };
        let password = match (from_environment, &settings.smtp_password_file) {
            (Some(password), _) => Some(password),
            (None, Some(file)) => Some(secrets::read(file)?),
            (None, None) => address.password,
        };
        let login = match (address.user, password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(user), None) => {
                return Err(CommandError::new(format!(
                    "--smtp-url names the user {user} and there is no password: set {VARIABLE}, or name a file with --smtp-password-file"
                )));
            }
            (None, Some(_)) => {
                return Err(CommandError::new(
                    "there is a password for the mail server and no user: write it into --smtp-url, like smtp://user@mail.example.org:587",
                ));
            }
        };
        if login.is_some() && address.protection == Protection::None && !address.is_loopback {
            return Err(CommandError::new(
                "--smtp-url would send the password over the network unprotected: write smtp:// or smtps:// instead of smtp+insecure://",
            ));
        }
        let Address { host, port, protection, .. } = address;
        let timeout = Duration::from_secs(settings.mail_timeout_seconds);
        Ok(Some(Self { host, port, protection, login, from, timeout }))
    }
}

/// Checks all that needs no password, so that every command names a mistake.
pub(super) fn check(settings: &Settings) -> Result<(), CommandError> {
    parse(settings).map(drop)
}

fn parse(settings: &Settings) -> Result<Option<(Address, Mailbox)>, CommandError> {
    let Some(url) = &settings.smtp_url else { return Ok(None) };
    let address = address(url).ok_or_else(|| {
        CommandError::new(
            "--smtp-url must be a URL like smtp://user@mail.example.org:587 (STARTTLS), smtps://user@mail.example.org:465 or, \
             for a relay on this machine, smtp+insecure://127.0.0.1:25",
        )
    })?;
    let from = settings.mail_from.as_deref().unwrap_or_default().parse().map_err(|_| {
        CommandError::new(
            "--mail-from must say in whose name mails are, like \"Duku <duku@example.org>\"; --smtp-url needs it",
        )
    })?;
    Ok(Some((address, from)))
}

fn address(text: &str) -> Option<Address> {
    let url = Url::parse(text).ok()?;
    let (protection, usual_port) = match url.scheme() {
        "smtp" => (Protection::StartTls, 587),
        "smtps" => (Protection::Tls, 465),
        "smtp+insecure" => (Protection::None, 25),
        _ => return None,
    };
    let nothing_more = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let host = url.host_str().filter(|host| !host.is_empty() && nothing_more)?;
    let is_loopback = match (url.host()?, host.parse::<std::net::IpAddr>()) {
        (Host::Ipv4(ip), _) => ip.is_loopback(),
        (Host::Ipv6(ip), _) => ip.is_loopback(),
        // The parser only recognises addresses of 4 numbers where it knows the scheme.
        (Host::Domain(_), Ok(ip)) => ip.is_loopback(),
        (Host::Domain(name), Err(_)) => name == "localhost",
    };
    Some(Address {
        // TLS and the resolver want an IPv6 address without its brackets.
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: url.port().unwrap_or(usual_port),
        is_loopback,
        protection,
        user: Some(percent_decoded(url.username())).filter(|user| !user.is_empty()),
        password: url.password().map(|password| Zeroizing::new(percent_decoded(password))),
    })
}

/// Undoes percent-encoding (RFC 3986 §2.1), where unlike in a form `+` and `&` are themselves.
fn percent_decoded(text: &str) -> String {
    let text = Zeroizing::new(text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D"));
    form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::GivenSettings;

    fn settings(url: &str, from: &str) -> Result<Settings, CommandError> {
        let given = GivenSettings {
            smtp_url: Some(url.to_owned()),
            mail_from: Some(from.to_owned()),
            ..GivenSettings::default()
        };
        given.resolve(None)
    }

    fn resolve(url: &str, password: Option<&str>) -> Result<MailServer, String> {
        let settings = settings(url, "Duku <duku@example.org>").map_err(|error| error.to_string())?;
        let password = password.map(|text| Zeroizing::new(text.to_owned()));
        MailServer::resolve_with(&settings, password).map(Option::unwrap).map_err(|error| error.to_string())
    }

    #[test]
    fn every_scheme_has_its_protection_and_port() {
        let cases = [
            ("smtp://mail.example.org", "mail.example.org", Protection::StartTls, 587),
            ("smtps://mail.example.org/", "mail.example.org", Protection::Tls, 465),
            ("smtp+insecure://127.0.0.1", "127.0.0.1", Protection::None, 25),
            ("smtp+insecure://[::1]:2525", "::1", Protection::None, 2525),
        ];
        for (url, host, protection, port) in cases {
            let server = resolve(url, None).unwrap();
            assert_eq!((&*server.host, server.protection, server.port), (host, protection, port));
            assert!(server.login.is_none());
        }
    }

    #[test]
    fn a_login_is_the_urls_user_and_a_password_from_one_of_three_places() {
        let login = |url, password| resolve(url, password).unwrap().login.unwrap();
        let (user, password) = login("smtp://duku%40example.org@mail.example.org", Some("hunter2"));
        assert_eq!((&*user, &**password), ("duku@example.org", "hunter2"));
        let (_, password) = login("smtps://u:a+b%26c%3Dd&e%2F@mail.example.org", None);
        assert_eq!(&**password, "a+b&c=d&e/");
        assert!(login("smtp+insecure://u@localhost", Some("x")).1.as_str() == "x");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "from a file\n").unwrap();
        let settings = settings("smtp://u@mail.example.org", "duku@example.org").unwrap();
        let settings = Settings { smtp_password_file: Some(file), ..settings };
        let server = MailServer::resolve_with(&settings, None).unwrap().unwrap();
        assert_eq!(&**server.login.unwrap().1, "from a file");
    }

    #[test]
    fn mistakes_are_named_and_no_password_is_shown() {
        let cases = [
            ("mail.example.org", "--smtp-url must be"),
            ("http://u:hunter2@mail.example.org", "--smtp-url must be"),
            ("smtp://u:hunter2@mail.example.org/path", "--smtp-url must be"),
            ("smtp://", "--smtp-url must be"),
            ("smtp://u@mail.example.org", "DUKU_SMTP_PASSWORD"),
            ("smtp://:hunter2@mail.example.org", "no user"),
            ("smtp+insecure://u:hunter2@mail.example.org", "unprotected"),
        ];
        for (url, said) in cases {
            let error = resolve(url, None).unwrap_err();
            assert!(error.contains(said) && !error.contains("hunter2"), "{url}: {error}");
        }
        for from in ["", "Duku", "Duku <duku>", "a@b\r\nBcc: x@y"] {
            let error = settings("smtp://mail.example.org", from).unwrap_err().to_string();
            assert!(error.contains("--mail-from"), "{from:?}: {error}");
        }
        let server = resolve("smtp://u:hunter2@mail.example.org", None).unwrap();
        assert!(!format!("{server:?}").contains("hunter2"));
        let settings = settings("", "").unwrap();
        assert!(MailServer::resolve_with(&settings, None).unwrap().is_none());
    }
}
