//! Configuration: TOML that becomes settings, and the URLs, networks and times in it.

use duku::{
    app,
    cli::durations,
    settings::{GivenSettings, MailServer, Settings, Urls, base_url},
};
use std::net::SocketAddr;

/// Panics if settings that were accepted are outside their ranges, a URL is not in its final spelling, or a message holds a password.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for line in text.lines().take(20) {
        a_url_is_read_once(line);
        a_time_is_what_it_says(line);
    }
    let Ok(mut given) = toml::from_str::<GivenSettings>(text) else { return };
    // Files that the input names are none of its business here.
    given.smtp_password_file = None;
    let urls = (given.database_url.clone(), given.smtp_url.clone());
    match given.resolve(None) {
        Ok(settings) => {
            let secrets =
                [urls.0, urls.1].into_iter().flatten().filter_map(|url| password_of(&url)).collect();
            sound(&settings, &Secrets(secrets));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

struct Secrets(Vec<String>);

impl Secrets {
    fn are_not_in(&self, message: &str) {
        for secret in &self.0 {
            assert!(!message.contains(secret), "a message holds a password: {message}");
        }
    }
}

/// A password in a URL, if it is long enough not to stand in a message by accident.
fn password_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    url.password().filter(|password| password.len() >= 12).map(ToOwned::to_owned)
}

fn sound(settings: &Settings, secrets: &Secrets) {
    assert!((1..=10_000).contains(&settings.active_keys) && (1..=10_000).contains(&settings.page_maximum));
    assert!((10..=86_400).contains(&settings.token_lifetime_seconds));
    assert!(!settings.realm.is_empty() && !settings.realm.contains('/'));
    match Urls::resolve(settings, SocketAddr::from(([127, 0, 0, 1], 8080))) {
        Ok(urls) => {
            for url in [&urls.auth, &urls.platform, &urls.viewport] {
                assert_eq!(base_url("--public-url", url).unwrap(), *url);
            }
            assert_eq!(urls.issuer("duku"), format!("{}/realms/duku", urls.auth));
            match settings.policy(&urls) {
                Ok(policy) => assert!(policy.signing_key_lifetime_seconds > 0),
                Err(error) => secrets.are_not_in(&error.to_string()),
            }
        }
        Err(error) => secrets.are_not_in(&error.to_string()),
    }
    match settings.store_options() {
        Ok(options) => secrets.are_not_in(&format!("{:?}", options.location)),
        Err(error) => secrets.are_not_in(&error.to_string()),
    }
    match MailServer::resolve(settings) {
        Ok(server) => secrets.are_not_in(&format!("{server:?}")),
        Err(error) => secrets.are_not_in(&error.to_string()),
    }
    if let Err(error) = app::trusted_proxies(settings) {
        secrets.are_not_in(&error.to_string());
    }
}

fn a_url_is_read_once(line: &str) {
    if let Ok(url) = base_url("--public-url", line) {
        assert!(!url.ends_with('/') && !url.contains(['?', '#', '@']), "{url}");
        assert_eq!(base_url("--public-url", &url).unwrap(), url, "{line}");
    }
}

fn a_time_is_what_it_says(line: &str) {
    if let Ok(seconds) = durations::seconds(line) {
        assert_eq!(durations::seconds(&format!("{seconds}s")), Ok(seconds), "{line}");
    }
    if let Ok(days) = durations::days(line) {
        assert_eq!(durations::days(&format!("{days}d")), Ok(days), "{line}");
    }
}
