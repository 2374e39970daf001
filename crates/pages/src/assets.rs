//! Static files: compiled in, named by their content, cached for ever.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery};
use axum::routing::get;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::sync::{Arc, LazyLock, OnceLock};

/// A file that browsers load beside a page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// The last segment of its path below `/assets/`.
    pub name: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// What is in it, in gzip.
    pub gzip: &'static [u8],
}

impl Asset {
    /// The address of exactly this content: it changes when the content does.
    pub fn url(&self) -> String {
        format!("/assets/{}?v={}", self.name, self.version())
    }

    fn version(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.gzip.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files that every page shares.
static SHARED: &[Asset] = &[
    Asset {
        name: "style.css",
        content_type: "text/css; charset=utf-8",
        gzip: include_bytes!(concat!(env!("OUT_DIR"), "/style.css.gz")),
    },
    Asset {
        name: "app.js",
        content_type: SCRIPT,
        gzip: include_bytes!(concat!(env!("OUT_DIR"), "/app.js.gz")),
    },
    #[cfg(feature = "passkeys")]
    Asset {
        name: "passkeys.js",
        content_type: SCRIPT,
        gzip: include_bytes!(concat!(env!("OUT_DIR"), "/passkeys.js.gz")),
    },
    Asset {
        name: "htmx.js",
        content_type: SCRIPT,
        gzip: include_bytes!(concat!(env!("OUT_DIR"), "/htmx.js.gz")),
    },
    Asset {
        name: "favicon.svg",
        content_type: "image/svg+xml",
        gzip: include_bytes!(concat!(env!("OUT_DIR"), "/favicon.svg.gz")),
    },
];

static SHARED_URLS: LazyLock<Vec<(&'static str, String)>> =
    LazyLock::new(|| SHARED.iter().map(|asset| (asset.name, asset.url())).collect());

/// The address of a file that every page shares; of one that is unknown, the path where it would be.
pub fn asset_url(name: &str) -> &'static str {
    SHARED_URLS.iter().find(|(known, _)| *known == name).map_or("/assets/", |(_, url)| url)
}

/// Serves the shared files: `GET /assets/{name}`.
pub fn assets() -> Router {
    assets_with(&[])
}

/// Serves the shared files and `more`. A surface builds the addresses of its own ones with [`Asset::url`].
pub fn assets_with(more: impl IntoIterator<Item = &'static Asset>) -> Router {
    let table: Arc<Vec<Served>> = Arc::new(SHARED.iter().chain(more).map(Served::of).collect());
    Router::new().route(
        "/assets/{name}",
        get(move |Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap| {
            let table = Arc::clone(&table);
            async move {
                match table.iter().find(|served| served.asset.name == name) {
                    Some(served) => served.answer(query.as_deref(), &headers),
                    None => not_found(),
                }
            }
        }),
    )
}

/// A file with what is known of it once, not at each request.
struct Served {
    asset: &'static Asset,
    version: String,
    /// Unpacked when somebody asks who does not take gzip.
    plain: OnceLock<Bytes>,
}

impl Served {
    fn of(asset: &'static Asset) -> Self {
        Self { asset, version: asset.version(), plain: OnceLock::new() }
    }

    fn plain(&self) -> Bytes {
        let unpack = || {
            let mut bytes = Vec::new();
            if let Err(error) = GzDecoder::new(self.asset.gzip).read_to_end(&mut bytes) {
                tracing::error!(%error, name = self.asset.name, "a static file cannot be unpacked");
            }
            Bytes::from(bytes)
        };
        self.plain.get_or_init(unpack).clone()
    }

    fn answer(&self, query: Option<&str>, request: &HeaderMap) -> Response<Body> {
        let Self { asset, version, .. } = self;
        let tag = format!("\"{version}\"");
        let listed = |name| {
            let values = request.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).map(str::trim)
        };
        let known = listed(header::IF_NONE_MATCH).any(|value| value.trim_start_matches("W/") == tag);
        let takes_gzip = listed(header::ACCEPT_ENCODING).any(|value| value.split(';').next() == Some("gzip"));
        let mut response = Response::new(Body::empty());
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if takes_gzip {
            *response.body_mut() = Body::from(asset.gzip);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        } else {
            *response.body_mut() = Body::from(self.plain());
        }
        let exact = query.and_then(|query| query.strip_prefix("v=")) == Some(version);
        label(response.headers_mut(), asset, exact, &tag);
        response
    }
}

fn label(headers: &mut HeaderMap, asset: &Asset, exact: bool, tag: &str) {
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(if exact { "public, max-age=31536000, immutable" } else { "no-cache" }),
    );
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("There is no such file.\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    const EXTRA_GZIP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/favicon.svg.gz"));
    static EXTRA: [Asset; 1] = [Asset { name: "extra.js", content_type: SCRIPT, gzip: EXTRA_GZIP }];

    async fn fetch(path: &str, none_match: Option<&str>) -> Response<Body> {
        let mut request = Request::get(path);
        if let Some(tag) = none_match {
            request = request.header("if-none-match", tag);
        }
        assets_with(&EXTRA).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn every_file_is_served_for_ever_under_its_own_address() {
        for asset in SHARED.iter().chain(&EXTRA) {
            let response = fetch(&asset.url(), None).await;
            assert_eq!(response.status(), 200, "{}", asset.name);
            assert_eq!(response.headers()["content-type"], asset.content_type);
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
            let tag = response.headers()["etag"].to_str().unwrap().to_owned();
            let file = if asset.name == "extra.js" { "favicon.svg" } else { asset.name };
            let file = std::fs::read(format!("{}/assets/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            assert_eq!(&*response.into_body().collect().await.unwrap().to_bytes(), file);

            let again = fetch(&asset.url(), Some(&tag)).await;
            assert_eq!(again.status(), 304);
            assert!(again.into_body().collect().await.unwrap().to_bytes().is_empty());
        }
    }

    #[tokio::test]
    async fn an_address_of_other_content_is_not_kept() {
        for path in ["/assets/app.js", "/assets/app.js?v=0000000000000000"] {
            let response = fetch(path, None).await;
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["cache-control"], "no-cache");
        }
    }

    #[tokio::test]
    async fn unknown_names_are_not_found() {
        for path in ["/assets/nothing.js", "/assets/..%2fCargo.toml", "/assets/"] {
            assert_eq!(fetch(path, None).await.status(), 404, "{path}");
        }
    }

    #[test]
    fn the_shared_files_have_addresses_and_stay_small() {
        for asset in SHARED {
            assert_eq!(asset_url(asset.name), asset.url());
        }
        let size = |name| Served::of(SHARED.iter().find(|asset| asset.name == name).unwrap()).plain().len();
        assert!(size("style.css") < 32 * 1024);
        assert!(size("app.js") < 15 * 1024);
    }
}
