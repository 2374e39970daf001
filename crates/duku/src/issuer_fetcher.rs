//! Fetches issuers' documents: the only requests that this server makes to addresses that a user named.
//!
//! `https` alone, no redirects, no proxy, a short time, a small size, JSON alone, and nothing of ours in the request. A name is
//! resolved once, and the connection is made to an address that was checked: what a name resolves to afterwards changes nothing.

use crate::{command_error::CommandError, settings::Settings};
use domain::workload::is_public_address;
use reqwest::{
    Certificate, Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header, redirect,
};
use service::workloads::{FetchError, Fetched, IssuerFetcher};
use std::{collections::BTreeSet, net::IpAddr, pin::Pin, sync::Arc, time::Duration};
use url::{Host, Url};

/// How long one document may take, in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest document.
const MAXIMUM_BYTES: usize = 64 * 1024;

/// The fetcher of an installation.
pub(crate) struct GuardedFetcher {
    client: Client,
    inside: Arc<Inside>,
}

/// The hosts of issuers inside the network, which an operator allowed.
#[derive(Debug, Default)]
struct Inside(BTreeSet<String>);

impl Inside {
    fn allows(&self, host: &str, address: IpAddr) -> bool {
        is_public_address(address) || self.0.contains(host)
    }
}

/// Resolves a name to addresses that may be connected to. One that may not be makes the whole name fail: an issuer has no reason to
/// have both.
struct CheckedResolver(Arc<Inside>);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let inside = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let addresses: Vec<_> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if addresses.iter().all(|address| inside.allows(&host, address.ip())) {
                Ok(Box::new(addresses.into_iter()) as Addrs)
            } else {
                Err(FORBIDDEN_ADDRESS.into())
            }
        })
    }
}

const FORBIDDEN_ADDRESS: &str =
    "its host has an address that is not public; an operator can allow a host inside by --inside-issuers";

impl GuardedFetcher {
    /// Builds the fetcher that the settings ask for.
    ///
    /// # Errors
    /// The file of certificates cannot be read, or the list of hosts has something that is no host.
    pub(crate) fn new(settings: &Settings) -> Result<Self, CommandError> {
        let hosts = settings.inside_issuers.iter().map(|host| inside_host(host));
        let inside = Arc::new(Inside(hosts.collect::<Result<_, _>>()?));
        let mut builder = Client::builder()
            .https_only(true)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(PATIENCE)
            .pool_max_idle_per_host(0)
            .dns_resolver(CheckedResolver(Arc::clone(&inside)));
        if let Some(path) = &settings.issuer_ca {
            let refuse = |why: String| {
                CommandError::new(format!("--issuer-ca: {} cannot be used: {why}", path.display()))
            };
            let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
            let certificates =
                Certificate::from_pem_bundle(&pem).map_err(|error| refuse(error.to_string()))?;
            if certificates.is_empty() {
                return Err(refuse("it holds no PEM certificate".to_owned()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder
            .build()
            .map_err(|error| CommandError::new(format!("the client for issuers cannot be made: {error}")))?;
        Ok(Self { client, inside })
    }

    async fn get(&self, text: &str) -> Result<Fetched, String> {
        let url = self.checked(text)?;
        let accept = "application/json, application/jwk-set+json";
        let response = self.client.get(url).header(header::ACCEPT, accept).send().await;
        let response = response.map_err(|error| cause(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(format!("answered {status}: redirects are not followed"));
        }
        if !status.is_success() {
            return Err(format!("answered {status}"));
        }
        if !is_json(&response) {
            return Err("did not answer with JSON (Content-Type)".to_owned());
        }
        let max_age_seconds = max_age(&response);
        Ok(Fetched { body: body(response).await?, max_age_seconds })
    }

    /// The URL, if it may be fetched. Names are checked where they are resolved; an address has no name.
    fn checked(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err("is no https URL without a user name".to_owned());
        }
        let address = match url.host() {
            None => return Err("names no host".to_owned()),
            Some(Host::Domain(_)) => return Ok(url),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        let host = address.to_string();
        if self.inside.allows(&host, address) { Ok(url) } else { Err(FORBIDDEN_ADDRESS.to_owned()) }
    }
}

impl IssuerFetcher for GuardedFetcher {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        Box::pin(async move {
            let shown = domain::text::shown(url, 200);
            self.get(url).await.map_err(|why| FetchError(format!("{shown}: {why}")))
        })
    }
}

/// A host without port, as URLs have it.
fn inside_host(text: &str) -> Result<String, CommandError> {
    let text = text.trim();
    match Url::parse(&format!("https://{text}/")) {
        Ok(url) if url.host_str() == Some(text) && url.port().is_none() => Ok(text.to_owned()),
        _ => Err(CommandError::new(format!(
            "--inside-issuers: `{text}` is no host: write names as they stand in the issuers' URLs, in lower case, without https:// and port"
        ))),
    }
}

/// The innermost cause, which is the one that helps.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("did not answer within {} seconds", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    domain::text::shown(&cause.to_string(), 200)
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// `max-age` of `Cache-Control` (RFC 9111 §5.2.2.1).
fn max_age(response: &Response) -> Option<i64> {
    let control = response.headers().get(header::CACHE_CONTROL)?.to_str().ok()?;
    let mut directives = control.split(',').map(str::trim);
    directives.find_map(|directive| directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok())
}

async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + chunk.len() > MAXIMUM_BYTES {
            return Err(format!("answered with more than {} KiB", MAXIMUM_BYTES / 1024));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
