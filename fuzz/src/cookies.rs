//! Cookies: the first byte chooses a page, each line after it is a `Cookie` header.

use super::installation::installation;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use web::Cookie;

const PAGES: [&str; 6] = [
    "/settings/api-keys",
    "/",
    "/products",
    "/account",
    "/login/callback?code=c&state=s",
    "/realms/duku/protocol/openid-connect/logout",
];

/// Panics if a cookie that a browser sends twice or not at all is taken, one that we set is not read back, or somebody gets in.
pub fn run(data: &[u8]) {
    let Some((page, rest)) = data.split_first() else { return };
    let mut headers = HeaderMap::new();
    for line in rest.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(header::COOKIE, value);
    }
    for cookie in [Cookie::session(false), Cookie::sign_in(true), Cookie::pending_login(false)] {
        one_cookie_or_none(cookie, &headers);
        what_is_set_is_read_back(cookie, rest);
    }
    let page = PAGES[usize::from(*page) % PAGES.len()];
    let mut request = Request::get(page).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
    request.headers_mut().extend(headers);
    let answer = installation().ask(request);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains("Acme") && !text.contains("ada@example.org"), "somebody got in: {text}");
    if page == PAGES[0] {
        assert_ne!(answer.status, StatusCode::OK, "{text}");
    }
}

fn one_cookie_or_none(cookie: Cookie, headers: &HeaderMap) {
    let Some(read) = cookie.read(headers) else { return };
    let whole = format!("{}={read}", cookie.name());
    let times: usize = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter(|pair| pair.trim() == whole)
        .count();
    assert!(times == 1 && !read.is_empty() && !read.contains(';'), "{whole} stands there {times} times");
}

fn what_is_set_is_read_back(cookie: Cookie, value: &[u8]) {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let value: String = value.iter().filter(|byte| plain(byte)).map(|byte| char::from(*byte)).collect();
    let set = cookie.set(&value, Some(60)).unwrap();
    let pair = set.to_str().unwrap().split(';').next().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::from_str(pair).unwrap());
    assert_eq!(cookie.read(&headers), (!value.is_empty()).then_some(value.as_str()));
}
