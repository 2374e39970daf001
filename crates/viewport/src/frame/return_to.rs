//! Where a person goes after signing in: only ever a page of this dashboard.

/// The longest address that is remembered, in characters.
const MAXIMUM: usize = 1000;

/// The page that `wanted` names if it is one of ours, the first page otherwise. No other site, and no way around it by
/// slashes, backslashes or control characters, which browsers read as slashes or drop.
pub(crate) fn own_page(wanted: Option<&str>) -> &str {
    let is_own = |page: &&str| {
        let plain = |c: char| c.is_ascii_graphic() && c != '\\';
        let path = page.split(['?', '#']).next().unwrap_or("");
        page.len() <= MAXIMUM
            && page.starts_with('/')
            && !page.starts_with("//")
            && page.chars().all(plain)
            && !matches!(path, "/login" | "/login/callback" | "/logout")
    };
    wanted.filter(is_own).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::own_page;

    #[test]
    fn only_pages_of_the_dashboard_are_gone_to() {
        for good in ["/", "/settings/api-keys?a=b#c", "/p/sbj_1", "/invite/abc", "/loginx"] {
            assert_eq!(own_page(Some(good)), good);
        }
        for bad in [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "/a\nb",
            "/\t/evil.example",
            " /x",
            "",
            "/login?next=/",
            "/logout",
            &format!("/{}", "x".repeat(1000)),
        ] {
            assert_eq!(own_page(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(own_page(None), "/");
    }
}
