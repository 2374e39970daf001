//! Pages as answers, with the headers that keep them safe.

use askama::Template;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// Everything that a page may do: its own scripts, styles and pictures, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 10] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::VARY, "HX-Request"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), \
         local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), screen-wake-lock=(), serial=(), usb=(), \
         xr-spatial-tracking=(), publickey-credentials-get=(self), publickey-credentials-create=(self), \
         clipboard-read=(), clipboard-write=(self)",
    ),
];

/// What is shown when a page cannot be rendered: it must not need a template.
const BROKEN: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Something went wrong · Duku</title>\
                      <h1>Something went wrong</h1><p>The page could not be shown. It has been logged; please try again.</p>";

/// A page, or a part of one for htmx.
pub fn html(status: StatusCode, template: &impl Template) -> Response<Body> {
    let (status, text) = match template.render() {
        Ok(text) => (status, text),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, BROKEN.to_owned())
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Lets the forms of a page lead to more origins: Chromium silently drops the redirect that answers a form otherwise. An answer
/// without a policy stays as it is.
///
/// An origin is scheme, host and port, as in `https://app.example.org:8443`; what is none is left out.
pub fn allow_form_targets<S: AsRef<str>>(response: &mut Response<Body>, origins: &[S]) {
    let mut known = "form-action 'self'".to_owned();
    for origin in origins.iter().map(S::as_ref).filter(|origin| is_origin(origin)) {
        known = format!("{known} {origin}");
    }
    let policy =
        response.headers().get(header::CONTENT_SECURITY_POLICY).and_then(|value| value.to_str().ok());
    let policy = policy.map(|policy| policy.replace("form-action 'self'", &known));
    if let Some(policy) = policy.and_then(|policy| HeaderValue::from_str(&policy).ok()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Whether `text` is one origin and nothing that would change the meaning of a policy.
fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, host)| {
        let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '+');
        !scheme.is_empty()
            && !host.is_empty()
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && host.chars().all(harmless)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(ext = "html", source = "<p>{{ word }}</p>")]
    struct Word {
        word: &'static str,
    }

    struct Fails;
    impl std::fmt::Display for Fails {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    #[derive(Template)]
    #[template(ext = "html", source = "{{ fails }}")]
    struct Broken {
        fails: Fails,
    }

    #[test]
    fn every_page_has_the_headers_that_keep_it_safe() {
        let response = html(StatusCode::NOT_FOUND, &Word { word: "none" });
        assert_eq!(response.status(), 404);
        for (name, value) in HEADERS {
            assert_eq!(response.headers()[&name], value);
        }
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self';"));
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn a_form_may_lead_to_one_named_origin_more() {
        let policy = |origin| {
            let mut response = html(StatusCode::OK, &Word { word: "" });
            allow_form_targets(&mut response, &[origin]);
            response.headers()["content-security-policy"].to_str().unwrap().to_owned()
        };
        assert!(policy("https://ci.example.org").contains("form-action 'self' https://ci.example.org;"));
        assert!(policy("http://[::1]:8080").contains("form-action 'self' http://[::1]:8080;"));
        for hostile in
            ["https://a.example; script-src *", "https://a b", "*", "https://", "https://a/b", "https://*"]
        {
            assert!(policy(hostile).contains("form-action 'self';"), "{hostile}");
        }
    }

    #[test]
    fn a_page_that_is_made_may_lead_to_more_origins() {
        let mut response = html(StatusCode::OK, &Word { word: "" });
        allow_form_targets(
            &mut response,
            &["https://a.example", "https://b.example;", "https://c.example:8443"],
        );
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("form-action 'self' https://a.example https://c.example:8443; base-uri 'none'"),
            "{policy}"
        );
        let mut plain = Response::new(Body::empty());
        allow_form_targets(&mut plain, &["https://a.example"]);
        assert!(plain.headers().is_empty());
    }

    #[test]
    fn a_page_that_cannot_be_rendered_is_an_error_page() {
        let response = html(StatusCode::OK, &Broken { fails: Fails });
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["x-frame-options"], "DENY");
    }
}
