//! The settings: are they known, safe where they lie, and do they fit together?

use super::Findings;
use crate::{
    app,
    settings::{Settings, Urls, VARIABLES},
};
use std::{
    net::{IpAddr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use url::Url;

/// Variables that are no settings: secrets, and what commands for clients read.
const OTHER_VARIABLES: [&str; 8] = [
    "DUKU_CONFIG",
    "DUKU_MASTER_KEY",
    "DUKU_SMTP_PASSWORD",
    "DUKU_URL",
    "DUKU_CLIENT_ID",
    "DUKU_CLIENT_SECRET",
    "DUKU_API_KEY",
    "DUKU_CREDENTIALS_FILE",
];

pub(super) fn check(findings: &mut Findings, settings: &Settings, config: Option<&Path>) {
    match config {
        Some(file) => {
            findings.ok("configuration", format!("{} is read", file.display()));
            check_file(findings, file);
        }
        None => findings.ok("configuration", "no file: flags, environment and defaults"),
    }
    let unknown: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("DUKU_") && !is_known(name))
        .collect();
    if !unknown.is_empty() {
        findings.warn(
            "configuration",
            format!("nothing reads {} of the environment", unknown.join(", ")),
            "look for a slip of the pen: `duku help settings` lists every setting",
        );
    }
    check_urls(findings, settings);
    check_proxies(findings, settings);
}

fn is_known(name: &str) -> bool {
    let for_development = name.starts_with("DUKU_TEST_") || name.starts_with("DUKU_BENCH_");
    for_development || VARIABLES.contains(&name) || OTHER_VARIABLES.contains(&name)
}

/// A file with a password in one of its URLs is as good as the password.
fn check_file(findings: &mut Findings, file: &Path) {
    let readable = std::fs::metadata(file).is_ok_and(|file| file.permissions().mode() & 0o004 != 0);
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let has_password =
        text.split(['"', '\'']).filter_map(|part| Url::parse(part).ok()).any(|url| url.password().is_some());
    if readable && has_password {
        findings.warn(
            "configuration",
            format!("{} holds a password and everyone on this machine can read it", file.display()),
            format!("chmod 640 {0}, and chgrp it to the server's group", file.display()),
        );
    }
}

/// Where the server would listen, as far as the setting says.
fn listening(settings: &Settings) -> SocketAddr {
    settings.listen.parse().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 8080)))
}

fn check_urls(findings: &mut Findings, settings: &Settings) {
    let address = listening(settings);
    let urls = match Urls::resolve(settings, address).and_then(|urls| settings.policy(&urls).map(|_| urls)) {
        Ok(urls) => urls,
        Err(error) => return findings.fail("urls", error.to_string(), "correct the setting"),
    };
    if let Err(error) = settings.documentation(&urls) {
        findings.fail("documentation", error.to_string(), "correct the setting, or what the lines name");
    }
    if !Urls::are_set(settings) && !address.ip().is_loopback() {
        return findings.warn(
            "urls",
            format!("the server listens on {address} for others, and calls itself {}", urls.platform),
            "set --public-url to the URL that others reach it at: it stands in every token and link",
        );
    }
    let open: Vec<&str> = [&urls.auth, &urls.platform, &urls.viewport]
        .into_iter()
        .filter(|url| is_unprotected(url))
        .map(String::as_str)
        .collect();
    match open.first() {
        Some(url) => findings.warn(
            "urls",
            format!("secrets and passwords travel unprotected to {url}"),
            "put a proxy with TLS in front and set --public-url to its https:// URL",
        ),
        None => findings.ok(
            "urls",
            format!("tokens from {}, API at {}, Viewport at {}", urls.auth, urls.platform, urls.viewport),
        ),
    }
}

/// Plain http is for this machine only.
fn is_unprotected(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let local = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => true,
    };
    url.scheme() == "http" && !local
}

fn check_proxies(findings: &mut Findings, settings: &Settings) {
    if let Err(error) = app::trusted_proxies(settings) {
        return findings.fail("proxies", error.to_string(), "name addresses and networks, like 10.0.0.0/8");
    }
    let given = [
        &settings.public_url,
        &settings.platform_url,
        &settings.auth_url,
        &settings.viewport_url,
        &settings.docs_url,
    ];
    let https = given.into_iter().flatten().any(|url| url.starts_with("https:"));
    let everyone = |entry: &String| entry.trim().ends_with("/0");
    match &*settings.trusted_proxies {
        [] if https => findings.warn(
            "proxies",
            "the URLs are https and no proxy is trusted: every client seems to have the proxy's address, so failures of one count against all",
            "set --trusted-proxies to the address or network of the proxy that ends TLS",
        ),
        [] => findings.ok("proxies", "none is trusted: a client's address is that of its connection"),
        some if some.iter().any(everyone) => findings.warn(
            "proxies",
            "everybody is trusted to name the client's address, so a stranger can choose the one that is limited and audited",
            "set --trusted-proxies to the proxy's own address or network",
        ),
        some => findings.ok("proxies", format!("{} may name the client's address", some.join(", "))),
    }
    let wide = |ip: IpAddr| !ip.is_loopback();
    let metrics = settings.metrics_listen.as_ref().and_then(|listen| listen.parse::<SocketAddr>().ok());
    if metrics.is_some_and(|address| wide(address.ip()) && address.port() == listening(settings).port()) {
        findings.fail(
            "configuration",
            "--listen and --metrics-listen have the same port",
            "give /metrics a port of its own",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_good_for_this_machine_alone() {
        for url in [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://auth.localhost:1",
            "http://[::1]",
            "https://x.org",
        ] {
            assert!(!is_unprotected(url), "{url}");
        }
        assert!(is_unprotected("http://10.0.0.1") && is_unprotected("http://platform.example.org"));
    }

    #[test]
    fn settings_and_secrets_are_known_and_slips_are_not() {
        assert!(is_known("DUKU_LISTEN") && is_known("DUKU_MASTER_KEY") && !is_known("DUKU_LISEN"));
    }
}
