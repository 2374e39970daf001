//! The site: which request gets which answer.

mod ask;
mod cache;
mod etag;
mod frame;
mod machines;
#[cfg(feature = "mcp")]
mod mcp;
mod missing;
mod page;
mod route;
mod search;

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Redirect},
    routing::get,
};
use cache::LibraryCache;
use http::{HeaderMap, Method, Response, StatusCode, Uri, header, request::Parts};
use pages::Asset;
use route::RequestedResource;
use serde::Serialize;
use std::sync::{Arc, OnceLock};

use crate::library::{Library, address};

/// The files that the site's pages load beside those of all pages.
pub static ASSETS: [Asset; 2] = [
    Asset {
        name: "docs.css",
        content_type: "text/css; charset=utf-8",
        gzip: include_bytes!(concat!(env!("OUT_DIR"), "/docs.css.gz")),
    },
    Asset {
        name: "docs.js",
        content_type: "text/javascript; charset=utf-8",
        gzip: include_bytes!(concat!(env!("OUT_DIR"), "/docs.js.gz")),
    },
];

/// Where a site stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What stands before every path of it, without a slash at the end: `https://duku.example/docs`, or a host of its own.
    pub url: String,
    /// Host and port as requests name them, if the site has a host of its own.
    pub host: Option<String>,
    /// Where the product is that this is the documentation of.
    pub product: String,
}

/// A documentation site. Cheap to clone; nothing is read before the first request.
#[derive(Clone)]
pub struct Docs(Arc<Inner>);

struct Inner {
    address: Address,
    cache: OnceLock<LibraryCache>,
}

/// What stands before the paths of a site in a request: `/docs`, or nothing on a host of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mount {
    Below,
    Own,
}

impl Mount {
    const fn base(self) -> &'static str {
        match self {
            Self::Below => "/docs",
            Self::Own => "",
        }
    }
}

/// The longest text that is looked for or asked, in characters.
const LONGEST: usize = 1000;

/// What is wrong with a text that is looked for or asked.
type Rejection = &'static str;

const BADLY_ENCODED: Rejection = "The address is badly encoded, or asks twice.";

/// A rejection as JSON.
#[derive(Serialize)]
struct RejectionBody<'a> {
    error: &'a str,
}

/// What is to be known of a request.
struct Asked {
    mount: Mount,
    uri: Uri,
    headers: HeaderMap,
}

impl Asked {
    fn accepts(&self, kind: &str) -> bool {
        let values = self.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut kinds = values.flat_map(|value| value.split(',')).map(str::trim);
        kinds.any(|listed| listed.split(';').next().is_some_and(|name| name.eq_ignore_ascii_case(kind)))
    }

    /// A program asks, not a person's browser.
    fn wants_json(&self) -> bool {
        self.accepts("application/json") && !self.accepts("text/html")
    }

    fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }
}

/// A host as one name stands for it: without a dot at its end, and without the port that needs no saying.
fn plain_host(host: &str) -> &str {
    let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host)
}

impl Docs {
    /// The site of the pages that are compiled in.
    pub fn embedded(address: Address) -> Self {
        Self(Arc::new(Inner { address, cache: OnceLock::new() }))
    }

    /// The site of another library.
    pub fn of(library: Library, address: Address) -> Self {
        Self(Arc::new(Inner { address, cache: OnceLock::from(LibraryCache::of(library)) }))
    }

    fn library_cache(&self) -> &LibraryCache {
        self.0.cache.get_or_init(|| LibraryCache::of(Library::embedded()))
    }

    /// What stands before the path of every page.
    pub fn url(&self) -> &str {
        &self.0.address.url
    }

    /// The site below `/docs`, and what machines look for at the root.
    pub fn router(&self) -> Router {
        let serve = |at: fn(&Asked, &Docs) -> RequestedResource| {
            let docs = self.clone();
            get(async move |request: Request| {
                let asked = Asked::of(Mount::Below, request);
                let wanted = at(&asked, &docs);
                docs.answer(&asked, wanted).await
            })
        };
        let router = Router::new()
            .route("/docs", serve(RequestedResource::of))
            .route("/docs/", serve(RequestedResource::of))
            .route("/docs/{*path}", serve(RequestedResource::of))
            .route("/llms.txt", serve(|_, _| RequestedResource::Contents))
            .route("/llms-full.txt", serve(|_, _| RequestedResource::Everything));
        #[cfg(feature = "mcp")]
        let router = router.route("/docs/mcp", {
            let docs = self.clone();
            axum::routing::any(async move |request: Request| mcp::answer(&docs, request).await)
        });
        router
    }

    /// Whether a request is for the site's own host and for the site there: files beside pages and probes are the server's.
    pub fn is_own(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(host) = self.0.address.host.as_deref().map(plain_host) else { return false };
        let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let named = named.or_else(|| uri.authority().map(http::uri::Authority::as_str));
        let servers = ["/assets/", "/healthz", "/readyz"];
        named.is_some_and(|named| plain_host(named).eq_ignore_ascii_case(host))
            && !servers.iter().any(|path| uri.path().starts_with(path))
    }

    /// Answers a request for the site's own host.
    pub async fn answer_own(&self, request: Request) -> Response<Body> {
        #[cfg(feature = "mcp")]
        if request.uri().path() == "/mcp" {
            return mcp::answer(self, request).await;
        }
        let is_head = request.method() == Method::HEAD;
        if !is_head && request.method() != Method::GET {
            return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
        }
        let asked = Asked::of(Mount::Own, request);
        let wanted = RequestedResource::of(&asked, self);
        let mut response = self.answer(&asked, wanted).await;
        if is_head {
            *response.body_mut() = Body::empty();
        }
        response
    }

    async fn answer(&self, asked: &Asked, wanted: RequestedResource) -> Response<Body> {
        match wanted {
            RequestedResource::Page(place) => page::answer(self, asked, place),
            RequestedResource::Markdown(place) => match ask::of_page(self, asked, place).await {
                Some(answer) => answer,
                None => machines::markdown(self, asked, place),
            },
            RequestedResource::Contents => machines::contents(self, asked),
            RequestedResource::Everything => machines::everything(self, asked),
            RequestedResource::Search => search::answer(self, asked).await,
            RequestedResource::Ask => ask::page(self, asked).await,
            RequestedResource::Opening(path) => {
                Redirect::to(&address(asked.mount.base(), &path)).into_response()
            }
            RequestedResource::Moved(path) => {
                let query = asked.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                Redirect::permanent(&format!("{}{query}", address(asked.mount.base(), &path))).into_response()
            }
            RequestedResource::Nothing { path, as_markdown } => {
                missing::answer(self, asked, &path, as_markdown)
            }
        }
    }
}

impl Asked {
    fn of(mount: Mount, request: Request) -> Self {
        let (Parts { uri, headers, .. }, _) = request.into_parts();
        Self { mount, uri, headers }
    }
}

#[cfg(test)]
mod tests;
