//! Cookies of people's browsers (RFC 6265): never readable by scripts, never sent along by other sites' requests.
//!
//! Under https a cookie's name begins with `__Host-`, so that no other host of the same domain can set it.

use http::{HeaderMap, HeaderValue, header};

/// One of the cookies that a surface sets, on an origin that is reached by https or not.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    name: &'static str,
    plain_name: &'static str,
    secure: bool,
}

impl Cookie {
    /// The session in Viewport, which the GraphQL API takes too.
    pub const fn session(secure: bool) -> Self {
        Self { name: "__Host-duku_session", plain_name: "duku_session", secure }
    }

    /// The sign-in at the authorization server.
    pub const fn sign_in(secure: bool) -> Self {
        Self { name: "__Host-duku_sign_in", plain_name: "duku_sign_in", secure }
    }

    /// What Viewport remembers while a person is away at the authorization server.
    pub const fn pending_login(secure: bool) -> Self {
        Self { name: "__Host-duku_departure", plain_name: "duku_departure", secure }
    }

    /// Whether it travels over TLS only, which the whole origin then does.
    pub const fn is_secure(self) -> bool {
        self.secure
    }

    /// The name that the browser knows it by.
    pub const fn name(self) -> &'static str {
        if self.secure { self.name } else { self.plain_name }
    }

    /// Its value in a request. If a browser sends it twice, neither is taken.
    pub fn read(self, headers: &HeaderMap) -> Option<&str> {
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, value)| *name == self.name() && !value.is_empty())
            .map(|(_, value)| value);
        match (found.next(), found.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// `Set-Cookie` with a value of characters that need no encoding, for `seconds`; without, until the browser is closed.
    pub fn set(self, value: &str, seconds: Option<i64>) -> Option<HeaderValue> {
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.name());
        HeaderValue::from_str(&text).ok()
    }

    /// `Set-Cookie` that takes the cookie away.
    pub fn clear(self) -> Option<HeaderValue> {
        self.set("", Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::COOKIE, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_only_once() {
        let cookie = Cookie::session(false);
        assert_eq!(cookie.read(&headers(&["a=b; duku_session=x", "c=d"])), Some("x"));
        assert_eq!(cookie.read(&headers(&["xduku_session=x; duku_session="])), None);
        assert_eq!(cookie.read(&headers(&["duku_session=x; duku_session=y"])), None);
        assert_eq!(
            Cookie::session(true).read(&headers(&["duku_session=x"])),
            None,
            "not the one of plain http"
        );
    }

    #[test]
    fn a_cookie_is_set_for_this_host_and_no_script() {
        let set = Cookie::session(true).set("x", Some(60)).unwrap();
        assert_eq!(set, "__Host-duku_session=x; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60");
        assert_eq!(
            Cookie::sign_in(false).clear().unwrap(),
            "duku_sign_in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
        assert!(Cookie::session(true).set("a\nb", None).is_none());
    }
}
