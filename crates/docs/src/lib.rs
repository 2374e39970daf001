//! The users' pages, compiled in from `docs/`: as pages for people, and as the Markdown that they are written in.

mod markdown;

use askama::Template;
use axum::{Router, body::Body, extract::Path, response::IntoResponse, routing::get};
use http::{HeaderValue, Response, StatusCode, header};
use std::sync::LazyLock;

/// One page, as it is written.
struct Source {
    /// Its path below `/docs/`, without an ending.
    path: &'static str,
    markdown: &'static str,
}

macro_rules! sources {
    ($($path:literal)*) => {
        [$(Source { path: $path, markdown: include_str!(concat!("../../../docs/", $path, ".md")) }),*]
    };
}

/// Every page, in the order of the navigation.
static SOURCES: [Source; 7] = sources! { "integrations/api-keys" "integrations/graphql-api" "viewport" "operating" "backup" "deploying" "planning" };

/// One page, ready to be shown.
struct Page {
    path: &'static str,
    title: String,
    html: String,
    markdown: &'static str,
}

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| SOURCES.iter().map(Page::of).collect());

#[derive(Template)]
#[template(path = "page.html")]
struct Shown<'a> {
    head: pages::Head,
    pages: &'a [Page],
    path: &'a str,
    body: &'a str,
}

impl Page {
    fn of(source: &Source) -> Self {
        let (title, html) = markdown::render(source.markdown, source.path);
        Self { path: source.path, title, html, markdown: source.markdown }
    }
}

/// `/docs`, `/docs/PAGE` and `/docs/PAGE.md`.
pub fn router() -> Router {
    Router::new().route("/docs", get(|| async { first() })).route("/docs/{*path}", get(show))
}

fn first() -> Response<Body> {
    let path = PAGES.first().map_or("", |page| page.path);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(&format!("/docs/{path}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn show(Path(path): Path<String>) -> Response<Body> {
    let (name, as_markdown) = match path.strip_suffix(".md") {
        Some(name) => (name, true),
        None => (path.trim_end_matches('/'), false),
    };
    match PAGES.iter().find(|page| page.path == name) {
        None => pages::message_for(StatusCode::NOT_FOUND).link("Documentation", "/docs").into_response(),
        Some(page) if as_markdown => {
            let mut response = Response::new(Body::from(page.markdown));
            let kind = HeaderValue::from_static("text/markdown; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Some(page) => {
            let shown = Shown {
                head: pages::Head::new(page.title.as_str()),
                pages: &PAGES,
                path: page.path,
                body: &page.html,
            };
            pages::html(StatusCode::OK, &shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn fetch(path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (parts, body) = router().oneshot(request).await.unwrap().into_parts();
        (parts.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_page_is_there_for_people_and_as_it_is_written() {
        for page in PAGES.iter() {
            let (status, html) = fetch(&format!("/docs/{}", page.path)).await;
            assert_eq!(status, 200);
            assert!(html.contains(&format!("<title>{} · Duku</title>", page.title)), "{}", page.title);
            assert_eq!(html.matches("aria-current=\"page\"").count(), 1);
            let (status, markdown) = fetch(&format!("/docs/{}.md", page.path)).await;
            assert_eq!((status, markdown.as_str()), (StatusCode::OK, page.markdown));
        }
        assert_eq!(fetch("/docs").await.0, 303);
        assert_eq!(fetch("/docs/nowhere").await.0, 404);
    }

    #[tokio::test]
    async fn links_between_pages_lead_to_pages_and_anchors_that_exist() {
        for page in PAGES.iter() {
            for link in page.html.split("href=\"/docs/").skip(1) {
                let address = link.split('"').next().unwrap();
                let (path, anchor) = address.split_once('#').unwrap_or((address, ""));
                let target = PAGES.iter().find(|other| other.path == path);
                let target = target.unwrap_or_else(|| panic!("{}: {address}", page.path));
                assert!(
                    anchor.is_empty() || target.html.contains(&format!("id=\"{anchor}\"")),
                    "{}: {address}",
                    page.path
                );
            }
            assert!(!page.html.contains(".md\""), "{}", page.path);
        }
    }
}
